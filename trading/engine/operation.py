"""What a run does to one stack: initialise, plan, apply or destroy, report, and log it whole."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trading.engine.events import Changes, StackFinished, StackStarted, State
from trading.engine.order import SavedPlan, Step, Verb
from trading.engine.policy import Policy, refusal
from trading.engine.processes import Outliving
from trading.engine.report import Report
from trading.engine.terraform import PlanCode
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trading.engine.events import Observer
    from trading.engine.terraform import Terraform


class Safekeeping(Protocol):
    """What is done to a stack's data around Terraform. Both raise OperatorError when the stack must not
    be gone on with.
    """

    def before(self, step: Step, report: Report) -> None:
        """Before Terraform works on it."""

    def after(self, step: Step, report: Report) -> None:
        """After Terraform has worked on it."""


class StackFailedError(OperatorError):
    """Terraform failed; the message is its own error in one line."""


class TerraformKilledError(StackFailedError):
    """Terraform was killed: it could neither record what it was at, nor free its state."""


@dataclass(frozen=True)
class StackOperation:
    """Ready to carry out any step. `logs` is the folder of this run, `plans` of saved plans;
    `explain` may know better than Terraform why a stack failed. `unsettled` are the stacks whose
    outputs are not known yet, and why.
    """

    terraform: Terraform
    logs: Path
    plans: Path
    policy: Policy = field(default_factory=Policy)
    explain: Callable[[Step, OperatorError], str] = lambda _, error: str(error)
    unsettled: dict[str, str] = field(default_factory=dict)
    safekeeping: Safekeeping | None = None

    def __call__(self, step: Step, observer: Observer) -> StackFinished:
        """Do it, and tell how it ended. Called from a thread of its own for each stack."""
        if step.verb is Verb.PLAN and (waiting := self._waits(step)):
            self.unsettled[step.name] = "is not planned itself"
            return StackFinished(step.name, State.SKIPPED, reason=waiting)
        began = time.monotonic()
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{step.name}.log"
        transcript = self.logs / f"{step.name}.jsonl"
        with path.open("w", buffering=1) as log:
            observer(StackStarted(step.name, path, transcript))
            report = Report(step.name, observer, log)
            state, reason = State.DONE, ""
            try:
                _Work(self, step, report, Outliving(transcript, report.started)).perform()
            except OperatorError as error:
                stopped = self.terraform.processes.stopping
                state = State.FAILED
                reason = "interrupted" if stopped else self.explain(step, error)
        planned = tuple(report.planned.values())
        if step.verb is Verb.PLAN and (report.outputs_change or step.restoring):
            # What a plan says of a cluster that was just restored lacks the secret RDS is to make.
            self.unsettled[step.name] = "has pending changes"
        return StackFinished(
            step.name,
            state,
            time.monotonic() - began,
            Changes.planned(planned) if step.verb is Verb.PLAN else report.changes,
            reason,
            path,
            planned,
            report.outputs_change,
        )

    def _waits(self, step: Step) -> str:
        """What the stack reads from is not settled, so it cannot be planned yet; empty when it can."""
        waits = (
            f"{name} {self.unsettled[name]}"
            for name in step.stack.dependencies
            if name in self.unsettled
        )
        return next(waits, "")


@dataclass(frozen=True)
class _Work:
    """One step under way."""

    operation: StackOperation
    step: Step
    report: Report
    outliving: Outliving

    def perform(self) -> None:
        """Raises OperatorError when it cannot be done."""
        step = self.step
        initialised = self.operation.terraform.initialise(step.stack.directory, self.report.line)
        self._require(initialised, "terraform init failed")
        if self.operation.safekeeping:
            self.operation.safekeeping.before(step, self.report)
        self._perform()
        if self.operation.safekeeping:
            self.operation.safekeeping.after(step, self.report)
        if step.verb is Verb.DEPLOY and step.restoring:
            # The provider does not restore all settings of a cluster, such as IAM authentication:
            # https://github.com/hashicorp/terraform-provider-aws/issues/35189
            self._deploy(None)

    def _perform(self) -> None:
        step = self.step
        match step.verb:
            case Verb.KEEP:
                return  # Terraform has no part in it.
            case Verb.PLAN:
                self._plan()
            case Verb.DEPLOY:
                self._deploy(step.plan)
            case Verb.DESTROY:
                self._apply(None, "-destroy")
                delete = self.operation.terraform.delete_workspace
                emptied = delete(step.stack.directory, self.report.line)
                self._require(emptied, "its emptied state could not be removed")

    def _deploy(self, plan: SavedPlan | None) -> None:
        self.report.planned.clear()
        if plan is None and self.operation.policy.data_matters:
            if self._plan() is PlanCode.NO_CHANGES:
                return
            plan = SavedPlan(self._plan_path(), tuple(self.report.planned.values()))
        if plan and (refused := self.operation.policy.refused(self.step.name, plan.changes)):
            shown = self.operation.terraform.show(self.step.stack.directory, plan.path)
            raise StackFailedError(refusal(self.step.name, refused, shown))
        self._apply(plan)

    def _plan_path(self) -> Path:
        return self.operation.plans / f"{self.step.name}.tfplan"

    def _plan(self) -> PlanCode:
        code = self.operation.terraform.plan(
            self.step.stack.directory,
            self.report.line,
            out=self._plan_path(),
            arguments=self.step.arguments,
            outliving=self.outliving,
        )
        self._require(code is PlanCode.FAILED, "terraform plan failed")
        return code

    def _apply(self, plan: SavedPlan | None, *arguments: str) -> None:
        if plan:
            self.report.take_plan(plan.changes)
        applied = self.operation.terraform.apply(
            self.step.stack.directory,
            self.report.line,
            plan=plan.path if plan else None,
            # What a plan was made with is in the plan.
            arguments=() if plan else (*self.step.arguments, *arguments),
            outliving=self.outliving,
        )
        self._require(applied, f"terraform {self.step.verb} failed")

    def _require(self, code: int, otherwise: str) -> None:
        if code < 0:
            raise TerraformKilledError(f"Terraform was killed (signal {-code})")
        if code != 0:
            raise StackFailedError(self.report.failure(otherwise))
