"""The local target starts once, keeps what it holds, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.paths import PROJECT_ROOT
from tests.local_aws.conftest import (
    Client,
    clients_of,
    create_cluster,
    database_of,
    eventually,
    free_port,
)
from tests.local_aws.test_api_gateway import create_function
from trading.local import installation
from trading.local.local_target import LocalTarget, LocalTargetError


def processes_of(target: LocalTarget) -> list[str]:
    """The command lines of all processes that have to do with a target's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"{target.directory}/" in command:
            found.append(command)
    return found


def test_rows_and_addresses_survive_a_restart(new_target: Callable[[], LocalTarget]) -> None:
    target = new_target()
    steps: list[str] = []
    target.up(steps.append)
    assert any("starting" in step for step in steps)
    status = target.status()
    steps.clear()
    target.up(steps.append)
    assert steps == []
    assert target.status() == status

    client: Client = clients_of(target)
    cluster = create_cluster(client("rds"), "kept")
    create_cluster(client("rds"), "stopped")
    client("rds").stop_db_cluster(DBClusterIdentifier="stopped")
    database_of(target, client, cluster).query("CREATE TABLE trades (id INT PRIMARY KEY)")
    target.down()
    assert not target.status().running
    assert processes_of(target) == []

    target.up(steps.append)
    after = target.status()
    assert after.port == status.port
    states = {(c.identifier, c.status) for c in after.clusters}
    assert states == {("kept", "available"), ("stopped", "stopped")}
    assert database_of(target, client, cluster).query("SHOW TABLES") == [("trades",)]

    target.forget()
    target.up(steps.append)
    assert target.status().clusters == []
    assert not list((target.directory / "data" / "databases").rglob("kept"))


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_ended_server_leaves_nothing_running(
    new_target: Callable[[], LocalTarget], by: signal.Signals
) -> None:
    target = new_target()
    target.up(lambda _: None)
    client = clients_of(target)
    create_cluster(client("rds"), "orphan")
    create_function(client, "orphan", "us-east-1")
    client("lambda").invoke(FunctionName="orphan", Payload=b'{"path": "/ok"}')
    assert len(processes_of(target)) == 3
    process = target.status().process_id
    assert process is not None
    os.kill(process, by)
    assert eventually(lambda: processes_of(target) == [], seconds=20)
    target.up(lambda _: None)
    assert target.status().running


def test_two_starts_at_once_start_one_server(new_target: Callable[[], LocalTarget]) -> None:
    target = new_target()
    threads = [threading.Thread(target=target.up, args=(lambda _: None,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    servers = [command for command in processes_of(target) if "-m local_aws" in command]
    assert len(servers) == 1


def test_environment_is_for_the_local_aws_only(
    target: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = target.environment()
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == target.endpoint_url
    assert environment["PATH"] == os.environ["PATH"]


def test_stopped_target_says_how_to_start_it(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path)
    target.down()
    with pytest.raises(LocalTargetError, match="trading local up"):
        target.environment()


@pytest.mark.parametrize(("asked", "message"), [("x", "not a port"), ("taken", "is in use")])
def test_port_that_cannot_be_used_is_refused(
    target: LocalTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, message: str
) -> None:
    port = str(target.status().port) if asked == "taken" else asked
    monkeypatch.setenv("TRADING_LOCAL_PORT", port)
    with pytest.raises(LocalTargetError, match=message):
        LocalTarget(tmp_path).up(lambda _: None)


def test_missing_mariadb_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_SYSTEM_PATH", "/nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalTargetError, match="apt-get install mariadb-server-core"):
        installation.ensure_database_programs(lambda _: None)


def test_foreign_folder_is_not_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADING_LOCAL_VENV")
    (tmp_path / "venv").mkdir()
    with pytest.raises(LocalTargetError, match="not a virtual environment"):
        installation.ensure_environment(tmp_path / "venv", lambda _: None)


def run_server(*arguments: str, patch: str = "") -> subprocess.CompletedProcess[str]:
    """Run the server's command in the environment of the local AWS."""
    python = Path(os.environ["TRADING_LOCAL_VENV"]) / "bin" / "python"
    run = "import sys; from local_aws.__main__ import main; sys.exit(main())"
    return subprocess.run(
        [str(python), "-c", f"{patch}\n{run}", "--port", str(free_port()), *arguments],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("import local_aws.registry as r; r.SUPPORTED_VERSION = '1.0'", "corrections are for 1.0"),
        (
            "import ministack.services.ec2 as m; del m._create_flow_logs",
            "_create_flow_logs is gone",
        ),
        (
            "import ministack.services.rds as m; m._ACTION_MAP['CopyDBClusterSnapshot'] = print",
            "now has CopyDBClusterSnapshot",
        ),
    ],
)
def test_another_emulator_is_refused_in_one_line(
    target: LocalTarget, tmp_path: Path, patch: str, message: str
) -> None:
    result = run_server("--directory", str(tmp_path), patch=patch)
    assert result.returncode == 1
    assert message in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_unknown_correction_is_refused(target: LocalTarget, tmp_path: Path) -> None:
    result = run_server("--directory", str(tmp_path), "--without", "nothing")
    assert result.returncode == 1
    assert "no correction named nothing" in result.stderr
