"""The public interface of a layer: one frozen dataclass of outputs, published and read back whole.

A field's name is the output's name. Reading an interface in another stack makes that stack depend on
the producer, so the deploy order follows from what is read and is written down nowhere.
"""

from __future__ import annotations

import typing
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from cdktf import TerraformCount, TerraformOutput, TerraformRemoteState, TerraformStack, Token
from constructs import Construct

from stacks.state import read_state

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Outputs = TypeVar("Outputs", bound="DataclassInstance")


def publish(stack: TerraformStack, outputs: DataclassInstance) -> None:
    """Publish every field of a layer's interface as a Terraform output of the same name."""
    # A scope of their own: an output may bear the name of a local or a data source.
    scope = Construct(stack, "output")
    for field in fields(outputs):
        TerraformOutput(
            scope,
            field.name,
            value=getattr(outputs, field.name),
            description=field.metadata.get("description"),
            static_id=True,
        )


def read(
    consumer: TerraformStack,
    interface: type[Outputs],
    producer: TerraformStack,
    producer_name: str | None = None,
    count: TerraformCount | None = None,
) -> Outputs:
    """What `producer` publishes, as typed references to its state.

    `producer_name` replaces the producer's name by an expression (a local that holds the region), so
    that the consumer's JSON is the same in every region. With a `count` of none the producer is not
    read, for it may not be there, and all it would publish is null.
    """
    consumer.add_dependency(producer)
    layer = interface.__module__.split(".")[1]
    suffix = "" if producer_name else f"-{producer.node.id}"
    state = read_state(consumer, f"{layer}-state{suffix}", producer_name or producer.node.id)
    if count is not None:
        state.add_override("count", count.to_terraform())
    types = typing.get_type_hints(interface)
    return interface(
        **{
            field.name: _reference(state, field.name, types[field.name], count)
            for field in fields(interface)
        }
    )


def _reference(
    state: TerraformRemoteState, name: str, kind: Any, count: TerraformCount | None
) -> Any:
    if kind == list[str] and count is None:
        # A raw expression in its place would break the functions of Terraform that take a list.
        return state.get_list(name)
    path = f"{state.fqn}.outputs.{name}" if count is None else f"one({state.fqn}[*].outputs.{name})"
    if kind is str:
        return Token.as_string(f"${{{path}}}")
    if kind is float:
        return Token.as_number(f"${{{path}}}")
    if kind == list[str]:
        return Token.as_list(f"${{{path}}}")
    raise TypeError(f"an output is a str, a float or a list[str]; '{name}' is {kind}")
