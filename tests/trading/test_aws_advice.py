"""What an operator is told to look at when AWS refuses or does not answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from trading.aws import answering
from trading.errors import OperatorError


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (refused("KMSKeyNotAccessibleFault"), "see docs/runbooks/lost-key.md"),
        (refused("KMS.DisabledException"), "see docs/runbooks/lost-key.md"),
        (refused("AccessDenied"), "check the credentials"),
        (EndpointConnectionError(endpoint_url="https://x"), "check the network"),
    ],
    ids=["key not accessible", "key disabled", "denied", "no network"],
)
def test_each_refusal_leads_to_its_own_advice(error: Exception, advice: str) -> None:
    with pytest.raises(OperatorError, match=advice) as told, answering():
        raise error
    assert "\n" not in str(told.value)
