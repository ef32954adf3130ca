"""Real parts for the tests: a MariaDB server over TLS, and an HTTP stand-in for Secrets Manager."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pymysql
from pymysql.cursors import DictCursor

from trading.local.installation import ensure_database_programs

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
SECOND_HOST = "127.0.0.2"
CLUSTER_NAME = "cluster.trading.test"
USER = "trading_admin"
FIRST_PASSWORD = "first-Pa55word-which-no-log-may-show"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def required_program(name: str, package: str) -> str:
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise RuntimeError(f"{name} is not installed: apt-get install {package}")
    return path


@dataclass(frozen=True)
class CertificateAuthority:
    """A throw-away authority, and the server certificates it signs."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @classmethod
    def create(cls, folder: Path) -> CertificateAuthority:
        folder.mkdir()
        _openssl(
            *(
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=Test CA",
            ),
            *("-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem"),
        )
        return cls(folder)

    def sign(self, name: str, subject_alternative_name: str) -> tuple[Path, Path]:
        """A certificate and its key, valid for one ``DNS:`` or ``IP:`` name."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        _openssl(
            *(
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                f"/CN={name}",
            ),
            *("-CA", f"{self.folder}/ca.pem", "-CAkey", f"{self.folder}/ca.key"),
            *("-addext", f"subjectAltName={subject_alternative_name}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-keyout", str(key), "-out", str(certificate)),
        )
        return certificate, key


def _openssl(*arguments: str) -> None:
    subprocess.run(
        [required_program("openssl", "openssl"), *arguments], check=True, capture_output=True
    )


class MariaDbServer:
    """A mariadbd process in a folder of its own, which takes TLS connections only."""

    options: tuple[str, ...] = ()

    def __init__(
        self,
        folder: Path,
        authority: CertificateAuthority,
        name: str,
        host: str = HOST,
        port: int | None = None,
    ) -> None:
        self._folder = folder
        self._authority = authority
        self._certificate, self._key = authority.sign(folder.name, name)
        self._process: subprocess.Popen[bytes] | None = None
        self.host = host
        self.port = port or free_port()

    def install(self) -> None:
        ensure_database_programs(print)
        program = required_program("mariadb-install-db", "mariadb-server-core")
        self._folder.mkdir()
        installed = subprocess.run(
            [
                *(program, "--no-defaults", f"--datadir={self._folder}/data", "--skip-test-db"),
                # A server that starts removes all temporary tables in this folder, other servers' too.
                f"--tmpdir={self._folder}",
                *(f"--user={getpass.getuser()}", "--auth-root-authentication-method=normal"),
            ],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if installed.returncode:
            raise RuntimeError(f"mariadb-install-db failed: {installed.stdout[-2000:]}")
        start = self._folder / "start.sql"
        start.write_text(
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{FIRST_PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        )

    def start(self) -> None:
        program = required_program("mariadbd", "mariadb-server-core")
        self._process = subprocess.Popen(
            [
                *(program, "--no-defaults", f"--datadir={self._folder}/data"),
                f"--tmpdir={self._folder}",
                *(f"--socket={self._folder}/socket", f"--pid-file={self._folder}/pid"),
                *(f"--bind-address={self.host}", f"--port={self.port}", "--skip-name-resolve"),
                *("--require-secure-transport=ON", f"--ssl-ca={self._authority.certificate}"),
                *(f"--ssl-cert={self._certificate}", f"--ssl-key={self._key}"),
                *(f"--init-file={self._folder}/start.sql", f"--user={getpass.getuser()}"),
                *("--innodb-flush-log-at-trx-commit=2", *self.options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"),
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"mariadbd did not start: {(self._folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        """End it as a crash does: nothing is written, nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    def freeze(self) -> None:
        """Keep every connection open, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # A thread on another processor goes on for a while, and could still answer: wait for all of them.
        os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def connect(self, database_name: str | None = None) -> pymysql.Connection[DictCursor]:
        """A connection of the test's own, past the code under test."""
        return pymysql.connect(
            unix_socket=f"{self._folder}/socket",
            # Nor the time to read the system's authorities.
            ssl_disabled=True,
            user="root",
            database=database_name,
            cursorclass=DictCursor,
        )


class SecretsManagerServer:
    """Answers GetSecretValue over HTTP, so that the real boto3 client is part of every test."""

    def __init__(self) -> None:
        self.secret_string = ""
        self.reads = 0
        self.available = True
        self.set_password(FIRST_PASSWORD)
        self._server = ThreadingHTTPServer((HOST, 0), self._handler_class())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}"

    def set_password(self, password: str) -> None:
        self.secret_string = json.dumps({"username": USER, "password": password})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: dict[str, str]) -> tuple[int, dict[str, str]]:
        self.reads += 1
        if not self.available:
            return 400, {"__type": "AccessDeniedException", "message": "not allowed"}
        return 200, {"ARN": request["SecretId"], "SecretString": self.secret_string}

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
                status, document = answer(request)
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
