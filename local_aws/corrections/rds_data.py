"""RDS Data API: statements reach the clusters' databases, or are refused as AWS refuses them.

ministack sends them to databases in containers and makes answers up where there are none.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pymysql
from ministack.services import rds, rds_data

from local_aws import data_api
from local_aws.corrections.rds_databases import databases, has_database
from local_aws.database_gate import PORT
from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from collections.abc import Collection

    from local_aws.corrections.shapes import Record, Response

_busy_transactions: set[str] = set()


@corrects("services.rds_data", "handle_request")
async def statement_holds_nobody_up(original: Function, *request: Any) -> Response:
    """A statement that waits, for a lock or a large table, lets other calls be answered.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html
    """

    def answer() -> Response:
        response: Response = asyncio.run(original(*request))
        return response

    return await asyncio.to_thread(answer)


@corrects("services.rds_data", "_resolve_target")
def only_a_running_writer_answers(
    _: Function, arn: str
) -> tuple[Record | None, str | None, Record | None]:
    """The Data API needs a cluster of the region with an available writer.

    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    """
    cluster = _cluster(arn)
    if cluster is None:
        return None, None, None
    return _writer(cluster), cluster["Engine"], cluster


@corrects("services.rds_data", "_has_real_endpoint")
def no_answer_is_made_up(_: Function, __: Record) -> bool:
    """Every writer that answers has a database.

    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    """
    return True


@corrects("services.rds_data", "_cluster_resolution_error")
def missing_writer_is_told_from_a_stopped_one(_: Function, arn: str, __: str | None) -> Response:
    """A cluster without instances is not found, and one whose writer is down is unavailable.

    A cluster that is not there is said not to have the endpoint enabled.
    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.troubleshooting.html
    """
    cluster = _cluster(arn)
    if cluster is None:
        return _http_endpoint_error(arn)
    if not cluster["DBClusterMembers"]:
        message = f"The DB cluster {arn} doesn't have a DB instance."
        return _error("DatabaseNotFoundException", message, HTTPStatus.NOT_FOUND)
    message = f"The writer instance in the DB cluster {arn} isn't available."
    return _error("DatabaseUnavailableException", message, HTTPStatus.GATEWAY_TIMEOUT)


@corrects("services.rds_data", "_http_endpoint_not_enabled_error")
def disabled_endpoint_is_refused(_: Function, arn: str) -> Response:
    """A cluster whose HTTP endpoint is not enabled is refused.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.troubleshooting.html
    """
    return _http_endpoint_error(arn)


@corrects("services.rds_data", "_require_secret_credentials")
def secret_names_a_user(original: Function, arn: str) -> tuple[str, str, Response | None]:
    """A secret must hold a user's name and a password.

    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    """
    user, password, error = original(arn)
    if error is None and not user:
        error = _error("InvalidSecretException", f"Secret {arn} does not contain a username")
    return user, password, error


@corrects("services.rds_data", "_connect")
def database_is_reached_over_tls(
    _: Function, instance: Record, __: str, database: str | None, password: str, username: str
) -> Any:
    """The secret's own user logs in, over TLS.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html
    """
    return data_api.connect(
        instance["Endpoint"]["Address"],
        PORT,
        username,
        password,
        database=database or None,
        authority=databases().authority.certificate_path,
    )


@corrects("services.rds_data", "_execute_statement")
def statement_says_what_is_supported(original: Function, request: Record) -> Response:
    """A parameter without a value, an array, a schema and another format are refused.

    JSON records and options of the result set are AWS's, but not emulated.
    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    """
    if message := _unsupported(request):
        return _error("BadRequestException", message)
    transaction = request.get("transactionId")
    if transaction is None:
        return _answer(original, request)
    if transaction in _busy_transactions:
        return _error("DatabaseErrorException", "Transaction is still running a query.")
    _busy_transactions.add(transaction)
    try:
        return _answer(original, request)
    finally:
        _busy_transactions.discard(transaction)


@corrects("services.rds_data", "_substitute_named_params")
def parameters_are_no_text(_: Function, sql: str, names: Collection[str]) -> str:
    """``:name`` in a string or comment is text, and so is a percent sign.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html
    """
    return data_api.with_placeholders(sql, names)


@corrects("services.rds_data", "_field_value")
def values_have_their_columns_types(_: Function, value: Record, *__: Any) -> Record:
    """A value's type is its column's: decimals and dates are strings, TINYINT(1) is a boolean.

    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_Field.html
    """
    return value


@corrects("services.rds_data", "_column_metadata")
def columns_are_told(_: Function, columns: list[Any], __: str) -> list[Record]:
    """IncludeResultMetadata tells names, tables and types.

    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ColumnMetadata.html
    """
    return [data_api.column_metadata(column) for column in columns]


@corrects("services.rds_data", "_sql_execution_error")
def failed_statement_tells_the_databases_error(original: Function, error: Exception) -> Response:
    """A statement that the database refuses is a DatabaseErrorException.

    https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    """
    if isinstance(error, data_api.ResponseTooLargeError):
        return _error("UnsupportedResultException", str(error))
    response: Response = original(error)
    if not isinstance(error, pymysql.MySQLError) or b"BadRequestException" not in response[2]:
        return response
    code, *message = error.args
    text = f"Database error code: {code}. Message: {' '.join(map(str, message))}"
    return _error("DatabaseErrorException", text)


def _answer(original: Function, request: Record) -> Response:
    response: Response = original(request)
    return response


def _unsupported(request: Record) -> str | None:
    parameters = request.get("parameters") or []
    if any("arrayValue" in parameter.get("value", {}) for parameter in parameters):
        return "Array parameters are not supported."
    missing = data_api.parameter_names(request.get("sql") or "")
    missing -= {parameter.get("name") for parameter in parameters}
    if missing:
        return f"Cannot find parameter: {', '.join(sorted(missing))}"
    if request.get("schema"):
        return "Schema parameter isn't supported."
    if request.get("formatRecordsAs", "NONE") != "NONE" or request.get("resultSetOptions"):
        return "The local AWS has no formatRecordsAs and no resultSetOptions."
    return None


def _cluster(arn: str) -> Record | None:
    parsed = rds._parse_rds_arn(arn)
    if not parsed or parsed[1] != "cluster" or parsed[0].region != rds.get_region():
        return None
    cluster: Record | None = rds._resolve_cluster(arn)
    return cluster


def _writer(cluster: Record) -> Record | None:
    if not has_database(cluster) or not databases().running(cluster["DBClusterArn"]):
        return None
    for member in cluster["DBClusterMembers"]:
        instance: Record | None = rds._instances.get(member["DBInstanceIdentifier"])
        if member["IsClusterWriter"] and instance is not None:
            return instance if instance["DBInstanceStatus"] == "available" else None
    return None


def _http_endpoint_error(arn: str) -> Response:
    message = f"HttpEndpoint is not enabled for resource {arn}"
    return _error("HttpEndpointNotEnabledException", message)


def _error(code: str, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Response:
    response: Response = rds_data._error(code, message, status.value)
    return response
