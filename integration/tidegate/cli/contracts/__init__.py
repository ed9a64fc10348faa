"""`tidegate contracts`: the contracts of the registry. One command per file."""

from __future__ import annotations

import typer

from tidegate.cli.contracts.check import check
from tidegate.cli.contracts.diff import diff
from tidegate.cli.contracts.list import list_contracts
from tidegate.cli.contracts.new import new
from tidegate.cli.contracts.release import release
from tidegate.cli.contracts.replay import replay
from tidegate.cli.contracts.show import show
from tidegate.cli.contracts.template import template

app = typer.Typer(help="Look at the contracts of the registry.", no_args_is_help=True, rich_markup_mode=None)

app.command("list")(list_contracts)
app.command("show")(show)
app.command("diff")(diff)
app.command("check")(check)
app.command("release")(release)
app.command("replay")(replay)
app.command("template")(template)
app.command("new")(new)
