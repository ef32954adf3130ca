"""What an operator finds without reading the documentation: help, examples, completion, colour."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from stacks.paths import PROJECT_ROOT
from trading.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.core import TyperCommand

    from .conftest import Project


def verbs(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from verbs(child, *path, name)
    else:
        yield path, command


VERBS = dict(verbs(typer.main.get_command(main)))


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_helps_with_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert f"trading {' '.join(path)}" in result.stdout.split("Example")[1]


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    for parameter in VERBS[path].params:
        assert getattr(parameter, "help", None), parameter.name


def complete(words: str, **environment: str) -> list[str]:
    """What the shell would offer, asked as bash asks."""
    asked = {"_TRADING_COMPLETE": "complete_bash", "COMP_WORDS": words}
    result = subprocess.run(
        [sys.executable, "-c", "from trading.cli import main; main(prog_name='trading')"],
        cwd=PROJECT_ROOT,
        env={**os.environ, **asked, "COMP_CWORD": str(len(words.split(" ")) - 1), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("trading dr", ["drain", "drift"]),
        ("trading deploy data-", ["data-us-east-1", "data-us-west-2"]),
        ("trading deploy --layer d", ["data"]),
        ("trading drift --region us-w", ["us-west-2"]),
        ("trading plan --env s", ["staging"]),
    ],
)
def test_the_shell_completes(project: Project, words: str, offered: list[str]) -> None:
    assert complete(words, TF_WORKSPACE="dev") == offered


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_heeded(project: Project, no_color: str, coloured: bool) -> None:
    environment = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": no_color}
    if not no_color:
        del environment["NO_COLOR"]
    result = subprocess.run(
        [sys.executable, "-m", "trading.cli", "deploy", "--env", "dev", "--help"],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("\x1b[3" in result.stdout or "\x1b[1;3" in result.stdout) is coloured


@pytest.mark.parametrize(
    "words",
    [["plan", "--bogus"], ["plan", "--parallelism", "0"], ["bogus"], ["--bogus"]],
    ids=" ".join,
)
def test_mistyped_is_an_error_and_not_a_difference(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 1
