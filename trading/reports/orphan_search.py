"""The kinds that take more than one call to find, and the list of all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trading.advice import command
from trading.archive.cluster import is_the_archives
from trading.reports.orphan_kinds import Found, Kind, Place, answers, calling, tags_of
from trading.reports.orphan_listed import APPLICATION, DATABASES, FUNCTIONS, NETWORK, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INTERFACE_OF = "AWS Lambda VPC ENI-"
_CLUSTER_OF_SECRET = "aws:rds:primaryDBClusterArn"


def _log_groups(place: Place) -> Iterator[Found]:
    """Ours by name: a service that logs once more makes the group anew, and without tags."""
    ours = place.names.of("aws_cloudwatch_log_group", place.region)
    ours |= {f"/aws/lambda/{name}" for name in place.names.of("aws_lambda_function", place.region)}
    clusters = place.names.of("aws_rds_cluster", place.region)
    prefixes = tuple(f"/aws/rds/cluster/{name}/" for name in clusters)
    for group in answers(place.client, "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        if name in ours or (prefixes and name.startswith(prefixes)):
            yield Found(name, name)


def _interfaces(place: Place) -> Iterator[Found]:
    """Lambda makes the interfaces of its functions, and removes them some time after these."""
    functions = place.names.of("aws_lambda_function", place.region)
    for interface in answers(place.client, "describe_network_interfaces", "NetworkInterfaces"):
        text = interface.get("Description", "")
        maker = next((name for name in functions if text.startswith(f"{_INTERFACE_OF}{name}-")), "")
        tagged = place.names.is_ours("aws_network_interface", tags_of(interface, "TagSet"), "")
        if maker or tagged:
            used = interface.get("Status") == "in-use"
            keep = "in use: Lambda removes it within the hour after its function" if used else ""
            part_of = ("aws_lambda_function", maker) if used else None
            yield Found(interface["NetworkInterfaceId"], text, keep=keep, part_of=part_of)


def _secrets(place: Place) -> Iterator[Found]:
    ends = tuple(f":cluster:{name}" for name in place.names.of("aws_rds_cluster", place.region))
    for secret in answers(place.client, "list_secrets", "SecretList", IncludePlannedDeletion=True):
        tags = tags_of(secret)
        of_cluster = bool(ends) and tags.get(_CLUSTER_OF_SECRET, "").endswith(ends)
        if of_cluster or place.names.is_ours("aws_secretsmanager_secret", tags, secret["Name"]):
            keep, why = "a secret: nothing else has the password", ""
            if deleted := secret.get("DeletedDate"):
                keep, why = "goes by itself", f"deleted on {deleted:%Y-%m-%d}, AWS keeps it a while"
            yield Found(secret["ARN"], secret["Name"], secret["ARN"], keep, why)


def _snapshots(place: Place) -> Iterator[Found]:
    """Those of the archive are no environment's: `archive prune` removes them."""
    clusters = place.names.of("aws_rds_cluster", place.region)
    operation, member = "describe_db_cluster_snapshots", "DBClusterSnapshots"
    every = list(answers(place.client, operation, member, SnapshotType="manual"))
    kept = [
        (tags_of(one, "TagList").get("Generation", ""), one["DbClusterResourceId"])
        for one in every
        if is_the_archives(one)
    ]
    newest = {cluster: generation for generation, cluster in sorted(kept)}
    for snapshot in every:
        if is_the_archives(snapshot):
            continue
        tags = tags_of(snapshot, "TagList")
        if snapshot["DBClusterIdentifier"] in clusters or place.names.is_ours("", tags, ""):
            identity = snapshot["DBClusterSnapshotIdentifier"]
            arn = snapshot.get("DBClusterSnapshotArn", "")
            keep, why = "the data of a destroyed cluster: kept on purpose", ""
            if generation := newest.get(snapshot.get("DbClusterResourceId", "")):
                verify = command(f"archive verify {generation}", place.names.suffix)
                keep = f"kept on purpose: not needed any more if {verify} says ok"
                why = f"generation {generation} has the data of its cluster"
            yield Found(identity, identity, arn, keep, why)


def _backups(place: Place) -> Iterator[Found]:
    clusters = place.names.of("aws_rds_cluster", place.region)
    for backup in answers(
        place.client, "describe_db_cluster_automated_backups", "DBClusterAutomatedBackups"
    ):
        if backup["DBClusterIdentifier"] in clusters and backup.get("Status") == "retained":
            identity = backup["DbClusterResourceId"]
            keep = "the data of a destroyed cluster: goes with its retention"
            yield Found(identity, backup["DBClusterIdentifier"], keep=keep)


def _keys(place: Place) -> Iterator[Found]:
    for item in answers(place.client, "list_keys", "Keys"):
        key = place.client.describe_key(KeyId=item["KeyId"])["KeyMetadata"]
        if key["KeyManager"] != "CUSTOMER":
            continue
        tags = {
            tag["TagKey"]: tag["TagValue"]
            for tag in place.client.list_resource_tags(KeyId=item["KeyId"]).get("Tags", [])
        }
        if not place.names.is_ours("aws_kms_key", tags, tags.get("Name", "")):
            continue
        keep, why = "a key: what it encrypted is lost without it", ""
        if key["KeyState"] == "PendingDeletion":
            when = key.get("DeletionDate")
            keep = "goes by itself; `aws kms cancel-key-deletion` brings it back"
            why = f"deleted, until {when:%Y-%m-%d} it can be had back" if when else "deleted"
        yield Found(key["KeyId"], tags.get("Name", ""), key["Arn"], keep, why)


def _aliases(place: Place) -> Iterator[Found]:
    ours = place.names.of("aws_kms_alias", place.region)
    for alias in answers(place.client, "list_aliases", "Aliases"):
        if alias["AliasName"] in ours:
            yield Found(alias["AliasName"], alias["AliasName"], alias.get("AliasArn", ""))


def _topics(place: Place) -> Iterator[Found]:
    ours = place.names.of("aws_sns_topic", place.region)
    for topic in answers(place.client, "list_topics", "Topics"):
        name = topic["TopicArn"].rpartition(":")[2]
        if name in ours:
            yield Found(topic["TopicArn"], name, topic["TopicArn"])


def _queues(place: Place) -> Iterator[Found]:
    ours = place.names.of("aws_sqs_queue", place.region)
    for url in answers(place.client, "list_queues", "QueueUrls"):
        name = url.rpartition("/")[2]
        if name in ours:
            counts = place.client.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "QueueArn"]
            )["Attributes"]
            held = int(counts.get("ApproximateNumberOfMessages", 0))
            keep = f"holds {held} messages: read them first" if held else ""
            yield Found(url, name, counts.get("QueueArn", ""), keep)


def _buckets(place: Place) -> Iterator[Found]:
    ours = place.names.of("aws_s3_bucket")
    for bucket in answers(place.client, "list_buckets", "Buckets"):
        name = bucket["Name"]
        if name in ours:
            versions = place.client.list_object_versions(Bucket=name, MaxKeys=1)
            held = versions.get("Versions") or versions.get("DeleteMarkers")
            keep = "holds objects: look at them, and empty it by hand" if held else ""
            yield Found(name, name, f"arn:aws:s3:::{name}", keep)


def _zones(place: Place) -> Iterator[Found]:
    ours = place.names.of("aws_route53_zone")
    for zone in answers(place.client, "list_hosted_zones", "HostedZones"):
        name = zone["Name"].rstrip(".")
        if name in ours:
            keep = "a zone: its name servers may be delegated to"
            yield Found(zone["Id"].rpartition("/")[2], name, keep=keep)


def _health_checks(place: Place) -> Iterator[Found]:
    for check in answers(place.client, "list_health_checks", "HealthChecks"):
        answer = place.client.list_tags_for_resource(
            ResourceType="healthcheck", ResourceId=check["Id"]
        )
        tags = tags_of(answer["ResourceTagSet"])
        if place.names.is_ours("aws_route53_health_check", tags, tags.get("Name", "")):
            yield Found(check["Id"], tags.get("Name", ""))


def _certificates(place: Place) -> Iterator[Found]:
    for item in answers(place.client, "list_certificates", "CertificateSummaryList"):
        arn = item["CertificateArn"]
        tags = tags_of(place.client.list_tags_for_certificate(CertificateArn=arn))
        if place.names.is_ours("aws_acm_certificate", tags, tags.get("Name", "")):
            used = place.client.describe_certificate(CertificateArn=arn)["Certificate"]
            keep = "in use: remove what uses it first" if used.get("InUseBy") else ""
            yield Found(arn, item.get("DomainName", ""), arn, keep)


_MADE_AGAIN = "its service wrote once more after the destroy, and made it again: kept for ever"
_BY_LAMBDA = "Lambda made it for a function, and did not remove it"

# In the order in which they can be removed.
KINDS: tuple[Kind, ...] = (
    FUNCTIONS,
    *APPLICATION,
    Kind(
        "health check",
        "aws_route53_health_check",
        "route53",
        _health_checks,
        calling("delete_health_check", "HealthCheckId"),
        is_global=True,
    ),
    Kind("hosted zone", "aws_route53_zone", "route53", _zones, is_global=True),
    Kind(
        "certificate",
        "aws_acm_certificate",
        "acm",
        _certificates,
        calling("delete_certificate", "CertificateArn"),
    ),
    Kind("topic", "aws_sns_topic", "sns", _topics, calling("delete_topic", "TopicArn")),
    Kind("queue", "aws_sqs_queue", "sqs", _queues, calling("delete_queue", "QueueUrl")),
    *DATABASES,
    Kind("cluster snapshot", "aws_db_cluster_snapshot", "rds", _snapshots, why="a final snapshot"),
    Kind("automated backup", "", "rds", _backups, why="RDS keeps it after the cluster"),
    Kind("secret", "", "secretsmanager", _secrets, why="RDS made it for a cluster"),
    Kind(
        "network interface",
        "aws_network_interface",
        "ec2",
        _interfaces,
        calling("delete_network_interface", "NetworkInterfaceId"),
        why=_BY_LAMBDA,
    ),
    *NETWORK,
    Kind(
        "log group",
        "aws_cloudwatch_log_group",
        "logs",
        _log_groups,
        calling("delete_log_group", "logGroupName"),
        why=_MADE_AGAIN,
    ),
    ROLES,
    Kind(
        "bucket",
        "aws_s3_bucket",
        "s3",
        _buckets,
        calling("delete_bucket", "Bucket"),
        is_global=True,
    ),
    Kind("alias", "aws_kms_alias", "kms", _aliases, calling("delete_alias", "AliasName")),
    Kind("key", "aws_kms_key", "kms", _keys, why="left by a Terraform that was killed"),
)


def by_tag(client: Any, tags: Mapping[str, str]) -> Iterator[str]:
    """The ARNs of all that bears these tags, of whatever kind."""
    filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
    for item in answers(client, "get_resources", "ResourceTagMappingList", TagFilters=filters):
        yield item["ResourceARN"]
