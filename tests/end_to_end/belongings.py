"""What clients have entrusted to a region, as they and S3 tell of it: to be the same ever after."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.conftest import Operator
from tests.end_to_end.interruptions import aws

_SIDE_BY_SIDE = 8
ODD_KEY = "reports/ä +%20/ /x"


@dataclass(frozen=True)
class Belongings:
    """Trades by their id, the bytes and metadata of all versions of each object from the newest on, and
    the objects that are deleted.
    """

    trades: dict[str, dict[str, Any]]
    objects: dict[str, list[tuple[bytes, dict[str, str]]]]
    deleted: set[str]


def bucket(operator: Operator, region: str) -> str:
    """The artifacts bucket of a region."""
    account = aws(operator, "sts", region).get_caller_identity()["Account"]
    return f"artifacts-{account}-{region}-{operator.workspace}"


def post_trades(operator: Operator, region: str, count: int, called: str) -> list[str]:
    """Record trades as clients do, and give their ids."""
    client = operator.clients()[region]

    def post(number: int) -> str:
        trade = {
            "client_order_id": f"{called}-{number}",
            "account": f"account-{number % 3}",
            "symbol": "ACME",
            "side": ("BUY", "SELL")[number % 2],
            "quantity": f"{number + 1}",
            "price": f"{number + 1}.0000000{number % 9 + 1}",
            "currency": "USD",
        }
        answer = client.post_trade(trade)
        # 200 when a first answer was lost on a slow machine: recorded all the same, and once.
        assert answer.status in {200, 201}, answer
        return str(answer.body["trade_id"])

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return list(pool.map(post, range(count)))


def put_objects(operator: Operator, region: str, count: int, called: str) -> None:
    """Put objects of two versions each, some with odd names or no bytes, and delete some."""
    s3, name = aws(operator, "s3", region), bucket(operator, region)

    def put(number: int) -> None:
        key = f"reports/{called}/{number:05}.csv"
        for version in ("draft", "final"):
            body = f"{called},{number},{version}\n".encode() * (number % 50)
            s3.put_object(Bucket=name, Key=key, Body=body, Metadata={"version": version})
        if number % 100 == 0:
            s3.delete_object(Bucket=name, Key=key)

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        list(pool.map(put, range(count)))
    s3.put_object(Bucket=name, Key=f"{ODD_KEY}/{called}", Body=b"odd")


def count_versions(operator: Operator, region: str, name: str, prefix: str = "") -> int:
    """How many versions of objects a bucket has; none while there is no such bucket."""
    s3 = aws(operator, "s3", region)
    try:
        pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=name, Prefix=prefix))
    except s3.exceptions.ClientError:
        return 0
    return sum(len(page.get(kind, [])) for page in pages for kind in ("Versions", "DeleteMarkers"))


def belongings(operator: Operator, region: str, trade_ids: list[str]) -> Belongings:
    """Read every trade through the API, and every version of every object."""
    client = operator.clients()[region]

    def read(trade_id: str) -> tuple[str, dict[str, Any]]:
        answer = client.get_trade(trade_id)
        assert answer.status == 200, answer
        return trade_id, answer.body

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        trades = dict(pool.map(read, trade_ids))
    objects, deleted = read_objects(operator, region)
    return Belongings(trades, objects, deleted)


def read_objects(
    operator: Operator, region: str
) -> tuple[dict[str, list[tuple[bytes, dict[str, str]]]], set[str]]:
    """Every version of every object, and what is deleted."""
    s3, name = aws(operator, "s3", region), bucket(operator, region)
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    deleted: set[str] = set()
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for version in page.get("Versions", []):
            found[version["Key"]].append((version["Key"], version["VersionId"]))
        deleted |= {one["Key"] for one in page.get("DeleteMarkers", []) if one["IsLatest"]}

    def read(place: tuple[str, str]) -> tuple[bytes, dict[str, str]]:
        key, version_id = place
        answer = s3.get_object(Bucket=name, Key=key, VersionId=version_id)
        return answer["Body"].read(), answer["Metadata"]

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return {key: list(pool.map(read, places)) for key, places in found.items()}, deleted
