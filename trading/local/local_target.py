"""The local target: a local AWS (package ``local_aws``) with its databases, and how to reach it.

Everything it installs and keeps lies in one folder, ``<work>/local``:

===============  =============================================================
``venv/``        the virtual environment of the local AWS
``data/``        state of the emulator and the databases; :meth:`LocalTarget.forget`
``server.json``  process id and port of the running server
``server.log``   its output
``server.lock``  locked by the server as long as it lives
===============  =============================================================
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stacks.paths import PROJECT_ROOT
from trading.local.installation import (
    LocalTargetError,
    Progress,
    ensure_database_programs,
    ensure_environment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LocalCluster", "LocalStatus", "LocalTarget", "LocalTargetError"]

DEFAULT_PORT = 4566
_HEALTH = "/_ministack/health"
_OUTAGES = "/_ministack/outages/"
_START_SECONDS = 60
_STOP_SECONDS = 60


@dataclass(frozen=True)
class LocalCluster:
    """An Aurora cluster of the local AWS."""

    region: str
    identifier: str
    address: str
    status: str


@dataclass(frozen=True)
class LocalStatus:
    """What runs."""

    running: bool
    port: int | None = None
    process_id: int | None = None
    clusters: list[LocalCluster] = field(default_factory=list)
    outages: list[str] = field(default_factory=list)


class LocalTarget:
    """The local AWS that is kept in a folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self._record_path = self.directory / "server.json"
        self._data = self.directory / "data"
        self._log = self.directory / "server.log"
        self._server_lock = self.directory / "server.lock"

    def up(self, progress: Progress) -> None:
        """Start the local AWS if it does not run; install what it needs before.

        :param progress: is told, in a few words, what is being done.
        :raises LocalTargetError: something is missing, or the server does not start.
        """
        with self._locked():
            if self._running_record():
                return
            ensure_database_programs(progress)
            python = ensure_environment(self.directory / "venv", progress)
            port = self._choose_port()
            progress(f"starting the local AWS on port {port}")
            self._start(python, port)

    def down(self) -> None:
        """Stop the local AWS and its databases; what they hold is kept.

        :raises LocalTargetError: the server does not stop within a minute.
        """
        with self._locked():
            record = self._running_record()
            if record is None:
                return
            os.kill(record["process_id"], signal.SIGTERM)
            deadline = time.monotonic() + _STOP_SECONDS
            while self._running_record():
                if time.monotonic() > deadline:
                    raise LocalTargetError(
                        f"the local AWS (process {record['process_id']}) does not stop:"
                        f" see {self._log}"
                    )
                time.sleep(0.05)

    def forget(self) -> None:
        """Stop the local AWS and remove all it holds.

        :raises LocalTargetError: the server does not stop.
        """
        self.down()
        with self._locked():
            shutil.rmtree(self._data, ignore_errors=True)
            self._record_path.unlink(missing_ok=True)

    def status(self) -> LocalStatus:
        """Whether the local AWS runs, and its database clusters."""
        record = self._running_record()
        if record is None:
            return LocalStatus(running=False)
        answer = _get_json(self._url(record["port"]) + _HEALTH)
        clusters = [LocalCluster(**cluster) for cluster in answer["clusters"]]
        return LocalStatus(
            True, record["port"], record["process_id"], clusters, answer.get("outages", [])
        )

    def begin_outage(self, region: str) -> None:
        """Refuse every call of a region, with 503, until it recovers or the local AWS is stopped.

        :raises LocalTargetError: the local AWS does not run.
        """
        _get_json(self.endpoint_url + _OUTAGES + region, "PUT")

    def end_outage(self, region: str) -> None:
        """Let a region be called again.

        :raises LocalTargetError: the local AWS does not run.
        """
        _get_json(self.endpoint_url + _OUTAGES + region, "DELETE")

    @property
    def endpoint_url(self) -> str:
        """Where all AWS services are reached.

        :raises LocalTargetError: the local AWS does not run.
        """
        record = self._running_record()
        if record is None:
            raise LocalTargetError("the local AWS does not run: start it with `trading local up`")
        return self._url(record["port"])

    def environment(self) -> dict[str, str]:
        """The whole environment for a process (Terraform, boto3) that shall use the local AWS.

        It is this process's environment with the AWS settings replaced.

        :raises LocalTargetError: the local AWS does not run.
        """
        inherited = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
        return {
            **inherited,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            # No profile of the user, and no search for credentials on the network.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def invoke_url(self, rest_api_id: str, stage: str) -> str:
        """The URL of a REST API's stage, without a slash at its end.

        :raises LocalTargetError: the local AWS does not run.
        """
        return f"{self.endpoint_url}/_aws/execute-api/{rest_api_id}/{stage}"

    def _start(self, python: Path, port: int) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        command = [str(python), "-m", "local_aws", "--port", str(port)]
        with self._log.open("ab") as log, self._server_lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # A session of its own: the terminal's interrupt key must not reach the server.
            process = subprocess.Popen(
                [*command, "--directory", str(self._data)],
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
        record = {"process_id": process.pid, "port": port}
        self._record_path.write_text(json.dumps(record))
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._url(port)):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                reason = self._log.read_text(errors="replace").strip().splitlines()[-1:]
                raise LocalTargetError(
                    f"the local AWS did not start ({''.join(reason)}): see {self._log}"
                )
            time.sleep(0.05)

    def _choose_port(self) -> int:
        """The port of the last time; else the one asked for; else the usual one; else any."""
        recorded = self._record()
        if recorded and _is_free(recorded["port"]):
            return int(recorded["port"])
        if asked := os.environ.get("TRADING_LOCAL_PORT"):
            if not asked.isdecimal() or not 0 < int(asked) < 65536:
                raise LocalTargetError(f"TRADING_LOCAL_PORT is not a port: {asked}")
            if not _is_free(int(asked)):
                raise LocalTargetError(f"TRADING_LOCAL_PORT {asked} is in use: choose another one")
            return int(asked)
        if _is_free(DEFAULT_PORT):
            return DEFAULT_PORT
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until no other command starts or stops this local AWS."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _record(self) -> dict[str, int] | None:
        try:
            record: dict[str, int] = json.loads(self._record_path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return record

    def _running_record(self) -> dict[str, int] | None:
        """The record of the server, if it lives: it holds the lock that it was started with.

        Unlike its process id, the lock cannot have passed on to another process.
        """
        record = self._record()
        if record is None:
            return None
        with self._server_lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return record
        return None

    @staticmethod
    def _url(port: int) -> str:
        # By address: virtual-host bucket names below `localhost` are not resolved everywhere.
        return f"http://127.0.0.1:{port}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _answers(url: str) -> bool:
    try:
        _get_json(url + _HEALTH)
    except LocalTargetError:
        return False
    return True


def _get_json(url: str, method: str = "GET") -> dict[str, Any]:
    # Without proxies: the local AWS is on this machine, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
    except (OSError, ValueError) as error:
        raise LocalTargetError(f"the local AWS does not answer at {url}: {error}") from error
    return answer
