"""Each check of `doctor`: that it fails when it should, says what to do, and hides no other check."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from stacks import settings
from stacks.settings import Environment
from trading.cli import main
from trading.local import installation
from trading.local.local_target import LocalStatus
from trading.reports import doctor_account, doctor_machine
from trading.reports.doctor import Finding, Level, as_table, examine, is_well, ok
from trading.reports.doctor_account import Account
from trading.targets import AwsTarget, LocalAwsTarget

if TYPE_CHECKING:
    from .conftest import Project

Answers = dict[str, dict[str, Any] | str]
US, EAST = "us-east-1", "us-east-2"
CALLER = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/op", "UserId": "A"}


def is_failure(finding: Finding, found: str, advice: str) -> bool:
    return _is(Level.FAILURE, finding, found, advice)


def is_warning(finding: Finding, found: str, advice: str) -> bool:
    return _is(Level.WARNING, finding, found, advice)


def _is(level: Level, finding: Finding, found: str, advice: str) -> bool:
    assert found in finding.found
    assert advice in finding.advice
    return finding.level is level


@pytest.fixture(autouse=True)
def _no_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRADING_STATE_BUCKET", "TRADING_STATE_LOCK", "TRADING_STATE_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Account]]:
    """An account whose services answer as told: by operation, a response or an error's code."""
    stubs: list[Stubber] = []

    def account(name: str = "dev", **services: Answers) -> Account:
        services.setdefault("sts", {"get_caller_identity": CALLER})

        def client(service: str, *_: Any) -> Any:
            session: Any = boto3.session.Session("id", "secret", region_name=US)
            made = session.client(service)
            stub = Stubber(made)
            for operation, answer in services[service].items():
                if isinstance(answer, str):
                    stub.add_client_error(operation, answer)
                else:
                    stub.add_response(operation, answer)
            stub.activate()
            stubs.append(stub)
            return made

        monkeypatch.setattr(doctor_account, "client", client)
        return Account(name, AwsTarget())

    yield account
    for stub in stubs:
        stub.deactivate()


@contextmanager
def environments(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[None]:
    """The settings with something decided."""
    changed: list[Environment] = [replace(known, **changes) for known in settings.ENVIRONMENTS]
    with monkeypatch.context() as patch:
        patch.setattr(settings, "ENVIRONMENTS", tuple(changed))
        yield


def test_a_check_that_breaks_is_a_failure_and_hides_no_other() -> None:
    def breaks() -> Finding:
        raise ZeroDivisionError("by nought\nand more")

    def silent() -> Finding:
        raise KeyError

    findings = examine({"first": breaks, "second": lambda: ok("well"), "third": silent})
    assert list(findings) == ["first", "second", "third"]
    assert is_failure(findings["first"], "ZeroDivisionError: by nought", "report it")
    assert findings["second"] == ok("well")
    assert is_failure(findings["third"], "KeyError", "")
    assert not is_well(findings)


def test_brackets_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console  # noqa: PLC0415

    Console(width=100).print(as_table({"x": ok("[bold] 'a[0]'")}))
    assert "[bold] 'a[0]'" in capsys.readouterr().out


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "sys", SimpleNamespace(version_info=(3, 9), executable="x"))
    assert is_failure(doctor_machine.python(), "(x)", "install Python 3.11 or later")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("TRADING_TERRAFORM", "no-such-terraform", "install Terraform"),
        ("FAKE_VERSION", "1.4.2", "Terraform 1.5 or later is needed"),
        ("TRADING_STATE_LOCK", "paper", "TRADING_STATE_LOCK is 'paper'"),
    ],
)
def test_terraform_that_does_not_serve(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: str
) -> None:
    monkeypatch.setenv("TRADING_STATE_BUCKET", "b" if name == "TRADING_STATE_LOCK" else "")
    monkeypatch.setenv(name, value)
    [finding] = examine({"terraform": doctor_machine.terraform}).values()
    assert is_failure(finding, found, "")


def test_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)
    monkeypatch.setattr(doctor_machine, "packaged_node", lambda: None)
    monkeypatch.setenv("PATH", "")
    assert is_failure(doctor_machine.node(), "no node", "make install")


def test_an_old_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v16.20.2\n")
    node.chmod(0o755)
    monkeypatch.setenv("JSII_NODE", str(node))
    assert is_failure(doctor_machine.node(), "node 16.20.2 is older than 18", "unset JSII_NODE")
    node.write_text("#!/bin/sh\nexit 1\n")
    assert is_failure(doctor_machine.node(), "does not tell its version", "unset JSII_NODE")


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert is_warning(doctor_machine.git(), "not found", "install git")


def test_a_mirror_without_the_provider(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(project.work))
    [finding] = examine({"provider": doctor_machine.provider}).values()
    assert is_failure(finding, "which holds no", "")


def test_a_configuration_that_is_not_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(project.work / "missing.rc"))
    assert is_warning(doctor_machine.provider(), "does not exist", "unset TF_CLI_CONFIG_FILE")


def test_a_work_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_WORK_DIR", "/proc/nope")
    assert is_failure(doctor_machine.work_folder(), "cannot be written", "TRADING_WORK_DIR")


@pytest.mark.parametrize(
    ("free", "level"),
    [(10**8, Level.FAILURE), (2 * 10**9, Level.WARNING), (10**10, Level.OK)],
)
def test_disk_space(
    project: Project, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    usage = shutil.disk_usage(project.work)._replace(free=free)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert doctor_machine.disk_space().level is level


def test_the_local_aws(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_failure(doctor_machine.local_target(), "does not run", "trading local up")
    status = LocalStatus(True, port=1, process_id=2)
    monkeypatch.setattr(doctor_machine, "local_aws", lambda: SimpleNamespace(status=lambda: status))
    assert doctor_machine.local_target().level is Level.OK
    monkeypatch.setattr(installation, "_SYSTEM_PATH", "")
    assert is_failure(doctor_machine.local_target(), "mariadbd", "install MariaDB")


def test_a_domain_that_nobody_decided(
    aws: Callable[..., Account], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_failure(aws("prod").environment(), "still trading.example.com", "set base_domain")
    with environments(monkeypatch, base_domain="trading.acme.com"):
        assert aws("prod").environment() == ok("prod, API at api.prod.trading.acme.com")
    assert Account("dev", LocalAwsTarget()).environment().level is Level.OK


def test_no_environment(aws: Callable[..., Account]) -> None:
    for name in ("", "production"):
        [finding] = examine({"environment": aws(name).environment}).values()
        assert is_failure(finding, "set TF_WORKSPACE to dev, staging, prod", "")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    account = Account("dev", AwsTarget())
    findings = examine({name: getattr(account, name) for name in ("credentials", "state", "clock")})
    assert is_failure(findings["credentials"], "Unable to locate credentials", "sign in")
    assert is_warning(findings["state"], "AWS does not know us", "see credentials")
    assert is_warning(findings["clock"], "AWS did not answer", "see credentials")


def test_credentials_that_aws_refuses(aws: Callable[..., Account]) -> None:
    account = aws(sts={"get_caller_identity": "ExpiredToken"})
    [finding] = examine({"credentials": account.credentials}).values()
    assert is_failure(finding, "ExpiredToken", "")


def test_credentials_of_another_account(
    aws: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    with environments(monkeypatch, account_id="999999999999"):
        finding = aws("prod").credentials()
        assert is_failure(finding, "prod belongs to 999999999999", "AWS_PROFILE")
    with environments(monkeypatch, account_id=CALLER["Account"]):
        assert aws("prod").credentials() == ok(CALLER["Arn"])
    assert is_warning(aws("prod").credentials(), "any account would deploy prod", "account_id")
    assert aws("dev").credentials() == ok(CALLER["Arn"])


@pytest.mark.parametrize(
    ("minutes", "level", "found"),
    [
        (0, Level.OK, "as AWS's"),
        (2, Level.WARNING, "behind AWS"),
        (6, Level.FAILURE, "behind AWS"),
        (-6, Level.FAILURE, "ahead of AWS"),
    ],
)
@pytest.mark.parametrize("refused", [False, True])
def test_the_clock(
    aws: Callable[..., Account], minutes: int, level: Level, found: str, refused: bool
) -> None:
    """AWS dates its refusals too, and refuses what a wrong clock has signed."""
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    metadata = {"HTTPHeaders": {"date": date}}
    account = aws()
    answer = aws_answer(metadata, refused=refused)
    account.__dict__["_client"] = lambda *_: SimpleNamespace(get_caller_identity=answer)
    finding = account.clock()
    assert finding.level is level
    assert found in finding.found
    assert ("set the clock" in finding.advice) == (level is not Level.OK)


def aws_answer(metadata: dict[str, Any], *, refused: bool) -> Callable[[], dict[str, Any]]:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    def answer() -> dict[str, Any]:
        if not refused:
            return CALLER | {"ResponseMetadata": metadata}
        response: Any = {"Error": {"Code": "SignatureDoesNotMatch"}, "ResponseMetadata": metadata}
        raise ClientError(response, "GetCallerIdentity")

    return answer


def test_state_in_files(aws: Callable[..., Account], project: Project) -> None:
    assert is_warning(aws().state(), "in files of this checkout", "TRADING_STATE_BUCKET")
    assert Account("dev", LocalAwsTarget()).state().level is Level.OK
    assert aws().locks().level is Level.OK


LOCATION: dict[str, Any] = {"get_bucket_location": {}}
VERSIONED: dict[str, Any] = {"get_bucket_versioning": {"Status": "Enabled"}}
RULE = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
ENCRYPTED: dict[str, Any] = {
    "get_bucket_encryption": {"ServerSideEncryptionConfiguration": {"Rules": [RULE]}}
}


@pytest.mark.parametrize(
    ("answers", "level", "found", "advice"),
    [
        (
            {"get_bucket_location": "NoSuchBucket"},
            Level.FAILURE,
            "does not exist",
            "foundation deploy",
        ),
        ({"get_bucket_location": "AccessDenied"}, Level.FAILURE, "AccessDenied", "ask its owner"),
        (
            {"get_bucket_location": {"LocationConstraint": EAST}},
            Level.FAILURE,
            "is in us-east-2, not us-east-1",
            "TRADING_STATE_REGION=us-east-2",
        ),
        (
            LOCATION | {"get_bucket_versioning": {}},
            Level.FAILURE,
            "no old versions",
            "foundation deploy",
        ),
        (
            LOCATION | VERSIONED | {"get_bucket_encryption": "None"},
            Level.WARNING,
            "no default encryption",
            "foundation deploy",
        ),
        (LOCATION | VERSIONED | ENCRYPTED, Level.OK, "versioned and encrypted", ""),
    ],
)
def test_the_state_bucket(
    aws: Callable[..., Account],
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    level: Level,
    found: str,
    advice: str,
) -> None:
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    assert _is(level, aws(s3=answers).state(), found, advice)


def lock_table(status: str, key: str) -> dict[str, Any]:
    schema = [{"AttributeName": key, "KeyType": "HASH"}]
    return {"describe_table": {"Table": {"KeySchema": schema, "TableStatus": status}}}


@pytest.mark.parametrize(
    ("answers", "level", "found", "advice"),
    [
        (
            {"describe_table": "ResourceNotFoundException"},
            Level.FAILURE,
            "company-state-lock does not exist",
            "foundation deploy",
        ),
        (lock_table("ACTIVE", "Id"), Level.FAILURE, "is not LockID", "remove the table"),
        (lock_table("CREATING", "LockID"), Level.WARNING, "is CREATING", "wait"),
        (lock_table("ACTIVE", "LockID"), Level.OK, "table company-state-lock", ""),
    ],
)
def test_the_lock_table(
    aws: Callable[..., Account],
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    level: Level,
    found: str,
    advice: str,
) -> None:
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    monkeypatch.setenv("TRADING_STATE_LOCK", "dynamodb")
    assert _is(level, aws(dynamodb=answers).locks(), found, advice)


def test_s3_locks_need_a_terraform_that_knows_them(
    aws: Callable[..., Account], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    assert aws().locks() == ok("S3's own, by Terraform 1.11.4")
    monkeypatch.setenv("FAKE_VERSION", "1.9.8")
    [finding] = examine({"locks": aws().locks}).values()
    assert is_failure(finding, "1.10 or later is needed", "")


def test_the_verb_fails_when_a_check_does(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(main, ["doctor", "--env", "dev", "--target", "local", "--json"])
    assert result.exit_code == 1
    checks = {check["check"]: check for check in json.loads(result.stdout)}
    assert checks["local AWS"]["level"] == "failure"
    assert checks["credentials"]["found"].startswith("the local AWS does not run")
    assert checks["terraform"]["level"] == "ok"
    assert checks["python"]["level"] == "ok"
    shown = CliRunner().invoke(main, ["doctor", "--env", "dev", "--target", "local"])
    assert shown.exit_code == 1
    assert "not ready: credentials, local AWS" in shown.stdout
    assert "Traceback" not in shown.output
