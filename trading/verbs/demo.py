"""`trading demo` and `trading demo-down`."""

from __future__ import annotations

from trading.verbs.options import DEFAULT_PARALLELISM, Parallelism


def run_demo(parallelism: Parallelism = DEFAULT_PARALLELISM) -> None:
    """Deploy everything to the local AWS and make a trade in every region."""
    from trading.local.demo import demo  # noqa: PLC0415 - brings the HTTP client along

    demo(parallelism)


def run_demo_down(parallelism: Parallelism = DEFAULT_PARALLELISM) -> None:
    """Destroy what the demo deployed, and stop the local AWS."""
    from trading.local.demo import demo_down  # noqa: PLC0415 - as above

    demo_down(parallelism)
