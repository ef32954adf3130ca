"""Who asked Route 53 for which name of the zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.cloudwatch_log_resource_policy import CloudwatchLogResourcePolicy
from cdktf_cdktf_provider_aws.kms_alias import KmsAlias
from cdktf_cdktf_provider_aws.kms_key import KmsKey
from cdktf_cdktf_provider_aws.route53_query_log import Route53QueryLog
from constructs import Construct

from stacks.log_groups import log_group
from stacks.policies import Statement, policy
from stacks.security.key_policy import administration, log_groups
from stacks.settings import PROJECT

if TYPE_CHECKING:
    from cdktf_cdktf_provider_aws.route53_zone import Route53Zone

    from stacks.base import PlatformStack


class QueryLog(Construct):
    """The zone's queries, in a log group under a key of their own.

    Route 53 writes to a group in us-east-1, and only if a policy of CloudWatch Logs lets it. The key is
    not that region's, so that the region can be torn down without the zone.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/query-logs.html
    """

    def __init__(
        self,
        stack: PlatformStack,
        zone: Route53Zone,
        zone_name: str,
        *,
        key_deletion_window_days: int,
    ) -> None:
        super().__init__(stack, "query-log")
        name = f"/aws/route53/{zone_name}"
        key = self._key(stack, name, key_deletion_window_days)
        log = log_group(self, "log", name, key.arn)
        # An account can have ten of these in a region, whoever's they are:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
        permission = CloudwatchLogResourcePolicy(
            self,
            "permission",
            policy_name=stack.named("query-log"),
            policy_document=policy(
                Statement(
                    sid="Route53WritesQueriesOfTheZone",
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[f"{log.arn}:*"],
                    principals={"Service": "route53.amazonaws.com"},
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account_id},
                        "ArnLike": {"aws:SourceArn": zone.arn},
                    },
                )
            ),
        )
        Route53QueryLog(
            self,
            "queries",
            zone_id=zone.zone_id,
            cloudwatch_log_group_arn=log.arn,
            depends_on=[permission],
        )

    def _key(self, stack: PlatformStack, log_name: str, deletion_window_days: int) -> KmsKey:
        key = KmsKey(
            self,
            "key",
            description=f"Encrypts the DNS queries of {PROJECT} {stack.suffix}",
            enable_key_rotation=True,
            deletion_window_in_days=deletion_window_days,
            policy=policy(
                administration(stack.account_id),
                log_groups(stack.account_id, stack.region, log_name),
            ),
            tags={"Name": stack.named("query-log-key")},
        )
        KmsAlias(
            self, "alias", name=f"alias/{PROJECT}-dns-{stack.suffix}", target_key_id=key.key_id
        )
        return key
