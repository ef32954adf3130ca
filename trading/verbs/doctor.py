"""`trading doctor`."""

from __future__ import annotations

import typer

from trading.interaction import console, print_json
from trading.reports import doctor_machine as machine
from trading.reports.doctor import Level, as_json, as_table, examine, is_well, names_of
from trading.reports.doctor_account import Account
from trading.targets import TargetName, target
from trading.verbs.options import Environment, Json, TargetOption

EXAMPLES = "Example: `trading doctor --env prod`, before the first deployment and when in doubt"


def doctor(
    env: Environment = None, target_name: TargetOption = TargetName.AWS, json_form: Json = False
) -> None:
    """Check tools, credentials, state, locks, provider, clock and disk, and say what to do.

    Exits with 1 when a check fails; warnings leave it at 0.
    """
    account = Account(env, target(target_name))
    checks = {
        "environment": account.environment,
        "python": machine.python,
        "terraform": machine.terraform,
        "provider": machine.provider,
        "node": machine.node,
        "git": machine.git,
        "credentials": account.credentials,
        "clock": account.clock,
        "state": account.state,
        "locks": account.locks,
        "work folder": machine.work_folder,
        "disk space": machine.disk_space,
    }
    if target_name is TargetName.LOCAL:
        checks["local AWS"] = machine.local_target
    findings = examine(checks)
    if json_form:
        print_json(as_json(findings))
    else:
        console.print(as_table(findings))
    if not is_well(findings):
        if not json_form:
            console.print(f"not ready: {', '.join(names_of(findings, Level.FAILURE))}")
        raise typer.Exit(1)
