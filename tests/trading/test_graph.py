"""Order, selection, and what a selection leaves out."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.engine.graph import Graph, Selection, levels, reverse
from trading.errors import OperatorError

if TYPE_CHECKING:
    from .conftest import Project


def test_every_stack_comes_after_what_it_needs(project: Project) -> None:
    order = list(project.stacks)
    assert len(order) == 10
    for name, stack in project.stacks.items():
        assert all(order.index(needed) < order.index(name) for needed in stack.dependencies)


def test_a_stack_of_all_regions_has_no_region(project: Project) -> None:
    assert project.stacks["global-zone"].region is None
    assert project.stacks["data-us-west-2"].region == "us-west-2"


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(names=["data-us-east-1"]), {"data-us-east-1"}),
        (Selection(layers=["security"]), {"security-us-east-1", "security-us-west-2"}),
        (
            Selection(layers=["security", "data"], regions=["us-west-2"]),
            {"security-us-west-2", "data-us-west-2"},
        ),
        (Selection(layers=["global-dns"]), {"global-zone", "global-dns"}),
    ],
)
def test_selection_by_name_layer_and_region(
    project: Project, selection: Selection, expected: set[str]
) -> None:
    assert {stack.name for stack in project.graph.select(selection)} == expected


def test_no_selection_is_every_stack(project: Project) -> None:
    assert [stack.name for stack in project.graph.select(Selection())] == list(project.stacks)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (
            Selection(names=["data-mars"]),
            "there is no stack 'data-mars': choose from api-us-east-1",
        ),
        (Selection(layers=["database"]), "there is no layer 'database': choose from api, data"),
        (
            Selection(regions=["eu-west-1"]),
            "no region 'eu-west-1': choose from us-east-1, us-west-2",
        ),
        (Selection(names=["global-zone"], regions=["us-west-2"]), "no stack is of all"),
    ],
)
def test_unknown_selection_is_refused_with_what_there_is(
    project: Project, selection: Selection, message: str
) -> None:
    with pytest.raises(OperatorError, match=message):
        project.graph.select(selection)


def test_order_holds_through_stacks_that_are_not_selected(project: Project) -> None:
    graph = project.graph
    ends = [graph.stacks["security-us-east-1"], graph.stacks["global-dns"]]
    assert graph.predecessors(ends)["global-dns"] == {"security-us-east-1"}


def test_what_a_selection_leaves_out(project: Project) -> None:
    graph = project.graph
    data = [graph.stacks["data-us-east-1"]]
    upstream = [stack.name for stack in graph.unselected_upstream(data)]
    assert upstream == ["security-us-east-1", "network-us-east-1"]
    stranded = [stack.name for stack in graph.unselected_dependants(data)]
    assert stranded == ["api-us-east-1", "global-dns"]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (
            Selection(names=["network-us-east-1"], with_dependencies=True),
            {"security-us-east-1", "network-us-east-1"},
        ),
        (
            Selection(names=["data-us-east-1"], with_dependents=True),
            {"data-us-east-1", "api-us-east-1", "global-dns"},
        ),
        (Selection(names=["global-zone"], with_dependencies=True), {"global-zone"}),
    ],
)
def test_a_selection_is_completed_on_request(
    project: Project, selection: Selection, expected: set[str]
) -> None:
    assert {stack.name for stack in project.graph.select(selection)} == expected


def test_a_selection_completed_both_ways_can_be_deployed(project: Project) -> None:
    selection = Selection(["data-us-east-1"], with_dependencies=True, with_dependents=True)
    selected = project.graph.select(selection)
    assert project.graph.unselected_upstream(selected) == []


def test_what_most_waits_for_is_deepest(project: Project) -> None:
    graph = project.graph
    assert graph.depth_below("security-us-east-1") == 4
    assert graph.depth_below("global-zone") == 2
    assert graph.depth_below("global-dns") == 0


def test_steps_are_reversed_to_destroy(project: Project) -> None:
    graph = project.graph
    forward = graph.predecessors(list(graph.stacks.values()))
    assert levels(forward)[0] == ["global-zone", "security-us-east-1", "security-us-west-2"]
    assert levels(reverse(forward))[0] == ["global-dns"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(chosen=st.sets(st.integers(min_value=0, max_value=9), min_size=1))
def test_any_selection_keeps_the_order(project: Project, chosen: set[int]) -> None:
    graph: Graph = project.graph
    names = list(graph.stacks)
    selected = [graph.stacks[names[index]] for index in sorted(chosen)]
    steps = levels(graph.predecessors(selected))
    assert sorted(name for step in steps for name in step) == sorted(s.name for s in selected)
    for earlier, later in pairwise(steps):
        for name in later:
            assert any(before in graph.predecessors(selected)[name] for before in earlier)
