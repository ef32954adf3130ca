"""What a deploy changes of the functions, the API before them, and what watches both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach


def write_api(reach: Reach) -> list[Statement]:
    """The functions, the API before them, and what watches both."""
    apis = ["restapis", "restapis/*", "domainnames", "domainnames/*", "tags/*"]
    stages = "arn:aws:apigateway:*::/restapis/*/stages/*"
    return [
        Statement(
            "ChangeFunctions",
            [
                "lambda:AddPermission",
                "lambda:CreateFunction",
                "lambda:DeleteFunction",
                "lambda:DeleteFunctionConcurrency",
                "lambda:InvokeFunction",
                "lambda:PutFunctionConcurrency",
                "lambda:RemovePermission",
                "lambda:TagResource",
                "lambda:UntagResource",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            reach.functions(),
        ),
        Statement(
            "ChangeApis",
            [f"apigateway:{method}" for method in ("DELETE", "PATCH", "POST", "PUT")],
            [f"arn:aws:apigateway:*::/{api}" for api in apis],
        ),
        Statement(
            "ChangeFirewall",
            [
                "wafv2:AssociateWebACL",
                "wafv2:CreateWebACL",
                "wafv2:DeleteLoggingConfiguration",
                "wafv2:DeleteWebACL",
                "wafv2:DisassociateWebACL",
                "wafv2:PutLoggingConfiguration",
                "wafv2:TagResource",
                "wafv2:UntagResource",
                "wafv2:UpdateWebACL",
            ],
            [
                *reach.named("wafv2", "regional/webacl/", end="/*"),
                # A managed rule is named in the call that makes a firewall of it.
                "arn:aws:wafv2:*:*:regional/managedruleset/*/*",
                stages,
            ],
        ),
        Statement(
            "PutApisBehindFirewall",
            ["apigateway:SetWebACL"],
            [stages],
        ),
        *_watching(reach),
    ]


def _watching(reach: Reach) -> list[Statement]:
    return [
        Statement(
            "ChangeLogGroups",
            [
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DisassociateKmsKey",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            reach.log_groups(),
        ),
        # The firewall's logs reach their group by a delivery and a policy of the account, and so do
        # DNS queries: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        Statement(
            "DeliverLogs",
            [
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DeleteResourcePolicy",
                "logs:PutResourcePolicy",
            ],
            ["*"],
        ),
        Statement(
            "ChangeAlarms",
            [
                "cloudwatch:DeleteAlarms",
                "cloudwatch:DeleteDashboards",
                "cloudwatch:PutDashboard",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            [
                *reach.named("cloudwatch", "alarm:"),
                *reach.named("cloudwatch", "dashboard/", region=""),
            ],
        ),
        Statement(
            "ChangeRules",
            [
                "events:DeleteRule",
                "events:PutRule",
                "events:PutTargets",
                "events:RemoveTargets",
                "events:TagResource",
                "events:UntagResource",
            ],
            reach.named("events", "rule/"),
        ),
        Statement(
            "ChangeTopicsAndQueues",
            [
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:SetTopicAttributes",
                "sns:Subscribe",
                "sns:TagResource",
                "sns:UntagResource",
                "sqs:CreateQueue",
                "sqs:DeleteQueue",
                "sqs:SetQueueAttributes",
                "sqs:TagQueue",
                "sqs:UntagQueue",
            ],
            [*reach.named("sns", ""), *reach.named("sqs", "")],
        ),
        # A subscription has no ARN that IAM knows.
        Statement("EndSubscriptions", ["sns:Unsubscribe"], ["*"]),
    ]
