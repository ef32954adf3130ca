"""S3 as the archive asks it: by many requests at a time, and patiently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trading.aws import client

if TYPE_CHECKING:
    from collections.abc import Mapping

# So many copies of objects are under way at a time; S3 itself takes thousands a second from each prefix:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
PARALLEL_REQUESTS = 16


def s3_client(environment: Mapping[str, str], region: str) -> Any:
    """A client of S3 for PARALLEL_REQUESTS, which waits out what S3 asks to be waited for."""
    from botocore.config import Config  # noqa: PLC0415 - see `trading.aws.session`

    retries: Any = {"mode": "standard", "total_max_attempts": 10}
    patient = Config(
        max_pool_connections=PARALLEL_REQUESTS,
        connect_timeout=10,
        # S3 answers a copy of gigabytes when it is done.
        read_timeout=600,
        retries=retries,
    )
    return client("s3", environment, region, patient)
