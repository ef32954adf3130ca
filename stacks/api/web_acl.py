"""The web application firewall in front of the API's stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdktf_cdktf_provider_aws.wafv2_web_acl import (
    Wafv2WebAcl,
    Wafv2WebAclDefaultAction,
    Wafv2WebAclRule,
    Wafv2WebAclRuleVisibilityConfig,
    Wafv2WebAclVisibilityConfig,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_association import Wafv2WebAclAssociation
from cdktf_cdktf_provider_aws.wafv2_web_acl_logging_configuration import (
    Wafv2WebAclLoggingConfiguration,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_logging_configuration import (
    Wafv2WebAclLoggingConfigurationRedactedFields as RedactedFields,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_logging_configuration import (
    Wafv2WebAclLoggingConfigurationRedactedFieldsQueryString as RedactedQuery,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_logging_configuration import (
    Wafv2WebAclLoggingConfigurationRedactedFieldsSingleHeader as RedactedHeader,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_logging_configuration import (
    Wafv2WebAclLoggingConfigurationRedactedFieldsUriPath as RedactedPath,
)
from constructs import Construct

from stacks.api.allowed_clients import AllowedClients
from stacks.log_groups import log_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.base import RegionalStack

# Each with those of its rules that only count; an ACL may have 1,500 units of capacity, these take 1,175.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
MANAGED_RULE_GROUPS: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    # Clients are programs, and many of them run at a hosting provider.
    "AWSManagedRulesAnonymousIpList": ("HostingProviderIPList",),
    # A batch of a hundred trades is longer than the 8 KB that it would refuse; API Gateway knows the limit.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesSQLiRuleSet": (),
}


class WebAcl(Construct):
    """Who may call at all, a limit of requests per client address, then AWS's managed rules; every
    request is logged. It is the stage that is protected, by whatever name a client reaches it.
    """

    def __init__(
        self,
        stack: RegionalStack,
        *,
        stage_arn: str,
        requests_per_five_minutes: int,
        allowed_client_cidrs: Sequence[str],
        kms_key_arn: str,
    ) -> None:
        super().__init__(stack, "firewall")
        name = stack.named("trade-api-firewall")
        acl = Wafv2WebAcl(
            self,
            "acl",
            name=name,
            description="Limits requests per address and refuses known attacks",
            scope="REGIONAL",
            default_action=Wafv2WebAclDefaultAction(allow={}),
            rule=self._rules(stack, requests_per_five_minutes, allowed_client_cidrs),
            visibility_config=Wafv2WebAclVisibilityConfig(
                cloudwatch_metrics_enabled=True, sampled_requests_enabled=True, metric_name=name
            ),
            tags={"Name": name},
        )
        Wafv2WebAclAssociation(self, "association", resource_arn=stage_arn, web_acl_arn=acl.arn)
        self._log(acl, name, kms_key_arn)

    def _rules(
        self, stack: RegionalStack, requests_per_five_minutes: int, cidrs: Sequence[str]
    ) -> list[Wafv2WebAclRule]:
        known = [_refuse_strangers(AllowedClients(stack, cidrs))] if cidrs else []
        return [
            *known,
            _rate_limit(requests_per_five_minutes),
            *(
                _managed(rule_group, counting, priority)
                for priority, (rule_group, counting) in enumerate(
                    MANAGED_RULE_GROUPS.items(), start=2
                )
            ),
        ]

    def _log(self, acl: Wafv2WebAcl, name: str, kms_key_arn: str) -> None:
        # The prefix is WAF's condition: https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
        log = log_group(self, "log", f"aws-waf-logs-{name}", kms_key_arn)
        Wafv2WebAclLoggingConfiguration(
            self,
            "logging",
            resource_arn=acl.arn,
            log_destination_configs=[log.arn],
            # The signature of a request, which is valid for five minutes, and whose trades were asked for.
            redacted_fields=[
                RedactedFields(single_header=RedactedHeader(name="authorization")),
                RedactedFields(query_string=RedactedQuery()),
                RedactedFields(uri_path=RedactedPath()),
            ],
        )


def _refuse_strangers(allowed: AllowedClients) -> Wafv2WebAclRule:
    return Wafv2WebAclRule(
        name="allowed-clients",
        priority=0,
        action={"block": {}},
        statement=allowed.strangers,
        visibility_config=_metric("allowed-clients"),
    )


def _rate_limit(requests_per_five_minutes: int) -> Wafv2WebAclRule:
    return Wafv2WebAclRule(
        name="rate-limit",
        priority=1,
        action={"block": {}},
        statement={
            "rate_based_statement": {
                "limit": requests_per_five_minutes,
                "aggregate_key_type": "IP",
                "evaluation_window_sec": 300,
            }
        },
        visibility_config=_metric("rate-limit"),
    )


def _managed(rule_group: str, counting: Sequence[str], priority: int) -> Wafv2WebAclRule:
    statement: dict[str, Any] = {"vendor_name": "AWS", "name": rule_group}
    if counting:
        statement["rule_action_override"] = [
            {"name": rule, "action_to_use": {"count": {}}} for rule in counting
        ]
    return Wafv2WebAclRule(
        name=rule_group,
        priority=priority,
        override_action={"none": {}},
        statement={"managed_rule_group_statement": statement},
        visibility_config=_metric(rule_group),
    )


def _metric(name: str) -> Wafv2WebAclRuleVisibilityConfig:
    return Wafv2WebAclRuleVisibilityConfig(
        cloudwatch_metrics_enabled=True, sampled_requests_enabled=True, metric_name=name
    )
