"""A record of every connection in the VPC, accepted or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.flow_log import FlowLog as AwsFlowLog
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from constructs import Construct

from stacks.log_groups import log_group
from stacks.policies import Statement, policy, service_trust

if TYPE_CHECKING:
    from stacks.base import PlatformStack


class FlowLog(Construct):
    """The VPC's flow log in a log group of its own.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """

    def __init__(self, stack: PlatformStack, vpc_id: str, kms_key_arn: str) -> None:
        super().__init__(stack, "flow-log")
        group = log_group(self, "log-group", f"/vpc/{stack.named('flow-log')}", kms_key_arn)
        name = stack.named_globally("vpc-flow-log")
        owner = f"{stack.region}:{stack.account_id}"
        role = IamRole(
            self,
            "role",
            name=name,
            description="Lets VPC flow logs of this account write to their log group",
            assume_role_policy=service_trust(
                "vpc-flow-logs.amazonaws.com",
                {
                    "StringEquals": {"aws:SourceAccount": stack.account_id},
                    "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{owner}:vpc-flow-log/*"},
                },
            ),
            tags={"Name": name},
        )
        write = Statement(
            sid="WriteFlowLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources=[f"arn:aws:logs:{owner}:log-group:{group.name}:*"],
        )
        permissions = IamRolePolicy(
            self, "role-policy", name="write-flow-logs", role=role.id, policy=policy(write)
        )
        AwsFlowLog(
            self,
            "vpc",
            vpc_id=vpc_id,
            traffic_type="ALL",
            max_aggregation_interval=60,
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={"Name": stack.named("vpc-flow-log")},
            depends_on=[permissions],
        )
