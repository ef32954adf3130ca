"""The faults: each does its harm to the platform, and returns when that is over.

They tell whether they found something to harm: nobody can be cut off who is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pymysql

from tests.faults.database import DATABASE_NAME
from tests.faults.orders import DESK, SYMBOLS
from tests.faults.proxy import Harm

if TYPE_CHECKING:
    from random import Random

    from pymysql.cursors import DictCursor

    from tests.faults.database import Server
    from tests.faults.platform import Platform


Fault = Callable[["Platform", "Random"], bool]

# A transaction is twelve pieces and more, and most requests move within this time.
_MOST_PIECES, _PATIENCE_SECONDS = 14, 0.3


def kill_writer(platform: Platform, random: Random) -> bool:
    """Kill the writer's process, and start it again, perhaps a little later."""
    return _kill(platform.cluster.writer, random)


def kill_replica(platform: Platform, random: Random) -> bool:
    """Kill the replica's process, and start it again, perhaps a little later."""
    return _kill(platform.cluster.replica, random)


def _kill(server: Server, random: Random) -> bool:
    with server.one_at_a_time:
        server.kill()
        time.sleep(random.uniform(0, 0.3))
        server.start()
    return True


def freeze_writer(platform: Platform, random: Random) -> bool:
    """Keep the writer's connections open, and answer nothing for a while."""
    return _freeze(platform.cluster.writer, random.uniform(0.05, 0.4))


def freeze_writer_for_long(platform: Platform, random: Random) -> bool:
    """The same for longer than a statement may take."""
    return _freeze(platform.cluster.writer, 6)


def freeze_replica(platform: Platform, random: Random) -> bool:
    """Keep the replica's connections open, and answer nothing for a while."""
    return _freeze(platform.cluster.replica, random.uniform(0.05, 0.4))


def _freeze(server: Server, seconds: float) -> bool:
    with server.one_at_a_time:
        server.freeze()
        time.sleep(seconds)
        server.thaw()
    return True


def fail_over(platform: Platform, random: Random) -> bool:
    """Make the writer refuse to write, as what was the writer does after a failover."""
    writer = platform.cluster.writer
    writer.query("SET GLOBAL read_only = ON")
    time.sleep(random.uniform(0.05, 0.3))
    writer.query("SET GLOBAL read_only = OFF")
    return True


def let_replica_lag(platform: Platform, random: Random) -> bool:
    """Let the replica apply nothing for a while."""
    replica = platform.cluster.replica
    replica.query("STOP SLAVE SQL_THREAD")
    time.sleep(random.uniform(0.05, 0.3))
    replica.query("START SLAVE SQL_THREAD")
    return True


def network_fault(*harms: Harm) -> Fault:
    """A fault that does one of these to a connection at its work, at some point of it."""

    def fault(platform: Platform, random: Random) -> bool:
        proxy = platform.any_proxy(random)
        return proxy.strike(
            random.choice(harms), random.randint(0, _MOST_PIECES), _PATIENCE_SECONDS
        )

    return fault


def refuse_connections(platform: Platform, random: Random) -> bool:
    """Reset all connections to an endpoint, and refuse new ones for a while."""
    proxy = platform.any_proxy(random)
    found = proxy.open_links > 0
    proxy.refuse(True)
    time.sleep(random.uniform(0.02, 0.25))
    proxy.refuse(False)
    return found


def slow_network(platform: Platform, random: Random) -> bool:
    """Let all that goes to an endpoint and back take longer."""
    proxy = platform.any_proxy(random)
    proxy.slow_down(random.uniform(0.01, 0.08))
    time.sleep(random.uniform(0.1, 0.4))
    proxy.slow_down(0)
    return True


def kill_sessions(platform: Platform, random: Random) -> bool:
    """End one or all of the functions' sessions, or only what they are doing, by the server."""
    server = random.choice((platform.cluster.writer, platform.cluster.replica))
    sessions = server.sessions_of_api()
    chosen = sessions if random.random() < 0.2 else random.sample(sessions, min(1, len(sessions)))
    kind = random.choice(("CONNECTION", "CONNECTION", "QUERY"))
    time.sleep(random.uniform(0, 0.01))
    with server.session() as cursor:
        for session in chosen:
            with suppress(pymysql.err.OperationalError):  # It has ended by itself.
                cursor.execute(f"KILL {kind} {session}")
    return bool(chosen)


def deadlock(platform: Platform, random: Random) -> bool:
    """Lock the desk's positions in the order opposite to the function's, and be the one who goes on.

    The server rolls back who has changed less, so this first changes a lot.
    """
    first, last = sorted(random.sample(SYMBOLS, 2))
    with platform.cluster.writer.session() as cursor:
        cursor.execute("INSERT INTO faults.ballast SELECT seq FROM faults.seq_1_to_500")
        _lock_position(cursor, last)
        waited = _await_waiting(cursor, random.uniform(0.1, 0.4))
        with suppress(pymysql.err.OperationalError):
            _lock_position(cursor, first)
        return waited


def hold_lock(platform: Platform, random: Random) -> bool:
    """Hold the locks of some of the desk's positions for a while."""
    return _hold(platform, random.uniform(0.05, 0.3))


def hold_lock_for_long(platform: Platform, random: Random) -> bool:
    """The same for longer than the function waits for one."""
    return _hold(platform, 4)


def _hold(platform: Platform, seconds: float) -> bool:
    with platform.cluster.writer.session() as cursor:
        for symbol in SYMBOLS:
            _lock_position(cursor, symbol)
        time.sleep(seconds)
        return _is_waited_for(cursor)


def lock_tables(platform: Platform, random: Random) -> bool:
    """Let every statement take longer: the tables are locked, against readers too."""
    with platform.cluster.writer.session() as cursor:
        cursor.execute(f"LOCK TABLES {DATABASE_NAME}.trades WRITE, {DATABASE_NAME}.positions WRITE")
        time.sleep(random.uniform(0.05, 0.3))
    return True


def _lock_position(cursor: DictCursor, symbol: str) -> None:
    cursor.execute(
        f"SELECT 1 FROM {DATABASE_NAME}.positions WHERE account = %s AND symbol = %s FOR UPDATE",
        (DESK, symbol),
    )


def _await_waiting(cursor: DictCursor, seconds: float) -> bool:
    """Wait until somebody waits for one of our locks; whether there was anybody."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _is_waited_for(cursor):
            return True
        time.sleep(0.01)
    return False


def _is_waited_for(cursor: DictCursor) -> bool:
    # Not from information_schema: what that tells of InnoDB is renewed only for who asks seldom.
    cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
    (row,) = cursor.fetchall()
    return int(row["Value"]) > 0


def kill_environment(platform: Platform, random: Random) -> bool:
    """Kill an execution environment at its work."""
    for _ in range(50):
        time.sleep(random.uniform(0, 0.01))
        if platform.function.kill_one(random):
            return True
    return False


def rotate_secret(platform: Platform, random: Random) -> bool:
    """Change the password, then the secret, and perhaps end what was connected with the old one."""
    password = platform.cluster.change_password()
    time.sleep(random.choice((0, 0, 0.1)))
    platform.secret.set_password(password)
    if random.random() < 0.5:
        kill_sessions(platform, random)
    return True


def lose_secrets_manager(platform: Platform, random: Random) -> bool:
    """Let no secret be read for a while, and make somebody want one."""
    platform.secret.available = False
    kill_environment(platform, random)
    time.sleep(random.uniform(0.05, 0.3))
    platform.secret.available = True
    return True


def step_clocks(platform: Platform, random: Random) -> bool:
    """Set the clocks of half of the environments back or forth."""
    # Past what a connection may idle for, too.
    platform.function.step_clocks(random, random.choice((2, 30, 600)))
    return True
