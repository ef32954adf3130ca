"""How the RDS Data API speaks with a database: values, columns and named parameters.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.converters import conversions
from pymysql.cursors import Cursor

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

RESPONSE_BYTES = 1024 * 1024
STATEMENT_SECONDS = 45

# What the wire calls a column, with the JDBC code that the Data API tells.
_TYPES = {
    FIELD_TYPE.DECIMAL: ("DECIMAL", 3),
    FIELD_TYPE.NEWDECIMAL: ("DECIMAL", 3),
    FIELD_TYPE.TINY: ("TINYINT", -6),
    FIELD_TYPE.SHORT: ("SMALLINT", 5),
    FIELD_TYPE.INT24: ("MEDIUMINT", 4),
    FIELD_TYPE.LONG: ("INT", 4),
    FIELD_TYPE.LONGLONG: ("BIGINT", -5),
    FIELD_TYPE.FLOAT: ("FLOAT", 7),
    FIELD_TYPE.DOUBLE: ("DOUBLE", 8),
    FIELD_TYPE.BIT: ("BIT", -7),
    FIELD_TYPE.YEAR: ("YEAR", 91),
    FIELD_TYPE.DATE: ("DATE", 91),
    FIELD_TYPE.NEWDATE: ("DATE", 91),
    FIELD_TYPE.TIME: ("TIME", 92),
    FIELD_TYPE.DATETIME: ("DATETIME", 93),
    FIELD_TYPE.TIMESTAMP: ("TIMESTAMP", 93),
    FIELD_TYPE.JSON: ("JSON", -1),
    FIELD_TYPE.STRING: ("CHAR", 1),
    FIELD_TYPE.VAR_STRING: ("VARCHAR", 12),
    FIELD_TYPE.VARCHAR: ("VARCHAR", 12),
    FIELD_TYPE.BLOB: ("TEXT", -1),
}
_BINARY_TYPES = {
    FIELD_TYPE.STRING: ("BINARY", -2),
    FIELD_TYPE.VAR_STRING: ("VARBINARY", -3),
    FIELD_TYPE.BLOB: ("BLOB", -4),
}
_BINARY_CHARACTER_SET = 63
_INTEGERS = {"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR"}
_LARGEST_LONG = 2**63 - 1

# A colon within quotes, a comment or a double colon begins no parameter.
_TOKENS = re.compile(
    r"""(?P<other>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|/\*.*?\*/|(?:--\s|\#)[^\n]*|::)
    |:(?P<name>\w+)|(?P<percent>%)""",
    re.VERBOSE | re.DOTALL,
)


class ResponseTooLargeError(Exception):
    """A result has more bytes than a response of the Data API may have."""


class FieldCursor(Cursor):
    """A cursor whose values are Fields of the Data API and whose columns are as on the wire."""

    def execute(self, query: str, args: Any = None) -> int:
        """Run a statement; a query's rows are read, not updated."""
        count: int = super().execute(query, args)
        if self.description:
            self.rowcount = 0
            # PyMySQL's own description lacks flags and lengths.
            self.description = vars(self)["_result"].fields
        return count

    def fetchall(self) -> Any:
        """All rows as lists of Fields.

        :raises ResponseTooLargeError: they are more than a response may hold.
        """
        rows: Any = super().fetchall()
        columns: Any = self.description
        _refuse_too_large(rows)
        return [
            [_field(value, column) for value, column in zip(row, columns, strict=True)]
            for row in rows
        ]


def connect(address: str, port: int, user: str, password: str, **options: Any) -> Any:
    """Connect as a client of Aurora has to: over TLS, to the server whose name it is.

    :raises pymysql.MySQLError: no server answers, or it refuses the login.
    """
    authority: Path = options.pop("authority")
    # And no decoders: numbers, dates and decimals stay as the server tells them.
    encoders: Any = {kind: encode for kind, encode in conversions.items() if isinstance(kind, type)}
    return pymysql.connect(
        host=address,
        port=port,
        user=user,
        password=password,
        conv=encoders,
        cursorclass=FieldCursor,
        ssl={"ca": str(authority), "check_hostname": True},
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=5,
        init_command=f"SET SESSION max_statement_time={STATEMENT_SECONDS}",
        **options,
    )


def parameter_names(sql: str) -> set[str]:
    """The named parameters of a statement: ``:name`` outside quotes and comments."""
    return {match["name"] for match in _TOKENS.finditer(sql) if match["name"]}


def with_placeholders(sql: str, names: Collection[str]) -> str:
    """A statement with ``:name`` as PyMySQL wants it; unchanged when there are no parameters."""
    if not names:
        return sql

    def placeholder(match: re.Match[str]) -> str:
        if match["name"] in names:
            return f"%({match['name']})s"
        return match[0].replace("%", "%%")

    return _TOKENS.sub(placeholder, sql)


def column_metadata(column: Any) -> dict[str, Any]:
    """A ColumnMetadata of the Data API."""
    name, code = _type(column)
    unsigned = bool(column.flags & FLAG.UNSIGNED)
    return {
        "arrayBaseColumnType": 0,
        "isAutoIncrement": bool(column.flags & FLAG.AUTO_INCREMENT),
        "isCaseSensitive": name in {"BINARY", "VARBINARY", "BLOB"},
        "isCurrency": False,
        "isSigned": name in _INTEGERS | {"DECIMAL", "FLOAT", "DOUBLE"} and not unsigned,
        "label": column.name,
        "name": column.org_name or column.name,
        "nullable": 0 if column.flags & FLAG.NOT_NULL else 1,
        "precision": column.get_column_length(),
        "scale": column.scale if name == "DECIMAL" else 0,
        "schemaName": column.db.decode(),
        "tableName": column.org_table,
        "type": code,
        "typeName": f"{name} UNSIGNED" if unsigned and name in _INTEGERS else name,
    }


def _type(column: Any) -> tuple[str, int]:
    if column.charsetnr == _BINARY_CHARACTER_SET and column.type_code in _BINARY_TYPES:
        return _BINARY_TYPES[column.type_code]
    if _is_boolean(column):
        return ("BIT", -7)
    return _TYPES.get(column.type_code, ("VARCHAR", 12))


def _is_boolean(column: Any) -> bool:
    return column.type_code in {FIELD_TYPE.TINY, FIELD_TYPE.BIT} and column.length == 1


def _field(value: str | bytes | None, column: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    if _is_boolean(column):
        return {"booleanValue": value not in {"0", b"\0"}}
    if isinstance(value, bytes):
        return {"blobValue": base64.b64encode(value).decode()}
    name, _ = _type(column)
    if name in _INTEGERS and int(value) <= _LARGEST_LONG:
        return {"longValue": int(value)}
    if name in {"FLOAT", "DOUBLE"}:
        return {"doubleValue": float(value)}
    return {"stringValue": value}


def _refuse_too_large(rows: Any) -> None:
    size = sum(
        len(value if isinstance(value, bytes) else value.encode())
        for row in rows
        for value in row
        if value is not None
    )
    if size > RESPONSE_BYTES:
        raise ResponseTooLargeError("Database response exceeded size limit")
