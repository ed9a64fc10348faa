"""The command line: one command per file, nothing imported before it is needed, and exit codes that follow the verdict.

Exit codes: 0 accepted, 1 rejected, 2 misuse or a broken contract, 3 the source cannot be read, 4 anything else.
"""

from __future__ import annotations

import errno
import logging
import signal
import sys
import warnings
from typing import Annotated

import typer

from tidegate.cli import (
    contracts,
    diff,
    history,
    init,
    integrate,
    lineage,
    maintain,
    profile,
    revoke,
    rollback,
    track,
    validate,
    verify,
)
from tidegate.cli.demo import demo
from tidegate.errors import SubmissionRejected, TidegateError
from tidegate.telemetry import configure_logging, pass_over_pandas_on_spark

app = typer.Typer(
    name="tidegate",
    help="The gate that contributed data passes through before it reaches a training set.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

app.command("validate")(validate.validate)
app.command("integrate")(integrate.integrate)
app.command("history")(history.history)
app.command("rollback")(rollback.rollback)
app.command("verify")(verify.verify)
app.command("diff")(diff.diff)
app.command("revoke")(revoke.revoke)
app.command("lineage")(lineage.lineage)
app.command("maintain")(maintain.maintain)
app.command("profile")(profile.profile)
app.command("track")(track.track)
app.command("init")(init.init)
app.add_typer(contracts.app, name="contracts")
app.command("demo")(demo)


def _version(wanted: bool) -> None:
    if wanted:
        from tidegate import __version__

        typer.echo(f"tidegate {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each step to standard error.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    configure_logging(logging.INFO if verbose or log_json else logging.WARNING, as_json=log_json)


class _Stopped(BaseException):
    """Ctrl-C or SIGTERM. No `Exception`, so that everything is cleaned up behind it and nothing goes on."""


def main() -> None:
    """Run the command line. What is the input's fault ends in words, never in a traceback."""
    pass_over_pandas_on_spark()
    received: list[int] = []
    # Pandera imports PySpark where that is installed, which then says what it thinks of pandas 3, again and again.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)

    def stop(number: int, frame: object) -> None:
        received.append(number)
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)  # a second one must not cut the cleaning up short
        raise _Stopped

    for one in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(one) is not signal.SIG_IGN:  # as behind nohup, or in the background
            signal.signal(one, stop)
    try:
        _run()
    except BaseException:  # a library may have made another error of it
        if not received:
            raise
        typer.echo("interrupted; call it again: what was published by then is not published twice", err=True)
        sys.exit(128 + received[0])


def _run() -> None:
    try:
        app()
    except SubmissionRejected as error:
        sys.exit(error.exit_code)  # the command has printed the report
    except TidegateError as error:
        from tidegate.reports.safe import lines_shown

        typer.echo(lines_shown(f"{error.code}: {error.fact}"), err=True)
        if error.hint:
            typer.echo(lines_shown(f"\n{error.hint}"), err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        typer.echo(f"tidegate-error: {error.strerror}: {error.filename or 'the work folder'}", err=True)
        typer.echo("\nNothing was published. Free space there, or name another state_dir.", err=True)
        sys.exit(TidegateError.exit_code)
