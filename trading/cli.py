"""The app `trading`: its verbs, and every error that an operator can put right in one line."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from stacks.settings import SettingsError
from trading.aws import advice
from trading.errors import OperatorError
from trading.verbs import (
    consistency,
    demo,
    deploy,
    destroy,
    doctor,
    drain,
    drift,
    graph,
    orphans,
    outputs,
    plan,
    resume,
    status,
    synth,
    unlock,
)
from trading.verbs.archive import archive
from trading.verbs.foundation import foundation
from trading.verbs.local import local

# Typer gives no name of its own to what BadParameter is a kind of.
_UsageError: Any = typer.BadParameter.__mro__[1]


class _Verbs(TyperGroup):
    """Says in one line what the operator can put right."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        # Mistyped is an error, too; 2 would tell a machine that differences were found.
        _UsageError.exit_code = 1
        return super().main(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _complain("interrupted")
            raise typer.Exit(130) from error
        except (OperatorError, SettingsError) as error:
            raise _refusal(str(error)) from error
        except OSError as error:
            raise _refusal(
                f"{error.filename or 'the system'}: {error.strerror or error}"
            ) from error
        except Exception as error:
            # By name: botocore is slow to import, and most verbs call no AWS.
            if not type(error).__module__.startswith("botocore."):
                raise
            raise _refusal(f"AWS: {error}; {advice(error)}") from error


def _refusal(message: str) -> typer.Exit:
    _complain(f"error: {message}")
    return typer.Exit(1)


def _complain(line: str) -> None:
    Console(stderr=True, emoji=False).print(line, markup=False, highlight=False, soft_wrap=True)


main = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deploy and operate the trading platform.",
)
main.command(epilog=synth.EXAMPLES)(synth.synth)
main.command(epilog=synth.STACKS_EXAMPLES)(synth.stacks)
main.command(epilog=plan.EXAMPLES)(plan.plan)
main.command(epilog=deploy.EXAMPLES)(deploy.deploy)
main.command(epilog=destroy.EXAMPLES)(destroy.destroy)
main.command(epilog=resume.EXAMPLES)(resume.resume)
main.command(epilog=status.EXAMPLES)(status.status)
main.command(epilog=unlock.EXAMPLES)(unlock.unlock)
main.command(epilog=drain.EXAMPLES)(drain.drain)
main.command(epilog=drain.UNDRAIN_EXAMPLES)(drain.undrain)
main.command(epilog=drift.EXAMPLES)(drift.drift)
main.command(epilog=consistency.EXAMPLES)(consistency.consistency)
main.command(epilog=outputs.EXAMPLES)(outputs.outputs)
main.command(epilog=graph.EXAMPLES)(graph.graph)
main.command(epilog=doctor.EXAMPLES)(doctor.doctor)
main.command(epilog=orphans.EXAMPLES)(orphans.orphans)
main.add_typer(archive, name="archive")
main.add_typer(foundation, name="foundation")
main.add_typer(local, name="local")
main.command("demo", epilog="Example: `trading demo`")(demo.run_demo)
main.command("demo-down", epilog="Example: `trading demo-down`")(demo.run_demo_down)


if __name__ == "__main__":
    main()
