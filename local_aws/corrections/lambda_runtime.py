"""Lambda: functions see the modules that Lambda's Python runtimes bring along, and no others."""

from __future__ import annotations

import importlib.util
import tempfile
from functools import cache
from pathlib import Path

from local_aws.registry import Function, corrects

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
