"""What a function of the trade service may do, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import Fn, Token

from stacks.network.addresses import ZONES
from stacks.policies import Statement, policy

if TYPE_CHECKING:
    from stacks.api.functions import FunctionContext, FunctionDefinition
    from stacks.base import PlatformStack
    from stacks.network import NetworkOutputs

# These know no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
SEND_TRACES = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
# Nor do these: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
DESCRIBE_NETWORK = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
MAKE_NETWORK_INTERFACES = ["ec2:CreateNetworkInterface"]
CHANGE_NETWORK_INTERFACES = [
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def function_permissions(
    stack: PlatformStack,
    function_name: str,
    log_group_name: str,
    context: FunctionContext,
    definition: FunctionDefinition,
) -> str:
    """The policy of a function's role, as JSON."""
    owner = f"{stack.region}:{stack.account_id}"
    key, region = context.kms_key_arn, stack.region
    decrypted = [] if definition.database_user else ["secretsmanager"]
    stored = ["s3"] if definition.objects_arn else []
    return policy(
        Statement(
            sid="WriteOwnLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"arn:aws:logs:{owner}:log-group:{log_group_name}:*"],
        ),
        *_open_database(owner, context, definition.database_user),
        *_read_and_write_objects(definition.objects_arn),
        Statement(
            sid="SendDeadLetters",
            actions=["sqs:SendMessage"],
            resources=[context.dead_letter_queue_arn],
        ),
        _use_key("Decrypt", key, region, ["lambda", *decrypted, *stored, "sqs"]),
        _use_key("GenerateDataKey", key, region, [*stored, "sqs"]),
        Statement(sid="SendTraces", actions=SEND_TRACES, resources=["*"]),
        *_network_interfaces(owner, function_name, context.network),
    )


def _open_database(
    owner: str, context: FunctionContext, database_user: str | None
) -> list[Statement]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html"""
    if database_user is None:
        return [
            Statement(
                sid="ReadDatabaseSecret",
                actions=["secretsmanager:GetSecretValue"],
                resources=[context.database_secret_arn],
            )
        ]
    user = f"arn:aws:rds-db:{owner}:dbuser:{context.cluster_resource_id}/{database_user}"
    return [Statement(sid="ConnectToDatabase", actions=["rds-db:connect"], resources=[user])]


def _read_and_write_objects(objects_arn: str | None) -> list[Statement]:
    if objects_arn is None:
        return []
    actions = ["s3:GetObject", "s3:PutObject"]
    return [Statement(sid="ReadAndWriteObjects", actions=actions, resources=[objects_arn])]


def _use_key(action: str, key_arn: str, region: str, services: list[str]) -> Statement:
    via = [f"{service}.{region}.amazonaws.com" for service in services]
    return Statement(
        sid=f"{action}ThroughServices",
        actions=[f"kms:{action}"],
        resources=[key_arn],
        conditions={"StringEquals": {"kms:ViaService": via}},
    )


def _network_interfaces(owner: str, function_name: str, network: NetworkOutputs) -> list[Statement]:
    """For Lambda, which attaches the function to the VPC as this role; not for the function's code.

    Lambda tries these permissions out before it makes a function, naming no network interface: it wants
    them allowed on all ids, and a condition on an id's subnet would never be met. So what lies elsewhere
    is denied instead, wherever a request says where: docs/adr/0024.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    """
    arn = f"arn:aws:ec2:{owner}"
    return [
        Statement(sid="LambdaSeesNetwork", actions=DESCRIBE_NETWORK, resources=["*"]),
        Statement(
            sid="LambdaChangesAttachments",
            actions=[*MAKE_NETWORK_INTERFACES, *CHANGE_NETWORK_INTERFACES],
            resources=[f"{arn}:*/*"],
        ),
        *_nothing_elsewhere(arn, network),
        Statement(
            sid="CodeChangesNoNetwork",
            effect="Deny",
            actions=[*DESCRIBE_NETWORK, *MAKE_NETWORK_INTERFACES, *CHANGE_NETWORK_INTERFACES],
            resources=["*"],
            conditions={
                "ArnEquals": {
                    "lambda:SourceFunctionArn": f"arn:aws:lambda:{owner}:function:{function_name}"
                }
            },
        ),
    ]


def _nothing_elsewhere(arn: str, network: NetworkOutputs) -> list[Statement]:
    """Denials of other networks and subnets, where a request says which; not where it does not."""
    subnets = [
        f"{arn}:subnet/{Token.as_string(Fn.element(network.lambda_subnet_ids, number))}"
        for number in range(ZONES)
    ]
    return [
        # EC2 tells the VPC of the subnet and of each group, and nothing of an interface yet to be.
        Statement(
            sid="NothingInOtherNetworks",
            effect="Deny",
            actions=MAKE_NETWORK_INTERFACES,
            resources=["*"],
            conditions={
                "Null": {"ec2:Vpc": "false"},
                "ArnNotEquals": {"ec2:Vpc": f"{arn}:vpc/{network.vpc_id}"},
            },
        ),
        Statement(
            sid="NothingOfOtherSubnets",
            effect="Deny",
            actions=CHANGE_NETWORK_INTERFACES,
            resources=[f"{arn}:network-interface/*"],
            conditions={
                "Null": {"ec2:Subnet": "false"},
                "ArnNotEquals": {"ec2:Subnet": subnets},
            },
        ),
    ]
