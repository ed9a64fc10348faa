"""The sources: where a submission lies, and the snapshot of it that is integrated.

`acquire` looks at every byte once, so that later rooms can tell whether a file is still the one that was acquired.
"""

from tidegate.sources.local_path import Snapshot, acquire

__all__ = ["Snapshot", "acquire"]
