"""What `doctor` checks of the environment and the AWS account: credentials, state, locks, clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stacks.settings import GLOBAL_REGION, StateBucket, parse_workspace, state_bucket
from trading.aws import client
from trading.engine.engine import require_terraform
from trading.reports.doctor import Finding, failure, ok, warning
from trading.targets import TargetName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.settings import Workspace
    from trading.targets import Target

# AWS refuses what was signed more than five minutes off its own clock:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_SKEW_FAILURE_SECONDS, _SKEW_WARNING_SECONDS = 300, 60
_UNCHOSEN_DOMAIN = "example.com"


@dataclass(frozen=True)
class _Answer:
    """What STS said: who asks (None if it refused), by which clock, and when by ours."""

    identity: Mapping[str, str] | None
    error: Exception | None
    date: str | None
    received: float


class Account:
    """The account that the target's credentials lead to, for the environment `name`."""

    def __init__(self, name: str | None, target: Target) -> None:
        self._name = name
        self._target = target

    def environment(self) -> Finding:
        """The chosen environment, and whether its domain was decided."""
        workspace = self._workspace
        domain = workspace.environment.base_domain
        if self._target.name is TargetName.AWS and domain.endswith(_UNCHOSEN_DOMAIN):
            return failure(
                f"{workspace.suffix}: base_domain is still {domain}, which cannot be delegated to you",
                "set base_domain in stacks/settings.py to a domain of yours",
            )
        return ok(f"{workspace.suffix}, API at {workspace.api_domain}")

    def credentials(self) -> Finding:
        """Who we are, and whether the environment belongs to that account."""
        answer = self._answer
        if answer.identity is None:
            assert answer.error is not None
            raise answer.error
        account, found = answer.identity["Account"], answer.identity["Arn"]
        environment = self._workspace.environment
        if environment.account_id not in {None, account}:
            return failure(
                f"{found} is of the account {account}, and {environment.name} belongs to"
                f" {environment.account_id}",
                "choose other credentials (AWS_PROFILE), or another environment",
            )
        unguarded = environment.account_id is None and not environment.skip_final_snapshot
        if unguarded and self._target.name is TargetName.AWS:
            return warning(
                f"{found}; the credentials of any account would deploy {environment.name}",
                f"set account_id of {environment.name} in stacks/settings.py",
            )
        return ok(found)

    def clock(self) -> Finding:
        """Our clock beside AWS's."""
        answer = self._answer
        if answer.date is None:
            return warning("not compared: AWS did not answer", "see credentials")
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to import

        skew = answer.received - parsedate_to_datetime(answer.date).timestamp()
        found = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS"
        advice = (
            "set the clock (timedatectl set-ntp true): AWS refuses requests signed 5 minutes off"
        )
        if abs(skew) > _SKEW_FAILURE_SECONDS:
            return failure(found, advice)
        # The header has whole seconds.
        return warning(found, advice) if abs(skew) > _SKEW_WARNING_SECONDS else ok("as AWS's")

    def state(self) -> Finding:
        """Where state is kept, and whether an older version of it can be had back."""
        bucket = state_bucket()
        if bucket is None:
            if self._target.name is TargetName.LOCAL:
                return ok("in files of this checkout")
            return warning(
                "in files of this checkout: nobody else sees it, and no lock keeps others off",
                "name a bucket in TRADING_STATE_BUCKET, and run `trading foundation deploy`",
            )
        return self._not_reached() or self._bucket(bucket)

    def locks(self) -> Finding:
        """What keeps two operators apart."""
        bucket = state_bucket()
        if bucket is None:
            return ok("Terraform locks state files by itself")
        if bucket.lock == "s3":
            return ok(f"S3's own, by Terraform {require_terraform()}")
        return self._not_reached() or self._table(bucket)

    @cached_property
    def _workspace(self) -> Workspace:
        return parse_workspace(self._name)

    @cached_property
    def _answer(self) -> _Answer:
        try:
            identity = self._client("sts", GLOBAL_REGION).get_caller_identity()
        except Exception as error:  # noqa: BLE001 - it is what the check of credentials has found
            # AWS also dates what it refuses, for a clock that is wrong too.
            response = getattr(error, "response", {})
            return _Answer(None, error, _date(response), time.time())
        return _Answer(identity, None, _date(identity), time.time())

    def _not_reached(self) -> Finding | None:
        if self._answer.identity is not None:
            return None
        return warning("not checked: AWS does not know us", "see credentials")

    def _bucket(self, bucket: StateBucket) -> Finding:
        s3 = self._client("s3", bucket.region)
        make = "run `trading foundation deploy`"
        try:
            # No constraint stands for us-east-1, the one region that may not be named.
            region = s3.get_bucket_location(Bucket=bucket.name).get("LocationConstraint")
        except s3.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchBucket":
                return failure(f"the bucket {bucket.name} does not exist", make)
            return failure(
                f"the bucket {bucket.name} refuses us: {code}",
                "ask its owner for s3:GetBucketLocation, GetObject, PutObject, or use another bucket",
            )
        region = region or "us-east-1"
        if region != bucket.region:
            return failure(
                f"the bucket {bucket.name} is in {region}, not {bucket.region}",
                f"set TRADING_STATE_REGION={region}",
            )
        if s3.get_bucket_versioning(Bucket=bucket.name).get("Status") != "Enabled":
            return failure(f"the bucket {bucket.name} keeps no old versions of state", make)
        if not _is_encrypted(s3, bucket.name):
            return warning(f"the bucket {bucket.name} has no default encryption", make)
        return ok(f"bucket {bucket.name} in {region}, versioned and encrypted")

    def _table(self, bucket: StateBucket) -> Finding:
        dynamodb = self._client("dynamodb", bucket.region)
        make = "run `trading foundation deploy`"
        try:
            table = dynamodb.describe_table(TableName=bucket.lock_table)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            return failure(f"the lock table {bucket.lock_table} does not exist", make)
        if [key["AttributeName"] for key in table["KeySchema"]] != ["LockID"]:
            return failure(
                f"the key of {bucket.lock_table} is not LockID", "remove the table, and " + make
            )
        if table["TableStatus"] != "ACTIVE":
            return warning(f"the table {bucket.lock_table} is {table['TableStatus']}", "wait")
        return ok(f"table {bucket.lock_table}")

    def _client(self, service: str, region: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - slow to import

        # Whoever asks a doctor waits: no minute of attempts where no network is.
        patience = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        return client(service, self._target.environment(), region, patience)


def _is_encrypted(s3: Any, bucket: str) -> bool:
    try:
        s3.get_bucket_encryption(Bucket=bucket)
    except s3.exceptions.ClientError:
        return False
    return True


def _date(response: Mapping[str, Any]) -> str | None:
    headers: Mapping[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("date")
