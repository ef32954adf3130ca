"""A client of the trading API: signs each request with SigV4, as AWS_IAM authorization asks.

https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.credentials import ReadOnlyCredentials

_TIMEOUT_SECONDS = 35  # API Gateway gives up after 29.
_ATTEMPTS = 3
# The outcome is unknown after the latter, and all calls are safe to repeat.
_REPEATABLE = {503, 504}


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the JSON that came with it."""

    status: int
    body: dict[str, Any]


class TradeClient:
    """The API of one region."""

    def __init__(self, url: str, region: str, credentials: ReadOnlyCredentials) -> None:
        self.url = url
        self.region = region
        self.credentials = credentials

    def post_trade(self, trade: Mapping[str, str]) -> Answer:
        """Record a trade. The same trade again gives the same answer, so it is safe to repeat."""
        return self._request("POST", "/trades", json.dumps(trade).encode())

    def get_trade(self, trade_id: str) -> Answer:
        """Read a trade back."""
        return self._request("GET", f"/trades/{quote(trade_id, safe='')}")

    def post_trades(self, trades: Sequence[Mapping[str, str]]) -> Answer:
        """Record up to 100 trades together; as safe to repeat."""
        return self._request("POST", "/trades/batch", json.dumps({"trades": trades}).encode())

    def cancel_trade(self, trade_id: str) -> Answer:
        """Cancel a trade; safe to repeat."""
        return self._request("POST", f"/trades/{quote(trade_id, safe='')}/cancel")

    def get_positions(self, account: str) -> Answer:
        """Read what an account's trades in this region add up to."""
        return self._request("GET", f"/positions/{quote(account, safe='')}")

    def _request(self, method: str, path: str, body: bytes | None = None) -> Answer:
        for attempt in range(1, _ATTEMPTS + 1):
            answer = self._send(method, path, body)
            if answer.status not in _REPEATABLE or attempt == _ATTEMPTS:
                break
            time.sleep(attempt)
        return answer

    def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        url = f"{self.url}{path}"
        headers = signed_headers(
            method, url, body, region=self.region, credentials=self.credentials
        )
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        try:
            with _opener(url).open(request, timeout=_TIMEOUT_SECONDS) as response:
                return Answer(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _json_or_text(error.read()))
        except (OSError, ValueError) as error:
            raise OperatorError(
                f"the API of {self.region} does not answer at {url}: {error}"
            ) from error


def signed_headers(
    method: str, url: str, body: bytes | None, *, region: str, credentials: ReadOnlyCredentials
) -> dict[str, str]:
    """The headers of a request, its signature among them."""
    # Only here: botocore is slow to import, and most verbs call no API.
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    headers = {"Content-Type": "application/json"} if body else {}
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    return dict(request.headers.items())


def _opener(url: str) -> urllib.request.OpenerDirector:
    """A proxy serves the outside world, never this machine."""
    if urlsplit(url).hostname in {"127.0.0.1", "localhost"}:
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def _json_or_text(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"message": body.decode(errors="replace")[:200]}
