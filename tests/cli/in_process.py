"""The command line in the process of the tests: it takes seconds to import what a command needs, and here it is there.

What only a process of its own can show is not asked here: what libraries write to the streams themselves, what is
imported when, and how signals end it.
"""

from __future__ import annotations

import io
import logging
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from tidegate.cli import main


def command_line(
    *arguments: str, together: bool = False, columns: int = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What such a command prints, and its exit code. What would be a traceback there is raised here.

    Args:
        together: whether both streams are one, standard output.
        columns: the width of the terminal that it is told of.
    """
    out = io.StringIO()
    err = out if together else io.StringIO()
    logger, code = logging.getLogger("tidegate"), 0
    level, handlers, propagates = logger.level, logger.handlers[:], logger.propagate
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["tidegate", *arguments])
        patch.setattr(signal, "signal", lambda *_: None)  # this process is the tests', and stays as it is
        for name, value in ({"COLUMNS": str(columns)} | environment).items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        finally:
            logger.level, logger.handlers[:], logger.propagate = level, handlers, propagates
    printed = (out.getvalue(), "" if together else err.getvalue())
    return subprocess.CompletedProcess(["tidegate", *arguments], code, *printed)
