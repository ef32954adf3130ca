"""A database server has started when it itself accepts connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.database_gate import PORT
from local_aws.database_server import DatabaseError, DatabaseServer, initialize_data

# Beyond those that a local AWS takes.
ADDRESS = "127.0.0.251"


@pytest.fixture
def other_server() -> Iterator[None]:
    """A server of somebody else, who greets at the address."""
    with socket.create_server((ADDRESS, PORT)) as listener:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"\0")

        greeter = threading.Thread(target=greet, daemon=True)
        greeter.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        greeter.join()


def test_another_ones_greeting_is_not_its_own(tmp_path: Path, other_server: None) -> None:
    """Two local AWS that start at one moment both find the first address free."""
    initialize_data(tmp_path / "data")
    authority: Any = SimpleNamespace(issue=lambda *_: None, certificate_path=tmp_path / "ca.pem")
    server = DatabaseServer(tmp_path, ADDRESS, "password", lambda *_: False)
    with pytest.raises(DatabaseError, match="did not start"):
        server.start(authority)
