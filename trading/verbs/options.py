"""The options that verbs share: one name and one meaning everywhere."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from trading.targets import TargetName
from trading.verbs import completion

DEFAULT_PARALLELISM = min(4, 2 * (os.cpu_count() or 1))

# The exit code that tells differences from errors.
DIFFERENCES_FOUND = 2

Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        envvar="TF_WORKSPACE",
        help="dev, staging, prod, or a copy: dev-pr42.",
        autocompletion=completion.environments,
    ),
]
TargetOption = Annotated[
    TargetName, typer.Option("--target", envvar="TRADING_TARGET", help="Where to deploy to.")
]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STACK]...", help="Stacks; none for all.", autocompletion=completion.stacks
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", help="Only this layer (repeatable).", autocompletion=completion.layers),
]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region", help="Only this region (repeatable).", autocompletion=completion.regions
    ),
]
Parallelism = Annotated[
    int, typer.Option(min=1, help="How many stacks to work on at the same time.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", metavar="NAME", help="The environment's name, instead of typing it."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="A line for every resource.")]
JsonEvents = Annotated[
    bool, typer.Option("--json", help="Print each event of the run as a line of JSON.")
]
WithDependencies = Annotated[
    bool, typer.Option("--with-dependencies", help="And all that the selected stacks need.")
]
WithDependents = Annotated[
    bool, typer.Option("--with-dependents", help="And all that is built upon the selected stacks.")
]
KeepData = Annotated[
    bool,
    typer.Option(
        "--keep-data",
        help="Keep rows and objects in the archive first; where data matters that is always done.",
    ),
]
LoseData = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STACK",
        help="Where data matters, destroy this stack though its data cannot be kept (repeatable).",
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Start empty, though the archive has data to bring back.")
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="GENERATION",
        help="Bring this generation of the archive back, not the newest.",
    ),
]
AllowReplace = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STACK:ADDRESS",
        help="Where data matters, allow this database, key, bucket or zone to be replaced or"
        " destroyed (repeatable).",
    ),
]
