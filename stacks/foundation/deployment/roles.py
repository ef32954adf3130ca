"""The roles that GitHub Actions deploys by: for each environment one that plans, and one that deploys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import Fn, Op, TerraformCount, Token
from cdktf_cdktf_provider_aws.iam_openid_connect_provider import IamOpenidConnectProvider
from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from constructs import Construct

from stacks.foundation.deployment.api import write_api
from stacks.foundation.deployment.backup import read_backup, write_backup
from stacks.foundation.deployment.boundary import (
    DEPLOYMENT_PATH,
    boundary_name,
    runtime_boundary,
)
from stacks.foundation.deployment.data import write_archive, write_data, write_state
from stacks.foundation.deployment.dns import write_dns
from stacks.foundation.deployment.limits import limits
from stacks.foundation.deployment.network import write_network
from stacks.foundation.deployment.reach import Reach
from stacks.foundation.deployment.reading import read_api, read_settings, read_state
from stacks.foundation.deployment.security import write_keys, write_roles
from stacks.policies import Statement, policy
from stacks.settings import ENVIRONMENTS, Environment, SettingsError, StateBucket

if TYPE_CHECKING:
    from stacks.base import PlatformStack

ISSUER = "token.actions.githubusercontent.com"
# What the action that takes the role asks the token to be for.
AUDIENCE = "sts.amazonaws.com"
PLAN_SECONDS = 3_600
# The first deploy of an environment waits for the databases of three regions.
DEPLOY_SECONDS = 7_200


class DeployRoles(Construct):
    """Trust is in the subject that GitHub signs: a job that the protection rules of a GitHub environment
    have let through. A pull request's plan is of one of its own, `prod-plan`: it runs what nobody has read.

    IAM is one for all regions, so they belong to one region's stack.
    https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """

    def __init__(self, stack: PlatformStack, repository: str, state: StateBucket | None) -> None:
        super().__init__(stack, "deployment")
        if state is None:
            raise SettingsError(
                "GITHUB_REPOSITORY is set, but deploys from there need their state in a bucket:"
                " set TRADING_STATE_BUCKET"
            )
        self._account_id, self._repository = stack.account_id, repository
        self._provider = IamOpenidConnectProvider(
            self, "github", url=f"https://{ISSUER}", client_id_list=[AUDIENCE]
        )
        for environment in ENVIRONMENTS:
            self._roles(Reach(self._account_id, environment, state))

    def _roles(self, reach: Reach) -> None:
        environment = reach.environment
        name = environment.name
        self._policy(environment, boundary_name(environment), *runtime_boundary(reach))
        read = self._policies(
            environment,
            {
                "read-settings": read_settings(reach),
                "read-api": read_api(reach),
                "read-state": [*read_state(reach), *read_backup(reach)],
            },
        )
        self._role(environment, "plan", f"environment:{name}-plan", PLAN_SECONDS, read)
        written = self._policies(
            environment,
            {
                "network": write_network(reach),
                "roles": write_roles(reach),
                "data": [*write_data(reach), *write_backup(reach)],
                "archive": [*write_archive(reach), *write_state(reach), *write_keys(reach)],
                "api": write_api(reach),
                "dns": write_dns(reach),
                "limits": limits(reach),
            },
        )
        deploying = [*read, *written]
        self._role(environment, "deploy", f"environment:{name}", DEPLOY_SECONDS, deploying)

    def _policies(
        self, environment: Environment, statements: dict[str, list[Statement]]
    ) -> list[IamPolicy]:
        return [
            self._policy(environment, f"{environment.name}-{purpose}", *group)
            for purpose, group in statements.items()
        ]

    def _in_own_account(self, environment: Environment) -> TerraformCount | None:
        """An account that is named as one environment's has no roles of the others: who deploys dev,
        which nobody approves, has no way into prod's. Which account this is, the plan finds out.
        """
        named = sorted({other.account_id for other in ENVIRONMENTS if other.account_id})
        if not named:
            return None
        if environment.account_id:
            own = Op.eq(self._account_id, environment.account_id)
        else:
            own = Op.not_(Fn.contains(named, self._account_id))
        return TerraformCount.of(Token.as_number(Fn.conditional(own, 1, 0)))

    def _policy(self, environment: Environment, name: str, *statements: Statement) -> IamPolicy:
        return IamPolicy(
            self,
            name,
            count=self._in_own_account(environment),
            name=name,
            path=DEPLOYMENT_PATH,
            policy=policy(*statements),
            tags={"Name": name},
        )

    def _role(
        self,
        environment: Environment,
        purpose: str,
        subject: str,
        seconds: int,
        policies: list[IamPolicy],
    ) -> None:
        name = f"{purpose}-{environment.name}"
        role = IamRole(
            self,
            name,
            count=self._in_own_account(environment),
            name=name,
            path=DEPLOYMENT_PATH,
            description=f"Lets GitHub Actions {purpose} {environment.name}",
            assume_role_policy=self._trust(subject),
            max_session_duration=seconds,
            tags={"Name": name},
        )
        for attached in policies:
            IamRolePolicyAttachment(
                self,
                f"{name}-{attached.node.id}",
                count=self._in_own_account(environment),
                role=f"${{one({role.fqn}[*].name)}}",
                policy_arn=f"${{one({attached.fqn}[*].arn)}}",
            )

    def _trust(self, subject: str) -> str:
        return policy(
            Statement(
                sid="GitHubActions",
                actions=["sts:AssumeRoleWithWebIdentity"],
                principals={"Federated": self._provider.arn},
                conditions={
                    "StringEquals": {
                        f"{ISSUER}:aud": AUDIENCE,
                        f"{ISSUER}:sub": f"repo:{self._repository}:{subject}",
                    }
                },
            )
        )
