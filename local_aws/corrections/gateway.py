"""The emulator's own paths, beside those of the AWS services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ministack.services import rds

from local_aws.corrections.rds_databases import visible_status
from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response


@corrects("app", "_handle_health_request")
def health_path_is_the_customers(original: Function, path: str, request_id: str) -> Response | None:
    """``/health`` of a custom domain reaches its API: only ``/_ministack/health`` is ours.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html
    """
    if path == "/health":
        return None
    answer: Response | None = original(path, request_id)
    return answer


@corrects("app", "_handle_health_request")
def health_tells_the_clusters(original: Function, path: str, request_id: str) -> Response | None:
    """The local target's status shows the clusters of all regions, which no AWS action lists."""
    answer: Response | None = original(path, request_id)
    if answer is None:
        return None
    status, headers, body = answer
    health: Record = json.loads(body)
    health["clusters"] = [
        {
            "region": region,
            "identifier": identifier,
            "address": cluster["Endpoint"],
            "status": visible_status(cluster),
        }
        for (_, region, identifier), cluster in rds._clusters.all_items()
    ]
    return status, headers, json.dumps(health).encode()
