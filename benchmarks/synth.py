"""Time a whole synth with lazy bindings against the stock import, in turns, in one run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from stacks.lazy_bindings import SWITCH
from stacks.paths import PROJECT_ROOT

ROUNDS = 5


def seconds_of_synth(*, eager: bool) -> float:
    """The wall time of one synth of dev, from the start of the process to its end."""
    with tempfile.TemporaryDirectory() as output:
        environment = {**os.environ, "TF_WORKSPACE": "dev", "CDKTF_OUTDIR": output}
        environment.pop(SWITCH, None)
        if eager:
            environment[SWITCH] = "1"
        start = time.perf_counter()
        subprocess.run([sys.executable, "main.py"], cwd=PROJECT_ROOT, env=environment, check=True)
        return time.perf_counter() - start


def main() -> None:
    """Print both times and their ratio."""
    seconds_of_synth(eager=False)  # The first builds the Lambda package and fills the caches.
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for eager, measured in times.items():
            measured.append(seconds_of_synth(eager=eager))
    for eager, name in ((False, "lazy bindings"), (True, "stock import")):
        measured = times[eager]
        print(f"{name}: median {statistics.median(measured):.2f} s, least {min(measured):.2f} s")  # noqa: T201
    ratio = statistics.median(times[True]) / statistics.median(times[False])
    print(f"stock import / lazy bindings: {ratio:.1f} times")  # noqa: T201


if __name__ == "__main__":
    main()
