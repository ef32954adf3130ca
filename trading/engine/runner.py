"""Carry out the steps of a run: in order, side by side, and stopping cleanly. No terminal here."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from queue import SimpleQueue
from typing import TYPE_CHECKING

from trading.engine.events import Event, Interrupted, Observer, StackFinished, State
from trading.engine.order import Order, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trading.engine.processes import Processes

Operation = Callable[[Step, Observer], StackFinished]


@dataclass(frozen=True)
class StopRequested:
    """Asks the run to stop: cleanly the first time, at once the second unless only `cleanly`."""

    cleanly: bool = False


@dataclass
class Runner:
    """One run. Events reach the observer one at a time, in the thread that called `run`."""

    operation: Operation
    processes: Processes
    observer: Observer
    parallelism: int
    _queue: SimpleQueue[Event | StopRequested | Future[StackFinished]] = field(
        default_factory=SimpleQueue
    )
    _running: dict[Future[StackFinished], str] = field(default_factory=dict)
    _results: dict[str, StackFinished] = field(default_factory=dict)

    def run(self, order: Order) -> list[StackFinished]:
        """Carry every step out after all its predecessors, and give how each ended.

        Of the steps that are ready, the first of the order starts first. A failure stops only what
        must come after it; a step that skips itself stops nothing.
        """
        with self._interruptible(), ThreadPoolExecutor(self.parallelism) as pool:
            try:
                self._carry_out(order, pool)
            except BaseException:
                self._wind_down()
                raise
        return [self._results[step.name] for step in order.steps]

    def stop(self, *, cleanly: bool = False) -> None:
        """Ask the run to stop; may be called from any thread, and from a signal handler."""
        self._queue.put(StopRequested(cleanly))

    def _carry_out(self, order: Order, pool: ThreadPoolExecutor) -> None:
        steps = order.steps
        sorter = TopologicalSorter(order.predecessors)
        sorter.prepare()
        ready: set[str] = set()
        while len(self._results) < len(steps):
            ready |= set(sorter.get_ready()) - self._results.keys()
            for step in [step for step in steps if step.name in ready]:
                if len(self._running) < self.parallelism:
                    ready.discard(step.name)
                    self._submit(pool, step)
            finished = self._next_finished()
            if finished is None:
                ready.clear()
                self._skip_rest(steps)
            elif finished.state is State.FAILED:
                self._skip_after(finished.stack, order)
            else:
                sorter.done(finished.stack)

    def _wind_down(self) -> None:
        """The run cannot go on, but what it has started must come to an end, and that be known."""
        if not self.processes.stopping:
            self.stop()
        while self._running:
            with contextlib.suppress(Exception):
                self._next_finished()

    def _submit(self, pool: ThreadPoolExecutor, step: Step) -> None:
        future = pool.submit(self.operation, step, self._queue.put)
        self._running[future] = step.name
        future.add_done_callback(self._queue.put)

    def _next_finished(self) -> StackFinished | None:
        """Pass events on until a stack has finished, or None when the run is to stop."""
        while True:
            event = self._queue.get()
            if isinstance(event, Future):
                del self._running[event]
                finished = event.result()
                self._finish(finished)
                return finished
            if isinstance(event, StopRequested):
                self._stop(event)
                return None
            self.observer(event)

    def _stop(self, request: StopRequested) -> None:
        forced = self.processes.stopping
        if forced and request.cleanly:
            return
        if forced:
            self.processes.kill()
        else:
            self.processes.interrupt()
        self.observer(Interrupted(tuple(sorted(self._running.values())), forced))

    def _finish(self, result: StackFinished) -> None:
        self._results[result.stack] = result
        self.observer(result)

    def _skip_after(self, failed: str, order: Order) -> None:
        for step in order.steps:
            if failed in order.predecessors[step.name] and step.name not in self._results:
                self._finish(StackFinished(step.name, State.SKIPPED, reason=f"{failed} failed"))

    def _skip_rest(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.name not in {*self._results, *self._running.values()}:
                self._finish(StackFinished(step.name, State.SKIPPED, reason="interrupted"))

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Turn Ctrl-C, a request to terminate and a lost terminal into a stop of the run.

        A lost terminal is told more than once, by the system and by the shell; `nohup` has it ignored.

        SimpleQueue.put is safe in a signal handler; raising KeyboardInterrupt anywhere is not.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signals.append(signal.SIGHUP)

        def handle(number: int, _: object) -> None:
            self.stop(cleanly=number == signal.SIGHUP)

        before = [signal.signal(number, handle) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)
