"""The databases behind all Aurora clusters of the local AWS, and the clusters' snapshots."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from local_aws.certificates import CertificateAuthority, write_secret
from local_aws.database_gate import PORT
from local_aws.database_server import (
    DatabaseError,
    DatabaseServer,
    copy_data,
    initialize_data,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    # Whether a token lets a user into a cluster, which is known by its ARN.
    Authorize = Callable[[str, str, str], bool]

# Loopback addresses of which each database takes one, so that every region's database is on the
# same port. 127.0.0.1 to .10 are left to whatever else the machine runs.
_ADDRESSES = [f"127.0.0.{number}" for number in range(11, 251)]


@dataclass(frozen=True)
class MasterUser:
    """The user that a cluster is created with."""

    name: str
    password: str


class DatabaseFleet:
    """One database server per Aurora cluster, each known by its cluster's ARN."""

    def __init__(self, directory: Path, authorize: Authorize) -> None:
        self._authorize = authorize
        self.authority = CertificateAuthority(directory / "certificates")
        # One for all: a snapshot's users come to other clusters with it.
        self._gate_password = _kept_secret(directory / "gate-password")
        self._servers_directory = directory / "clusters"
        self._snapshots_directory = directory / "snapshots"
        self._template = directory / "template"
        self._servers: dict[str, DatabaseServer] = {}
        self._lock = threading.Lock()

    def create(
        self, cluster: str, user: MasterUser, database: str, snapshot: str | None = None
    ) -> str:
        """Start a new cluster's database, empty or with a snapshot's data; give its address.

        :raises DatabaseError: no address is free, or the server does not start.
        """
        source = self._snapshot_path(snapshot) if snapshot else self._empty_data()
        directory = self._servers_directory / _folder(cluster)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        copy_data(source, directory / "data")
        server = self._start_on_free_address(cluster, directory)
        server.execute(_create_user(user))
        if database:
            server.execute(f"CREATE DATABASE IF NOT EXISTS {_identifier(database)};")
        return server.address

    def resume(self, cluster: str, address: str, start: bool) -> None:
        """Take over a cluster's database from an earlier run, and start it if asked.

        :raises DatabaseError: its data is gone, or the server does not start.
        """
        directory = self._servers_directory / _folder(cluster)
        server = self._servers[cluster] = self._server(cluster, directory, address)
        if not server.data.is_dir():
            raise DatabaseError(f"the data of {cluster} is gone from {server.data}")
        if start:
            server.start(self.authority)

    def running(self, cluster: str) -> bool:
        """Whether a cluster's database runs."""
        server = self._servers.get(cluster)
        return server is not None and server.running

    def start(self, cluster: str) -> None:
        """Start a stopped cluster's database, on the address it had."""
        self._servers[cluster].start(self.authority)

    def stop(self, cluster: str) -> None:
        """Stop a cluster's database; its data and its address stay."""
        self._servers[cluster].stop()

    def delete(self, cluster: str) -> None:
        """Stop a cluster's database and remove its data."""
        server = self._servers.pop(cluster, None)
        if server:
            server.stop()
            shutil.rmtree(server.directory)

    def set_password(self, cluster: str, user: MasterUser) -> None:
        """Change the password of a cluster's master user."""
        self._servers[cluster].execute(
            f"ALTER USER {_account(user)} IDENTIFIED BY {_literal(user.password)};"
        )

    def take_snapshot(self, cluster: str, snapshot: str) -> None:
        """Keep the data that a cluster has now."""
        with self._new_snapshot(snapshot) as target:
            self._servers[cluster].copy_data(target)

    def copy_snapshot(self, source: str, target: str) -> None:
        """Copy a snapshot."""
        with self._new_snapshot(target) as path:
            shutil.copytree(self._snapshot_path(source), path)

    def delete_snapshot(self, snapshot: str) -> None:
        """Remove a snapshot."""
        shutil.rmtree(self._snapshot_path(snapshot), ignore_errors=True)

    def close(self) -> None:
        """Stop all databases; their data stays."""
        for server in self._servers.values():
            server.stop()

    def _server(self, cluster: str, directory: Path, address: str) -> DatabaseServer:
        authorize = partial(self._authorize, cluster)
        return DatabaseServer(directory, address, self._gate_password, authorize)

    @contextlib.contextmanager
    def _new_snapshot(self, snapshot: str) -> Iterator[Path]:
        path = self._snapshot_path(snapshot)
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path

    def _snapshot_path(self, snapshot: str) -> Path:
        return self._snapshots_directory / _folder(snapshot)

    def _empty_data(self) -> Path:
        """The data of an empty server: made once and copied, because making it takes a second."""
        with self._lock:
            if not self._template.exists():
                unfinished = self._template.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.parent.mkdir(parents=True, exist_ok=True)
                initialize_data(unfinished)
                unfinished.rename(self._template)
        return self._template

    def _start_on_free_address(self, cluster: str, directory: Path) -> DatabaseServer:
        with self._lock:
            taken = {server.address for server in self._servers.values()}
            for address in _ADDRESSES:
                if address in taken or not _is_free(address):
                    continue
                server = self._server(cluster, directory, address)
                try:
                    server.start(self.authority)
                except DatabaseError:
                    if _is_free(address):
                        raise
                    continue  # Another local AWS on this machine took it in between.
                self._servers[cluster] = server
                return server
        raise DatabaseError(
            f"none of {_ADDRESSES[0]} to {_ADDRESSES[-1]} is free on port {PORT}:"
            " another database listens on all addresses, or the system has no such addresses"
        )


def _kept_secret(path: Path) -> str:
    if not path.exists():
        write_secret(path, secrets.token_hex())
    return path.read_text()


def _is_free(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, PORT))
        except OSError:
            return False
        return True


def _folder(arn: str) -> str:
    """A folder's name for ``arn:aws:rds:REGION:ACCOUNT:TYPE:NAME``."""
    _, _, _, region, account, _, name = arn.split(":", 6)
    return f"{account}/{region}/{name}"


def _create_user(user: MasterUser) -> str:
    """The master user's privileges: all but those that RDS keeps for itself.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Security.html
    """
    account = _account(user)
    return (
        f"CREATE OR REPLACE USER {account} IDENTIFIED BY {_literal(user.password)};"
        f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;"
        f"REVOKE SUPER, FILE, SHUTDOWN, CREATE TABLESPACE ON *.* FROM {account};"
    )


def _account(user: MasterUser) -> str:
    return f"{_literal(user.name)}@'%'"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _identifier(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
