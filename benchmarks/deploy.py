"""Time `trading deploy` of all stacks against `cdktf deploy '*'`, in turns, on a local AWS of its own."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cdktf_cli import VERSION, CdktfCli
from benchmarks.critical_path import critical_path
from stacks.paths import PROJECT_ROOT, work_directory
from trading.engine.plugins import GARBAGE_COLLECTION, terraform_environment
from trading.targets import LocalAwsTarget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORKSPACE = "dev"
FIRST, AGAIN, PLAN = "first deploy", "deploy again", "plan"


class BenchError(Exception):
    """A command of the benchmark failed; the message is the end of what it said."""


@dataclass(frozen=True)
class Timing:
    """How long a command took, and the processor time of all its processes."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.0f} s (processor {self.processor:.0f} s)"


class Bench:
    """A local AWS with the foundation, and two ways to deploy the same stacks to it."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.cdktf = CdktfCli(folder / "cdktf")
        self.needs: dict[str, list[str]] = {}
        self.timings: dict[tuple[str, str], list[Timing]] = defaultdict(list)
        self.paths: list[str] = []

    def prepare(self) -> None:
        """Install the cdktf CLI, start the local AWS, deploy the foundation."""
        self.cdktf.install()
        self._run("up", _trading("local", "up"))
        self._run("foundation", _trading("foundation", "deploy", "--yes"))
        stacks = json.loads(self._run("stacks", _trading("stacks", "--json")).read_text())
        self.needs = {stack["name"]: stack["needs"] for stack in stacks}

    def time_trading(self) -> None:
        """Deploy what is not there, deploy again with nothing to change, plan, and undo it all."""
        self._forget()
        deploy = _trading("deploy", "--yes", "--json")
        log = self._time("trading", FIRST, deploy)
        self.paths.append(self._compare_with_critical_path(log))
        self._time("trading", AGAIN, deploy)
        self._time("trading", PLAN, _trading("plan"))
        self._destroy()

    def time_cdktf(self) -> None:
        """Deploy what is not there, deploy again with nothing to change, and undo it all."""
        self._forget()
        output = self.work / WORKSPACE / "cdktf.out"
        # The CLI makes no folder above that one.
        output.parent.mkdir()
        for name in self.needs:
            # It waits for ever on a hidden prompt for a workspace that does not exist.
            (self.work / "state" / name / WORKSPACE).mkdir(parents=True, exist_ok=True)
        command = self.cdktf.deploy_command(output)
        environment = self._cdktf_environment()
        self._time("cdktf", FIRST, command, environment)
        self._time("cdktf", AGAIN, command, environment)
        self._destroy()

    def finish(self) -> None:
        """Stop the local AWS."""
        self._run("down", _trading("local", "down"))

    def report(self) -> list[str]:
        """The figures; of several pairs their medians."""
        lines = [f"{os.cpu_count()} cores, cdktf-cli {VERSION}, pairs: {len(self.paths)}"]
        for what in (FIRST, AGAIN):
            ours, theirs = (self._median(who, what) for who in ("trading", "cdktf"))
            ratio = theirs.wall / ours.wall
            lines.append(f"{what}: trading {ours}, cdktf {theirs}; {ratio:.2f} times as fast")
        lines.append(f"{PLAN}: trading {self._median('trading', PLAN)}")
        return lines + self.paths

    def _compare_with_critical_path(self, log: Path) -> str:
        events = [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
        seconds = {
            event["stack"]: event["seconds"]
            for event in events
            if event["event"] == "stack_finished"
        }
        chain, length = critical_path(seconds, self.needs)
        wall = self.timings["trading", FIRST][-1].wall
        steps = " -> ".join(f"{name} {seconds[name]:.0f}" for name in chain)
        return f"critical path {length:.0f} s ({steps}); wall time {wall / length:.2f} times that"

    def _median(self, who: str, what: str) -> Timing:
        timings = self.timings[who, what]
        return Timing(
            statistics.median(timing.wall for timing in timings),
            statistics.median(timing.processor for timing in timings),
        )

    def _destroy(self) -> None:
        self._run("destroy", _trading("destroy", "--confirm", WORKSPACE))

    def _forget(self) -> None:
        """Both begin without a synth, and with nothing initialised."""
        shutil.rmtree(self.work / WORKSPACE, ignore_errors=True)

    def _cdktf_environment(self) -> dict[str, str]:
        """Terraform's own environment, but for what makes `trading` quicker."""
        given = terraform_environment(LocalAwsTarget().environment())
        for name in GARBAGE_COLLECTION.keys() - os.environ.keys():
            given.pop(name, None)
        return self.cdktf.environment(given) | {"TF_WORKSPACE": WORKSPACE}

    def _time(
        self,
        who: str,
        what: str,
        command: Sequence[str],
        environment: Mapping[str, str] = os.environ,
    ) -> Path:
        say(f"{who}: {what} (load before: {os.getloadavg()[0]:.1f})")
        before, began = _processor_seconds(), time.perf_counter()
        log = self._run(f"{who}-{what.replace(' ', '-')}", command, environment)
        timing = Timing(time.perf_counter() - began, _processor_seconds() - before)
        say(f"  {timing}")
        self.timings[who, what].append(timing)
        return log

    def _run(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] = os.environ
    ) -> Path:
        log = self.logs / f"{name}.log"
        with log.open("w") as output:
            code = subprocess.run(
                command,
                cwd=PROJECT_ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        if code != 0:
            raise BenchError(f"{name} ended with {code}: {log.read_text()[-2000:]}")
        return log


def say(text: str) -> None:
    """Print it at once: a run takes half an hour."""
    print(text, flush=True)  # noqa: T201


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploy", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1, help="how often each of both deploys")
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory(prefix="bench-deploy-") as folder:
        _isolate(Path(folder))
        bench = Bench(Path(folder))
        try:
            bench.prepare()
            for _ in range(pairs):
                bench.time_trading()
                bench.time_cdktf()
        except BenchError as error:
            sys.exit(f"error: {error}")
        finally:
            bench.finish()
    say("\n".join(bench.report()))


def _isolate(folder: Path) -> None:
    """Everything in a work folder of its own, but for the local AWS's virtual environment."""
    shared = os.environ.get("TRADING_LOCAL_VENV", work_directory() / "local" / "venv")
    os.environ.pop("TRADING_STATE_BUCKET", None)
    os.environ |= {
        "TRADING_LOCAL_VENV": str(shared),
        "TRADING_WORK_DIR": str(folder / "work"),
        "TRADING_TARGET": "local",
        "TF_WORKSPACE": WORKSPACE,
    }


def _trading(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trading.cli", *arguments]


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
