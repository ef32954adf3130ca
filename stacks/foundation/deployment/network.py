"""What a deploy changes of the network: what bears the environment's tags, and what it makes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach

# What is made with tags, as Terraform makes everything; each kind's creation.
_NETWORK_MADE = [
    "ec2:AllocateAddress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateFlowLogs",
    "ec2:CreateInternetGateway",
    "ec2:CreateNatGateway",
    "ec2:CreateRouteTable",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateVpc",
    "ec2:CreateVpcEndpoint",
]
_NETWORK_KINDS = (
    "elastic-ip",
    "internet-gateway",
    "natgateway",
    "route-table",
    "security-group",
    "security-group-rule",
    "subnet",
    "vpc",
    "vpc-endpoint",
    "vpc-flow-log",
)
_NETWORK_CHANGED = [
    "ec2:AssociateRouteTable",
    "ec2:AttachInternetGateway",
    "ec2:CreateRoute",
    "ec2:DeleteFlowLogs",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteNatGateway",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteTags",
    "ec2:DeleteVpc",
    "ec2:DeleteVpcEndpoints",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateAddress",
    "ec2:DisassociateRouteTable",
    "ec2:ModifySecurityGroupRules",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:ModifyVpcEndpoint",
    "ec2:ReleaseAddress",
    "ec2:ReplaceRoute",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:CreateTags",
]


def write_network(reach: Reach) -> list[Statement]:
    """EC2 knows tags: what is made must have ours, and what is used or changed must already.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    kinds = [f"arn:aws:ec2:*:{reach.account_id}:{kind}/*" for kind in _NETWORK_KINDS]
    return [
        Statement(
            "MakeWithTags",
            _NETWORK_MADE,
            kinds,
            conditions=reach.to_be_tagged,
        ),
        Statement(
            "UseAndChangeOwn",
            [*_NETWORK_MADE, *_NETWORK_CHANGED],
            kinds,
            conditions=reach.tagged,
        ),
        Statement(
            "TagWhatIsMade",
            ["ec2:CreateTags"],
            kinds,
            conditions={
                "StringEquals": {
                    "ec2:CreateAction": [name.removeprefix("ec2:") for name in _NETWORK_MADE]
                }
            },
        ),
        # A VPC's own group is there without being made, and without tags.
        Statement(
            "TakeOverDefaultGroup",
            ["ec2:CreateTags"],
            [f"arn:aws:ec2:*:{reach.account_id}:security-group/*"],
            conditions={**reach.to_be_tagged, "Null": {"aws:ResourceTag/Project": "true"}},
        ),
    ]
