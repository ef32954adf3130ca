"""Whatever is selected and whatever fails: the order holds, and nothing is done twice."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from trading.engine.events import StackFinished, State
from trading.engine.graph import Graph, Stack, reverse
from trading.engine.order import Order, Step, Verb
from trading.engine.processes import Processes
from trading.engine.runner import Runner

if TYPE_CHECKING:
    from trading.engine.events import Observer


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph of up to 12 stacks."""
    count = draw(st.integers(1, 12))
    stacks = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set()
        dependencies = tuple(f"s{other}" for other in sorted(needs))
        stacks.append(Stack(f"s{number}", "layer", None, dependencies, frozenset(), Path()))
    draw(st.randoms()).shuffle(stacks)
    return Graph(stacks)


@dataclass
class Recorder:
    """An operation that takes a moment, fails where it is told to, and remembers its calls."""

    failing: set[str]
    skipping: set[str]
    seed: int
    calls: list[tuple[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, step: Step, observer: Observer) -> StackFinished:
        with self.lock:
            self.calls.append(("start", step.name))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(random.Random(f"{self.seed}{step.name}").random() / 500)
        with self.lock:
            self.calls.append(("end", step.name))
            self.at_once -= 1
        if step.name in self.failing:
            return StackFinished(step.name, State.FAILED, reason="as told")
        state = State.SKIPPED if step.name in self.skipping else State.DONE
        return StackFinished(step.name, state)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), graph=graphs(), parallelism=st.integers(1, 5), seed=st.integers())
def test_the_order_holds_and_nothing_runs_twice(
    data: st.DataObject, graph: Graph, parallelism: int, seed: int
) -> None:
    names = list(graph.stacks)
    selected = [graph.stacks[name] for name in names if data.draw(st.booleans())]
    failing = data.draw(st.sets(st.sampled_from(names)))
    skipping = data.draw(st.sets(st.sampled_from(names))) - failing
    verb = data.draw(st.sampled_from([Verb.DEPLOY, Verb.DESTROY]))
    predecessors = graph.predecessors(selected)
    if verb is Verb.DESTROY:
        predecessors = reverse(predecessors)
    selected = data.draw(st.permutations(selected))
    order = Order(verb, [Step(stack, verb) for stack in selected], predecessors)
    recorder = Recorder(failing, skipping, seed)

    results = Runner(recorder, Processes(), lambda event: None, parallelism).run(order)

    started = [name for moment, name in recorder.calls if moment == "start"]
    assert len(started) == len(set(started))
    assert recorder.most_at_once <= parallelism
    assert [result.stack for result in results] == [stack.name for stack in selected]
    states = {result.stack: result.state for result in results}
    for name in started:
        for before in needed(graph, name, verb, set(states)):
            # Each had come to its end, and well, before this one was begun.
            assert recorder.calls.index(("end", before)) < recorder.calls.index(("start", name))
            assert before not in failing
    if parallelism == 1:
        # Of those that were ready, the first of the order started first.
        for number, name in enumerate(started):
            ended = {other for other in started[:number] if other not in failing}
            ready = (
                other
                for other in states
                if other not in started[:number] and order.predecessors[other] <= ended
            )
            assert name == next(ready)
    for name in set(states) - set(started):
        assert states[name] is State.SKIPPED
        assert needed(graph, name, verb, set(states)) & failing
    for name in started:
        expected = State.FAILED if name in failing else State.DONE
        assert states[name] is (State.SKIPPED if name in skipping else expected)


def needed(graph: Graph, name: str, verb: Verb, among: set[str]) -> set[str]:
    """What must precede a stack, found by walking the dependencies, not as the engine does."""
    found: set[str] = set()
    todo = [name]
    while todo:
        current = todo.pop()
        nearest = (
            graph.stacks[current].dependencies
            if verb is Verb.DEPLOY
            else [other for other, stack in graph.stacks.items() if current in stack.dependencies]
        )
        todo += [other for other in nearest if other not in found]
        found.update(nearest)
    return found & among
