"""What schemathesis is told of our API: how requests are signed, and which texts cannot be made up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import schemathesis
from botocore.credentials import ReadOnlyCredentials
from requests.auth import AuthBase
from schemathesis import auths
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    positive_data_acceptance,
    unsupported_method,
)

from trading.local.trade_client import signed_headers

if TYPE_CHECKING:
    from requests import PreparedRequest

CREDENTIALS = ReadOnlyCredentials("test", "test", None)
# Only what the API issued is taken, which a document cannot describe.
OPAQUE = {"invalid_cursor", "invalid_consistency_token"}


class SigV4(AuthBase):
    """Signs a request as it is about to be sent."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes)
        request.headers.update(
            signed_headers(
                str(request.method),
                str(request.url),
                body,
                region=os.environ["API_REGION"],
                credentials=CREDENTIALS,
            )
        )
        return request


auths.GLOBAL_AUTH_STORAGE.set_from_requests(SigV4())


@schemathesis.check
def accepts_what_the_document_admits(
    context: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """Valid data is accepted, but for texts that were never issued."""
    if response.status_code == 400 and response.json()["error"]["code"] in OPAQUE:
        return
    positive_data_acceptance(context, response, case)


@schemathesis.check
def refuses_as_api_gateway_does(
    context: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """No signature, no such method: where HTTP knows 401 and 405, API Gateway answers 403."""
    if response.status_code != 403:
        missing_required_header(context, response, case)
        unsupported_method(context, response, case)
