"""The public interface of the data layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataOutputs:
    """The region's Aurora cluster and artifacts bucket."""

    cluster_identifier: str
    cluster_resource_id: str
    cluster_arn: str
    writer_endpoint: str
    reader_endpoint: str
    # Terraform has one kind of number, and so has the reference to it.
    database_port: float
    database_name: str
    secret_arn: str
    artifacts_bucket: str
    artifacts_bucket_arn: str
