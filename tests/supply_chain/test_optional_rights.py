"""What an environment can turn on, the roles can plan and deploy; where it has not, they cannot."""

from __future__ import annotations

import pytest

from tests.supply_chain.deployment import ACCOUNT, boundary, of, roles_of
from tests.supply_chain.simulator import Role
from tests.synthesis import Stack

SNAPSHOT = f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster-snapshot:awsbackup:job-1"
VAULT = f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:aurora-backup"
PLAN = f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-plan:id"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/id"
ZONE = "arn:aws:route53:::hostedzone/Z1"
TRUSTSTORE = "arn:aws:s3:::pki-us-east-1/clients.pem"
IP_SET = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:regional/ipset/allowed-clients-ipv4"


THROUGH_BACKUP = {"kms:ViaService": "backup.us-east-1.amazonaws.com"}
SERVICE_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
BACKUP_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aurora-backup-us-east-1-prod"


@pytest.mark.parametrize(
    ("action", "arn", "more"),
    [
        ("backup:CreateBackupVault", f"{VAULT}-prod", {}),
        ("backup-storage:MountCapsule", "*", {}),
        ("backup:CreateBackupPlan", PLAN, {}),
        ("backup:CreateBackupSelection", PLAN, {}),
        ("backup:DeleteRecoveryPoint", SNAPSHOT, {}),
        ("backup:DeleteBackupVault", f"{VAULT}-prod", {}),
        ("kms:CreateGrant", KEY, THROUGH_BACKUP),
        ("iam:PassRole", BACKUP_ROLE, {"iam:PassedToService": "backup.amazonaws.com"}),
        (
            "iam:AttachRolePolicy",
            BACKUP_ROLE,
            {"iam:PolicyARN": SERVICE_POLICY, "iam:PermissionsBoundary": boundary("prod")},
        ),
    ],
)
def test_a_deploy_may_set_up_aws_backup_where_it_is_turned_on(
    roles: dict[str, Role], turned_on: Stack, action: str, arn: str, more: dict[str, str]
) -> None:
    with_backup = roles_of(turned_on)
    assert with_backup["deploy-prod"].may(action, arn, of("prod", **more))
    assert not with_backup["deploy-staging"].may(action, arn, of("prod", **more)) or arn == "*"
    assert not roles["deploy-prod"].may(action, arn, of("prod", **more))


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("backup:DescribeBackupVault", f"{VAULT}-prod"),
        ("backup:ListTags", f"{VAULT}-prod"),
        ("backup:GetBackupPlan", PLAN),
        ("backup:GetBackupSelection", PLAN),
    ],
)
def test_a_plan_may_read_the_settings_of_aws_backup(
    roles: dict[str, Role], turned_on: Stack, action: str, arn: str
) -> None:
    assert roles_of(turned_on)["plan-prod"].may(action, arn, of("prod"))
    assert not roles["plan-prod"].may(action, arn, of("prod"))


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        *(
            (f"route53:{action}", ZONE)
            for action in (
                "CreateKeySigningKey",
                "EnableHostedZoneDNSSEC",
                "DisableHostedZoneDNSSEC",
                "DeactivateKeySigningKey",
                "DeleteKeySigningKey",
            )
        ),
        ("s3:GetObject", TRUSTSTORE),
        ("s3:GetObjectVersion", TRUSTSTORE),
    ],
)
def test_a_deploy_may_sign_the_zone_and_ask_for_certificates_where_these_are_turned_on(
    roles: dict[str, Role], turned_on: Stack, action: str, arn: str
) -> None:
    assert roles_of(turned_on)["deploy-prod"].may(action, arn, of("prod"))
    assert not roles["deploy-prod"].may(action, arn, of("prod"))


def test_a_deploy_may_list_who_is_let_through_to_its_own_api_only(roles: dict[str, Role]) -> None:
    for action in ("wafv2:CreateIPSet", "wafv2:UpdateIPSet", "wafv2:DeleteIPSet"):
        assert roles["deploy-prod"].may(action, f"{IP_SET}-prod/id", of("prod"))
        assert not roles["deploy-prod"].may(action, f"{IP_SET}-dev/id", of("prod"))
    assert roles["plan-prod"].may("wafv2:GetIPSet", f"{IP_SET}-prod/id", of("prod"))
