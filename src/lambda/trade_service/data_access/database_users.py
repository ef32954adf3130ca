"""Who may do what in the database: a user for each function, which cannot change the schema.

The migrator alone is the cluster's master user. It makes the others, or puts them right, on every run, since
a restored cluster may be without them. A right that is not needed any more is revoked by a migration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trade_service.configuration import Authentication
    from trade_service.data_access.connection import TimedCursor

# By user and table. Nothing is ever deleted.
GRANTS = {
    "trade_api": {"trades": "SELECT, INSERT, UPDATE", "positions": "SELECT, INSERT, UPDATE"},
    "trade_reporter": {"trades": "SELECT", "positions": "SELECT"},
}
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html
_BY_TOKEN = "IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'"
_BY_PASSWORD = "IDENTIFIED BY %s"


def ensure_users(
    cursor: TimedCursor, database_name: str, authentication: Authentication, password: str
) -> None:
    """Make the users, and let them do what they must.

    Args:
        cursor: of the master user.
        database_name: letters, digits and underscores (it cannot be a query parameter).
        authentication: how they prove who they are.
        password: theirs, where it is ``secret``.
    """
    proof, given = (_BY_TOKEN, ()) if authentication == "iam" else (_BY_PASSWORD, (password,))
    for user, tables in GRANTS.items():
        # Both: the first changes nothing about a user who is there.
        for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER"):
            cursor.execute(f"{verb} '{user}'@'%%' {proof} REQUIRE SSL", given)
        for table, rights in tables.items():
            cursor.execute(f"GRANT {rights} ON `{database_name}`.`{table}` TO '{user}'@'%'")
