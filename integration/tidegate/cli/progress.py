"""What is being done, on a terminal: a bar for each step. Elsewhere nothing."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate.telemetry import Listener, Step, listen

if TYPE_CHECKING:
    from rich.progress import Progress, Task


@contextmanager
def progress() -> Iterator[None]:
    """Show on standard error how the steps go on, if that is a terminal."""
    if not sys.stderr.isatty() or logging.getLogger("tidegate").isEnabledFor(logging.INFO):  # the log tells the steps
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Told(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(told(task))

    columns = (TextColumn("{task.description:<18}", markup=False), BarColumn(bar_width=16), Told())
    with Progress(*columns, console=Console(stderr=True)) as bars, listen(_Steps(bars)):
        yield


class _Steps(Listener):
    """A bar for each step. The one of a step that failed is left as it was."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: Task | None = None

    def began(self, step: str) -> None:
        number = self._bars.add_task(step, total=None)
        self._task = next(task for task in self._bars.tasks if task.id == number)

    def advanced(self, done: float, total: float, unit: str) -> None:
        if (task := self._task) is None:
            return
        if done < task.completed or unit != task.fields.get("unit"):  # it is read again, or it is another query
            self._bars.reset(task.id, total=total, unit=unit)
        self._bars.update(task.id, total=total, completed=done)

    def ended(self, step: Step) -> None:
        if self._task is not None:
            self._bars.update(self._task.id, total=1, completed=1, ended=step)
            self._task = None


def told(task: Task) -> str:
    """What stands beside a bar: what the step came to, or how far it is, how fast, and for how long it will go on."""
    from rich.filesize import decimal

    ended: Step | None = task.fields.get("ended")
    if ended is not None:
        amount = f"{ended.rows:,} rows, " if ended.rows is not None else ""
        amount += f"{decimal(ended.bytes)}, " if ended.bytes is not None else ""
        return f"{amount}{ended.seconds:.1f} s"
    if not task.total:
        return f"{task.elapsed or 0:.0f} s"
    if task.fields["unit"] != "bytes":
        return f"{task.percentage:.0f} % of a query"  # how many more there will be, nobody knows
    words = f"{task.percentage:.0f} % of {decimal(int(task.total))}"
    # Of the whole time: DuckDB tells of large CSV in few and large steps, between which there is no speed.
    rate = task.completed / task.elapsed if task.elapsed else 0
    if rate:
        left = round((task.total - task.completed) / rate)
        words += f", {decimal(int(rate))}/s, {left // 60}:{left % 60:02} left"
    return words
