"""Where the shared name leads: an operator's decision, remembered in the stack's own state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cdktf import (
    DataResource,
    TerraformCount,
    TerraformLocal,
    TerraformResourceLifecycle,
    TerraformStack,
    TerraformVariable,
    TerraformVariableValidationConfig,
    Token,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Routing(DataResource):
    """The regions that get no traffic of the shared name (drained) or have no API at all (absent).

    The variables count when this is created or replaced, and are ignored ever after: an apply that
    knows of no decision keeps the last one, and `-replace` is how to decide anew.
    https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#ignore_changes
    """

    def __init__(self, stack: TerraformStack, regions: Sequence[str]) -> None:
        super().__init__(
            stack,
            "routing",
            input={
                "drained": _variable(
                    stack,
                    "drained_regions",
                    regions,
                    "Regions that get no traffic of the shared name.",
                ),
                "absent": _variable(
                    stack, "absent_regions", regions, "Drained regions whose API is destroyed."
                ),
            },
            lifecycle=TerraformResourceLifecycle(
                ignore_changes=["input"],
                # Interrupted between the two halves, a replacement must not have forgotten everything.
                create_before_destroy=True,
            ),
        )

        # Of `input`, because a plan that replaces this does not know `output`, and counts must be known.
        # By way of locals, because Terraform puts off reading whatever refers to a resource that is to
        # change, and then replaces the records of every region, whose addresses it does not know:
        # https://developer.hashicorp.com/terraform/language/data-sources#dependencies
        self._drained = TerraformLocal(stack, "drained", f"${{{self.fqn}.input.drained}}")
        self._absent = TerraformLocal(stack, "absent", f"${{{self.fqn}.input.absent}}")

    @property
    def drained(self) -> list[str]:
        """The drained regions."""
        return self._drained.as_list

    @property
    def absent(self) -> list[str]:
        """The absent regions."""
        return self._absent.as_list

    def while_present(self, region: str) -> TerraformCount:
        """One of what a region has as long as it has an API."""
        return _one_unless(f'contains({self._absent.fqn}, "{region}")')

    def while_in_rotation(self, region: str) -> TerraformCount:
        """One of what a region has as long as the shared name leads to it."""
        out = f"setunion({self._drained.fqn}, {self._absent.fqn})"
        return _one_unless(f'contains({out}, "{region}")')


def _variable(
    stack: TerraformStack, name: str, regions: Sequence[str], description: str
) -> list[str]:
    known = json.dumps(list(regions))
    variable = TerraformVariable(
        stack,
        name,
        type="set(string)",
        default=[],
        nullable=False,
        description=description,
        validation=[
            TerraformVariableValidationConfig(
                condition=f"${{length(setsubtract(var.{name}, {known})) == 0}}",
                error_message=f"{name} may hold {', '.join(regions)}.",
            )
        ],
    )
    return variable.list_value


def _one_unless(condition: str) -> TerraformCount:
    return TerraformCount.of(Token.as_number(f"${{{condition} ? 0 : 1}}"))
