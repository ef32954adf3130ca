"""Clients of a local AWS, to look at it and to change it behind Terraform's back."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3


@cache
def client_at(endpoint: str, service: str, region: str) -> Any:
    """A client of one service. Made once: reading a service's model takes a tenth of a second of
    processor time, and whoever waits for something asks five times a second.
    """
    # The stubs want the literal name of a service.
    session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    return session.client(service, region_name=region, endpoint_url=endpoint)
