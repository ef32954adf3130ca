"""Where the measured functions run: their code as Lambda unpacks it, and a local AWS with a database.

The database is MariaDB, over TLS; a function trusts its authority and, as on AWS, those of RDS.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from stacks.api.lambda_package import SOURCES_FOLDER, build_lambda_package
from stacks.paths import PROJECT_ROOT
from trading.aws import client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trading.local.local_target import LocalTarget

REGION = "us-east-1"
PRODUCT, BASELINE, TUNED_BASELINE = "product", "baseline", "baseline, tuned"
# Of AWS's runtimes; its SDK comes with bytecode there, and here.
_RUNTIME_MODULES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
_BOOTSTRAP = PROJECT_ROOT / "benchmarks" / "lambda_bootstrap.py"
_BASELINE = PROJECT_ROOT / "benchmarks" / "baseline_lambda"
_CERTIFICATES = SOURCES_FOLDER / "trade_service" / "certificates" / "rds-global-bundle.pem"


@dataclass(frozen=True)
class Function:
    """A Lambda function: its unpacked code, its handler, its variables."""

    name: str
    interpreter: str
    task: Path
    runtime: Path
    handler: str
    variables: Mapping[str, str]

    def start(self, *options: str) -> ExecutionEnvironment:
        """A new execution environment, whose interpreter has these options."""
        module, _, function = self.handler.rpartition(".")
        # -B: the disk that Lambda unpacks a ZIP on is read-only, so it never finds bytecode of its own.
        command = [self.interpreter, "-S", "-B", *options, str(_BOOTSTRAP)]
        arguments = [f"{self.task}:{self.runtime}", module, function]
        variables = {
            "PATH": os.environ["PATH"],
            **self.variables,
            "LAMBDA_TASK_ROOT": str(self.task),
        }
        return ExecutionEnvironment([*command, *arguments], variables)

    def with_bytecode(self) -> Function:
        """The same with its code compiled."""
        task = self.task.with_name(f"{self.task.name}-compiled")
        shutil.copytree(self.task, task)
        # By its own interpreter: bytecode is of one version.
        compile_all = [self.interpreter, "-m", "compileall", "-q", str(task)]
        subprocess.run(compile_all, check=True)
        return replace(self, task=task)


class ExecutionEnvironment:
    """A process that holds a handler and answers one request at a time."""

    def __init__(self, command: list[str], variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.imported: dict[str, float] = self.answer()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker do something, and wait for what it answers."""
        self.tell(do, **arguments)
        return self.answer()

    def tell(self, do: str, **arguments: Any) -> None:
        """Have the worker do something; its answer is to be fetched."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What it answers to what it was last told. Raises RuntimeError when it has ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            raise RuntimeError(f"an execution environment ended: {errors[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> str:
        """End it. What it wrote to standard error."""
        _, errors = self._process.communicate()
        return errors


class Platform:
    """A local AWS with one cluster, and the functions on it, product and baseline with a database each."""

    def __init__(self, folder: Path, local: LocalTarget, interpreter: str) -> None:
        self._folder = folder
        self._interpreter = interpreter
        folder.mkdir()
        self._environment = local.environment()
        self._data = local.directory / "data" / "databases"
        self._cluster = client("rds", self._environment, REGION).create_db_cluster(
            DBClusterIdentifier="bench",
            Engine="aurora-mysql",
            MasterUsername="trading_admin",
            ManageMasterUserPassword=True,
        )["DBCluster"]
        authorities = self._data / "certificates" / "ca.pem"
        self._authorities = folder / "authorities.pem"
        self._authorities.write_text(_CERTIFICATES.read_text() + authorities.read_text())
        self._runtime = _runtime(folder / "runtime")
        self._product = folder / PRODUCT

    def functions(self) -> dict[str, Function]:
        """All of them, with their tables and their user in place."""
        package = build_lambda_package(work_folder=self._folder / "package").path
        product = self._function(PRODUCT, package, "trade_service.handlers.trade_api.handler")
        baseline = self._function(BASELINE, package, "baseline_lambda.app.handler")
        # The same libraries, and the baseline's code in place of the product's.
        shutil.rmtree(baseline.task / "trade_service")
        shutil.copytree(
            _BASELINE,
            baseline.task / "baseline_lambda",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        for function in (product, baseline):
            self._invoke_migrator(function, {})
        tuned = replace(
            baseline,
            name=TUNED_BASELINE,
            variables={**baseline.variables, "KEEP_TLS_CONTEXT": "1"},
        )
        return {function.name: function for function in (product, baseline, tuned)}

    def database_processor_seconds(self) -> float:
        """The processor time that the database server has used up to now."""
        (pid_file,) = self._data.glob("clusters/*/*/*/data/mariadbd.pid")
        times = psutil.Process(int(pid_file.read_text())).cpu_times()
        return times.user + times.system

    def differing_positions(self, function: Function) -> int:
        """How many positions are not the sum of their trades; there should be none."""
        answer = self._invoke_migrator(function, {"task": "reconcile-positions"})
        return int(answer["positions_corrected"])

    def _invoke_migrator(self, function: Function, event: dict[str, str]) -> dict[str, Any]:
        """Invoke the product's migrator, as the master user, on the database of a function."""
        variables = {k: v for k, v in function.variables.items() if k != "DATABASE_USER"}
        handler = "trade_service.handlers.schema_migrator.handler"
        migrator = replace(function, task=self._product, handler=handler, variables=variables)
        environment = migrator.start()
        try:
            return environment.ask("invoke", event=event)
        finally:
            environment.close()

    def _function(self, name: str, package: Path, handler: str) -> Function:
        task = self._folder / name
        with zipfile.ZipFile(package) as archive:
            archive.extractall(task)
        variables = {
            **{key: value for key, value in self._environment.items() if key[:4] == "AWS_"},
            "AWS_LAMBDA_FUNCTION_NAME": "trade-api",
            # What most requests carry: X-Ray samples one in twenty.
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
            "API_DOMAIN": "api.dev.trading.example.com",
            "API_REGIONS": REGION,
            "DATABASE_WRITER_HOST": self._cluster["Endpoint"],
            "DATABASE_READER_HOST": self._cluster["Endpoint"],
            "DATABASE_PORT": str(self._cluster["Port"]),
            "DATABASE_NAME": f"bench_{name}",
            "DATABASE_USER": "trade_api",
            "DATABASE_AUTHENTICATION": "secret",
            "DATABASE_SECRET_ARN": self._cluster["MasterUserSecret"]["SecretArn"],
            "DATABASE_CA_BUNDLE": str(self._authorities),
            "POWERTOOLS_SERVICE_NAME": "trade-api",
        }
        return Function(name, self._interpreter, task, self._runtime, handler, variables)


def _runtime(folder: Path) -> Path:
    """A folder with what Lambda's runtime brings along, and nothing else."""
    folder.mkdir()
    for name in _RUNTIME_MODULES:
        found = find_spec(name)
        assert found is not None, name
        assert found.origin is not None, name
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder
