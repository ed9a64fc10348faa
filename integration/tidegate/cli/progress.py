"""What is being done, on a terminal, while it takes long. Elsewhere nothing."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[None]:
    """Show the step under way on standard error, if that is a terminal."""
    logger = logging.getLogger("tidegate")
    if not sys.stderr.isatty() or logger.isEnabledFor(logging.INFO):  # the log tells the steps itself
        yield
        return
    from rich.console import Console

    level, others = logger.level, {handler: handler.level for handler in logger.handlers}
    with Console(stderr=True).status("reading …") as status:

        class Steps(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                step = getattr(record, "fields", {}).get("step")
                if record.getMessage() == "step started":
                    status.update(f"{step} …")

        handler = Steps(logging.DEBUG)
        for other in others:  # they are not to see what only we asked for
            other.setLevel(max(other.level, logging.WARNING))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            for other, before in others.items():
                other.setLevel(before)
