"""One execution environment: imports a handler, tells what that took, then does what it is told.

Run as a script by an interpreter without `site`, so that the handler sees what Lambda lets it see: what the
ZIP holds and what the runtime brings along.
"""

from __future__ import annotations

# Nothing but these: what the handler needs is to be paid for by its own import.
import sys
import time


def main() -> None:
    """Arguments: the folders to import from, separated by colons, the module, and its function."""
    folders, module, function = sys.argv[1:]
    sys.path[:] = [*folders.split(":"), *sys.path[1:]]
    wall, processor = time.perf_counter(), time.process_time()
    __import__(module)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor

    sys.path.append(__file__.rpartition("/benchmarks/")[0])
    from benchmarks.lambda_worker import Worker  # noqa: PLC0415

    handler = getattr(sys.modules[module], function)
    Worker(handler).serve({"wall": wall, "processor": processor})


if __name__ == "__main__":
    main()
