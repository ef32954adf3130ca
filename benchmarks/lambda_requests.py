"""Requests of the trade API, as API Gateway passes them on."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

POST, GET, LIST = "POST /trades", "GET /trades/{trade_id}", "GET /trades"
EXPECTED = {POST: 201, GET: 200, LIST: 200}
# Of a hundred requests.
MIX = {POST: 50, GET: 30, LIST: 20}


@dataclass
class Client:
    """Makes requests as API Gateway passes them on, and keeps the ids of what it traded."""

    accounts: int = 400
    symbols: int = 25
    trade_ids: list[str] = field(default_factory=list)
    random: random.Random = field(default_factory=random.Random)

    def event(self, endpoint: str) -> dict[str, Any]:
        """A request of an endpoint."""
        account = f"ACC-{self.random.randrange(self.accounts)}"
        if endpoint == POST:
            return self._proxy_event(endpoint, body=self._order(account))
        if endpoint == GET:
            return self._proxy_event(endpoint, trade_id=self.random.choice(self.trade_ids))
        return self._proxy_event(endpoint, query={"account": account, "limit": "20"})

    def _order(self, account: str) -> dict[str, str]:
        return {
            "client_order_id": uuid.uuid4().hex,
            "account": account,
            "symbol": f"SYM{self.random.randrange(self.symbols)}",
            "side": self.random.choice(("BUY", "SELL")),
            "quantity": f"{self.random.randrange(1, 10_000)}.5",
            "price": "187.25",
            "currency": "USD",
        }

    def _proxy_event(
        self,
        endpoint: str,
        *,
        body: object = None,
        query: dict[str, str] | None = None,
        trade_id: str | None = None,
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event"""
        method, resource = endpoint.split()
        headers = {"Content-Type": "application/json", "Host": "api.dev.trading.example.com"}
        path = resource.replace("{trade_id}", trade_id or "")
        return {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": query and {k: [v] for k, v in query.items()},
            "pathParameters": {"trade_id": trade_id} if trade_id else None,
            "stageVariables": None,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "1234567890",
                "httpMethod": method,
                "identity": {"sourceIp": "203.0.113.7", "userAgent": "bench"},
                "path": f"/live{path}",
                "protocol": "HTTP/1.1",
                "requestId": str(uuid.uuid4()),
                "requestTimeEpoch": 1583798639428,
                "resourcePath": resource,
                "stage": "live",
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
