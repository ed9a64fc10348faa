"""The examples in README and docs do what they show.

A page is played from top to bottom in an empty folder: a block with a title is written to the file of that name, a
Python block is run, and of a console block each ``$ command`` is run and must print exactly what follows it. ``...``
stands for anything, with the blanks behind it; blanks at the end of a line do not count.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from tests.cli.in_process import command_line

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TITLE = re.compile(r'title="([^"]+)"')
PLAIN = re.compile(r"tidegate [^|&;<>$`\\]*")
"""A command that needs no shell, and so no process of its own."""
_GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "A Reader", "EMAIL": "reader@example.org"}.items()
}
"""Git as everybody has it, and somebody who commits."""


def blocks(page: Path) -> list[tuple[str, str | None, str]]:
    """The page's code blocks as (language, title, content)."""
    found = []
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            title = TITLE.search(token.info)
            found.append((token.info.split(" ")[0], title[1] if title else None, token.content))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_does_what_it_shows(
    page: Path, tmp_path: Path, warm: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    programs = f"{warm.parent}{os.pathsep}{Path(sys.executable).parent}"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "100")
    for name, value in _GIT.items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, Any] = {"__name__": "example"}
    for language, title, content in blocks(page):
        if title is not None:
            Path(title).parent.mkdir(parents=True, exist_ok=True)
            Path(title).write_text(content, encoding="utf-8")
        elif language == "python":
            exec(compile(content, f"{page.name}: example", "exec", dont_inherit=True), namespace)
        elif language == "console":
            _play(content)


def _play(content: str) -> None:
    for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
        command, _, wanted = part.partition("\n")
        if PLAIN.fullmatch(command):
            done = command_line(*shlex.split(command)[1:], together=True, columns=100)
        else:
            done = subprocess.run(
                ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
        shown = re.sub(r"\.\.\. +", "... ", wanted)  # a table is as wide as what it holds
        printed = re.sub(r" +$", "", done.stdout, flags=re.MULTILINE)
        same = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
        assert same, f"$ {command}\n{done.stdout}\nwhere the page shows\n{wanted}"


def test_a_page_that_shows_something_else_fails() -> None:
    _play("$ echo 'a  b    c '\na  ...  c\n")
    for other in ("$ echo a\nb\n", "$ echo 'a  b'\na b\n", "$ printf 'a\\nb\\n'\na b\n"):
        with pytest.raises(AssertionError, match="where the page shows"):
            _play(other)
