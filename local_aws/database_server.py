"""One MariaDB server: an ordinary process with its data in a folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_aws.database_gate import SERVER_PORT, SOCKET, DatabaseGate

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.certificates import CertificateAuthority
    from local_aws.database_gate import Authorize

_START_SECONDS = 30
_STOP_SECONDS = 20

_OPTIONS = """\
[mariadbd]
datadir={data}
bind-address={address}
# Clients come through the gate, which has the port of their endpoint.
port={port}
# Relative to the data folder: a socket's whole path may have 107 characters only.
socket={socket}
pid-file=mariadbd.pid
# Its own: a server that starts removes what others have for temporary tables beside its.
tmpdir={directory}
log-error={directory}/error.log
user={user}
# Aurora's cluster parameter group asks for TLS and utf8mb4.
require-secure-transport=ON
ssl-ca={authority}
ssl-cert={directory}/certificate.pem
ssl-key={directory}/key.pem
tls-version=TLSv1.2,TLSv1.3
character-set-server=utf8mb4
collation-server=utf8mb4_unicode_ci
skip-name-resolve=ON
max-connections=300
# Small and quick: many servers share one machine, and an operating system's crash may cost
# a second of rows.
performance-schema=OFF
innodb-buffer-pool-size=16M
innodb-log-file-size=8M
innodb-flush-log-at-trx-commit=2
key-buffer-size=1M
aria-pagecache-buffer-size=1M
"""

# A child of a parent-death signal ends with the *thread* that started it, so all servers are
# started by one thread that lives as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database-starter")


class DatabaseError(Exception):
    """A database server did not do what it was asked to; the message says which and why."""


@dataclass
class DatabaseServer:
    """A MariaDB server with its data and its files in ``directory``, and its gate at ``address``."""

    directory: Path
    address: str
    gate_password: str
    authorize: Authorize
    _process: subprocess.Popen[bytes] | None = None
    _gate: DatabaseGate = field(init=False)

    def __post_init__(self) -> None:
        """Make the gate, which is closed as long as the server is stopped."""
        self._gate = DatabaseGate(self.address, self.data, self.gate_password, self.authorize)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self, authority: CertificateAuthority) -> None:
        """Start and wait until connections are accepted.

        :raises DatabaseError: the address is taken, the server ended, or it accepts no connection
            within 30 seconds.
        """
        try:
            self._gate.claim()
        except OSError as error:
            raise DatabaseError(f"mariadbd on {self.address} did not start: {error}") from error
        certificate, key = self.directory / "certificate.pem", self.directory / "key.pem"
        authority.issue(self.address, certificate, key)
        options = self.directory / "options.cnf"
        options.write_text(
            _OPTIONS.format(
                data=self.data,
                directory=self.directory,
                address=self.address,
                port=SERVER_PORT,
                socket=SOCKET,
                user=getpass.getuser(),
                authority=authority.certificate_path,
            )
        )
        self._socket.unlink(missing_ok=True)
        command = [*_dies_with_parent(), program("mariadbd"), f"--defaults-file={options}"]
        self._process = _starter.submit(_launch, command, self.data).result()
        deadline = time.monotonic() + _START_SECONDS
        while not self._greets():
            if not self.running or time.monotonic() > deadline:
                self.stop()
                raise DatabaseError(
                    f"mariadbd on {self.address} did not start: see {self.directory}/error.log"
                )
            time.sleep(0.02)
        self._gate.open(certificate, key)

    def stop(self) -> None:
        """Stop cleanly; kill after 20 seconds."""
        self._gate.close()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def execute(self, statements: str) -> None:
        """Run SQL statements as the server's administrator.

        :raises DatabaseError: the server refuses them.
        """
        result = subprocess.run(
            [program("mariadb"), "--no-defaults", f"--socket={SOCKET}", "--batch"],
            cwd=self.data,
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise DatabaseError(f"mariadbd on {self.address}: {result.stderr.strip()}")

    def copy_data(self, target: Path) -> None:
        """Copy the data as a storage snapshot does: all of it, as it is at one instant.

        The process stands still meanwhile; InnoDB recovers from the copy as from a power cut.
        """
        process = self._process if self.running else None
        if process:
            process.send_signal(signal.SIGSTOP)
        try:
            copy_data(self.data, target)
        finally:
            if process:
                process.send_signal(signal.SIGCONT)

    @property
    def _socket(self) -> Path:
        return self.data / SOCKET

    def _greets(self) -> bool:
        # Made when the address is bound: another one's server may greet there.
        if not self._socket.exists():
            return False
        try:
            with socket.create_connection((self.address, SERVER_PORT), timeout=1) as connection:
                return bool(connection.recv(1)) and self.running
        except OSError:
            return False


def program(name: str) -> str:
    """The path of one of MariaDB's programs.

    :raises DatabaseError: it is not installed.
    """
    # Debian keeps mariadbd in /usr/sbin, which is not on every user's PATH.
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if path is None:
        raise DatabaseError(f"{name} is not installed")
    return path


def initialize_data(target: Path) -> None:
    """Make the data directory of an empty server, whose administrator is the system's user.

    :raises DatabaseError: MariaDB's installation is not complete.
    """
    user = getpass.getuser()
    result = subprocess.run(
        [
            program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={target}",
            f"--tmpdir={target.parent}",
            f"--user={user}",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={user}",
            "--skip-test-db",
            "--innodb-log-file-size=8M",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise DatabaseError(f"mariadb-install-db failed: {result.stderr.strip()[-500:]}")


def copy_data(source: Path, target: Path) -> None:
    """Copy a data directory, without what a server makes anew when it starts."""
    unneeded = shutil.ignore_patterns("ibtmp*", "mariadbd.pid", "mariadbd.sock")
    shutil.copytree(source, target, ignore=unneeded)


def _dies_with_parent() -> list[str]:
    """Linux: the kernel ends the server when this process dies, however it dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _launch(command: list[str], directory: Path) -> subprocess.Popen[bytes]:
    # A session of its own: the interrupt key of a terminal must not reach the server.
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
