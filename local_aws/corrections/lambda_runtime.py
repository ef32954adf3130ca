"""Lambda: what a function's code finds around it, modules and credentials."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.services import sts

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record

_YEAR = 365 * 24 * 60 * 60

# boto3 with what it needs: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_RUNTIME_MODULES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")

_LIMIT_MODULES = """\
import sys
sys.path[:] = [path for path in sys.path if not path.endswith("site-packages")] + [{modules!r}]
"""


@corrects("core.lambda_runtime", "_detect_runtime_binary")
def function_sees_the_runtime_only(original: Function, runtime: str) -> tuple[str, str]:
    """A ZIP that forgot a dependency fails, though the emulator's environment has the module.

    https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
    """
    binary, script = original(runtime)
    if runtime.startswith("python"):
        script = _LIMIT_MODULES.format(modules=str(_runtime_modules())) + script
    return binary, script


@corrects("core.lambda_runtime", "execution_credentials")
def credentials_are_one_functions(original: Function, configuration: Record) -> dict[str, str]:
    """A function's credentials are its role's for a time, and tell which function uses them.

    The time is longer than any environment lives: the emulator never replaces one by itself.
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    credentials: dict[str, str] = original(configuration)
    session = sts._sessions[credentials["AWS_ACCESS_KEY_ID"]]
    session["Expiration"] = time.time() + _YEAR
    session["FunctionArn"] = ":".join(configuration["FunctionArn"].split(":")[:7])
    return credentials


@corrects("core.iam_evaluator", "_principal_keys")
def policies_know_the_calling_function(original: Function, credential: Any) -> dict[str, Any]:
    """Conditions on ``lambda:SourceFunctionArn`` are met, or not, by a function's own calls.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    keys: dict[str, Any] = original(credential)
    session = sts._sessions.get(credential.access_key_id) or {}
    if "FunctionArn" in session:
        keys["lambda:sourcefunctionarn"] = session["FunctionArn"]
    return keys


@cache
def _runtime_modules() -> Path:
    """A folder with links to the runtime's modules; it goes with the server's temporary folder."""
    directory = Path(tempfile.mkdtemp(prefix="lambda-runtime-"))
    for name in _RUNTIME_MODULES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"the environment of the local AWS lacks {name}")
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (directory / source.name).symlink_to(source)
    return directory
