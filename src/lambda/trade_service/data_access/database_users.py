"""Who may do what in the database: a user for each function, which cannot change the schema.

The migrator alone is the cluster's master user. It makes the others, anew on every run, since a restored
cluster may be without them.
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
    for user, tables in GRANTS.items():
        if authentication == "iam":
            cursor.execute(f"CREATE USER IF NOT EXISTS '{user}'@'%' {_BY_TOKEN}")
            cursor.execute(f"ALTER USER '{user}'@'%' REQUIRE SSL")
        else:
            cursor.execute(f"CREATE USER IF NOT EXISTS '{user}'@'%%' REQUIRE SSL", ())
            cursor.execute(f"ALTER USER '{user}'@'%%' IDENTIFIED BY %s", (password,))
        for table, rights in tables.items():
            cursor.execute(f"GRANT {rights} ON `{database_name}`.`{table}` TO '{user}'@'%'")
