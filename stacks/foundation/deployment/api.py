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
                "wafv2:CreateIPSet",
                "wafv2:CreateWebACL",
                "wafv2:DeleteIPSet",
                "wafv2:DeleteLoggingConfiguration",
                "wafv2:DeleteWebACL",
                "wafv2:DisassociateWebACL",
                "wafv2:PutLoggingConfiguration",
                "wafv2:TagResource",
                "wafv2:UntagResource",
                "wafv2:UpdateIPSet",
                "wafv2:UpdateWebACL",
            ],
            [
                *reach.firewall(),
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
        *_truststores(reach),
        *_watching(reach),
    ]


def _truststores(reach: Reach) -> list[Statement]:
    """API Gateway takes a truststore as whoever names it:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
    """
    stores = reach.environment.mutual_tls
    if not stores:
        return []
    objects = [store.uri.replace("s3://", "arn:aws:s3:::") for store in stores]
    return [Statement("ReadTruststores", ["s3:GetObject", "s3:GetObjectVersion"], objects)]


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
