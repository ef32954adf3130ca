"""Every decision that differs between regions or environments, and nothing else.

To add a region, add a `Region`. To change a size, change an `Environment`. No other file names either.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from stacks.settings_checks import SettingsError as SettingsError  # noqa: PLC0414 - theirs to raise
from stacks.settings_checks import check

PROJECT = "trading"

# The 8.0-compatible engine whose 3.10 line AWS supports for the longest; such a line is not to be upgraded
# by itself: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Update.SpecialVersions.html
AURORA_ENGINE_VERSION = "8.0.mysql_aurora.3.10.0"
AURORA_PARAMETER_FAMILY = "aurora-mysql8.0"
AURORA_INSTANCE_CLASS = "db.r5.large"
AURORA_READERS = 2
DATABASE_NAME = "trading"
# The variable of the data stack that names the snapshot a new cluster begins with.
RESTORE_SNAPSHOT_VARIABLE = "restore_snapshot_identifier"

LAMBDA_RUNTIME = "python3.12"
LAMBDA_MEMORY_MEGABYTES = 512
LAMBDA_TIMEOUT_SECONDS = 30
# The longest there is, for what works through all trades of a day, or ever; no client waits for it.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
LAMBDA_LONG_TIMEOUT_SECONDS = 900

LOG_RETENTION_DAYS = 30
OBJECT_RETENTION_DAYS = 90
# What was deleted of an archive can be had back for as long as a key that was deleted by the same mistake:
# https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys-scheduling-key-deletion.html
ARCHIVE_UNDO_DAYS = 30


@dataclass(frozen=True)
class Region:
    """One AWS region of the platform.

    `network_index` numbers the region within an environment's address range; it is never reused.
    `archive_copy_region` is the other region that holds a copy of this one's archive, where the
    environment asks for one.
    """

    name: str
    availability_zones: tuple[str, str, str]
    network_index: int
    archive_copy_region: str


REGIONS: tuple[Region, ...] = (
    Region(
        "us-east-1",
        ("us-east-1a", "us-east-1b", "us-east-1c"),
        network_index=0,
        archive_copy_region="us-west-2",
    ),
    Region(
        "us-east-2",
        ("us-east-2a", "us-east-2b", "us-east-2c"),
        network_index=1,
        archive_copy_region="us-east-1",
    ),
    Region(
        "us-west-2",
        ("us-west-2a", "us-west-2b", "us-west-2c"),
        network_index=2,
        archive_copy_region="us-east-2",
    ),
)

# Route 53 publishes the metrics of health checks in us-east-1 only, so their alarms must live there:
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-health-checks.html
# It is one of REGIONS: the alarms of the checks go to that region's topic.
GLOBAL_REGION = "us-east-1"


@dataclass(frozen=True)
class Throttling:
    """Limits of one API stage: steady requests per second, and the burst above it."""

    requests_per_second: int
    burst: int


@dataclass(frozen=True)
class Truststore:
    """Who signs the clients' certificates, for one region: a version of an S3 object in a bucket of it.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
    """

    region: str
    uri: str
    version: str


@dataclass(frozen=True)
class Environment:
    """What an environment decides. The names follow the Terraform arguments they end in.

    `network_octet` is the second octet of the environment's first region; each environment has room
    for 32 regions. `owns_bare_alias` is true in the one environment whose KMS key is also
    `alias/trading-{region}`. `account_id`, where given, is the only account the provider accepts.
    `zone_exists` says that the company already has the zone `base_domain`, which then takes our records;
    otherwise each workspace makes a zone below it, to be delegated to. `archive_copied` says that what is
    kept is copied to each region's `archive_copy_region`, too; `archive_generations` is how many of the
    newest generations `archive prune` leaves in each region. `mutual_tls` (a truststore for each region),
    `allowed_client_cidrs`, `dnssec` and `aws_backup_days`: docs/client-access.md.
    """

    name: str
    network_octet: int
    nat_gateway_per_zone: bool
    interface_endpoints: bool
    backup_retention_days: int
    backtrack_hours: int
    skip_final_snapshot: bool
    kms_deletion_window_days: int
    owns_bare_alias: bool
    throttling: Throttling
    lambda_reserved_concurrency: int
    # Lambda's own names: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    log_level: Literal["DEBUG", "INFO", "WARN"]
    web_acl_requests_per_five_minutes: int | None
    archive_copied: bool
    archive_generations: int
    alarm_email: str | None = None
    base_domain: str = "trading.example.com"
    zone_exists: bool = False
    account_id: str | None = None
    mutual_tls: tuple[Truststore, ...] = ()
    allowed_client_cidrs: tuple[str, ...] = ()
    dnssec: bool = False
    aws_backup_days: int | None = None

    @property
    def data_matters(self) -> bool:
        """Whether nothing that is held here may be lost by mistake."""
        return not self.skip_final_snapshot


ENVIRONMENTS: tuple[Environment, ...] = (
    Environment(
        name="dev",
        network_octet=0,
        nat_gateway_per_zone=False,
        interface_endpoints=False,
        backup_retention_days=1,
        backtrack_hours=24,
        skip_final_snapshot=True,
        kms_deletion_window_days=7,
        owns_bare_alias=False,
        throttling=Throttling(requests_per_second=50, burst=100),
        lambda_reserved_concurrency=10,
        log_level="DEBUG",
        web_acl_requests_per_five_minutes=1_000,
        archive_copied=False,
        archive_generations=2,
    ),
    Environment(
        name="staging",
        network_octet=32,
        nat_gateway_per_zone=False,
        interface_endpoints=True,
        backup_retention_days=7,
        backtrack_hours=24,
        skip_final_snapshot=True,
        kms_deletion_window_days=7,
        owns_bare_alias=False,
        throttling=Throttling(requests_per_second=200, burst=400),
        lambda_reserved_concurrency=25,
        log_level="INFO",
        web_acl_requests_per_five_minutes=10_000,
        archive_copied=False,
        archive_generations=3,
    ),
    Environment(
        name="prod",
        network_octet=64,
        nat_gateway_per_zone=True,
        interface_endpoints=True,
        backup_retention_days=35,
        backtrack_hours=72,
        skip_final_snapshot=False,
        kms_deletion_window_days=30,
        owns_bare_alias=True,
        throttling=Throttling(requests_per_second=2_000, burst=4_000),
        lambda_reserved_concurrency=200,
        log_level="INFO",
        web_acl_requests_per_five_minutes=100_000,
        archive_copied=True,
        archive_generations=5,
    ),
)

# What the account shares across environments is an own workspace with its own stacks.
FOUNDATION_WORKSPACE = "foundation"

# Whose workflows may deploy, as the subject of GitHub's tokens names it; with none there are no roles for
# them. Repositories made since July 2026 bear their ids in it, `owner@1234/name@5678`:
# https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
GITHUB_REPOSITORY: str | None = None


def regional_names(api_domain: str) -> list[str]:
    """Each region's own name below the shared one; a certificate covers all, the same in every region."""
    return [f"{region.name}.{api_domain}" for region in REGIONS]


@dataclass(frozen=True)
class Workspace:
    """A Terraform workspace and the environment it is a copy of. Its name is the suffix of all names.
    Raises SettingsError for an environment whose settings cannot work.
    """

    suffix: str
    environment: Environment

    def __post_init__(self) -> None:
        check(self.environment, [region.name for region in REGIONS])

    @property
    def zone_name(self) -> str:
        """The DNS zone: the company's own where it exists, else one such as `dev.trading.example.com`."""
        domain = self.environment.base_domain
        return domain if self.environment.zone_exists else f"{self.suffix}.{domain}"

    @property
    def api_domain(self) -> str:
        """The latency-routed name of the API; `{region}.{api_domain}` names one region."""
        return f"api.{self.suffix}.{self.environment.base_domain}"

    def vpc_octet(self, region: Region) -> int:
        """The second octet of a region's VPC, `10.{octet}.0.0/16`."""
        return self.environment.network_octet + region.network_index


def parse_workspace(name: str | None) -> Workspace:
    """The workspace a name stands for: `dev`, or `dev-pr42` for a short-lived copy of dev.

    Raises SettingsError for no name, for `default`, and for anything that is not an environment.
    """
    environments = {environment.name: environment for environment in ENVIRONMENTS}
    allowed = f"{', '.join(environments)}, or <environment>-<name> such as dev-pr42"
    if not name or name == "default":
        raise SettingsError(f"no environment chosen: set TF_WORKSPACE to {allowed}")
    base = name.partition("-")[0]
    if base not in environments or not re.fullmatch(r"[a-z]+(-[a-z0-9]{1,12})?", name):
        raise SettingsError(
            f"'{name}' is not an environment: set TF_WORKSPACE to {allowed}"
            " (the name of a copy is up to 12 lower-case letters and digits)"
        )
    if name.partition("-")[2] in environments:
        # Names that end in `-dev` are dev's: its deploy role would reach a copy of prod.
        raise SettingsError(
            f"'{name}' would be taken for another environment: name the copy otherwise"
        )
    return Workspace(suffix=name, environment=environments[base])


def workspace_name(name: str | None) -> str:
    """The same as a name, for what can be asked of the foundation too. Raises as `parse_workspace`."""
    return name if name == FOUNDATION_WORKSPACE else parse_workspace(name).suffix


@dataclass(frozen=True)
class StateBucket:
    """Where Terraform keeps state when it is not kept in files of this checkout."""

    name: str
    region: str
    lock: Literal["s3", "dynamodb"]

    @property
    def lock_table(self) -> str:
        """The DynamoDB table that locks for Terraform 1.5 to 1.9, which has no S3-native lock."""
        return f"{self.name}-lock"


def state_bucket() -> StateBucket | None:
    """The S3 backend asked for by TRADING_STATE_BUCKET, TRADING_STATE_REGION, TRADING_STATE_LOCK.

    None keeps state in local files, which suits a trial and no team. Raises SettingsError.
    """
    name = os.environ.get("TRADING_STATE_BUCKET")
    if not name:
        return None
    lock = os.environ.get("TRADING_STATE_LOCK") or "s3"
    if lock not in {"s3", "dynamodb"}:
        raise SettingsError(f"TRADING_STATE_LOCK is '{lock}': use s3 (Terraform 1.10+) or dynamodb")
    region = os.environ.get("TRADING_STATE_REGION") or GLOBAL_REGION
    return StateBucket(name, region, "s3" if lock == "s3" else "dynamodb")
