"""The roles that GitHub Actions deploys by: for each environment one that plans, and one that deploys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.iam_openid_connect_provider import IamOpenidConnectProvider
from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from constructs import Construct

from stacks.foundation.deployment.api import write_api
from stacks.foundation.deployment.boundary import (
    BOUNDARY_NAME,
    DEPLOYMENT_PATH,
    boundary_arn,
    runtime_boundary,
)
from stacks.foundation.deployment.data import write_archive, write_data, write_state
from stacks.foundation.deployment.dns import write_dns
from stacks.foundation.deployment.limits import limits
from stacks.foundation.deployment.network import write_network
from stacks.foundation.deployment.reach import Reach
from stacks.foundation.deployment.reading import read_settings, read_state
from stacks.foundation.deployment.security import write_security
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
    """Trust is in the subject that GitHub signs: a pull request of the repository, or a job that an
    environment's protection rules have let through.

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
        self._policy(BOUNDARY_NAME, *runtime_boundary(self._account_id))
        for environment in ENVIRONMENTS:
            self._roles(Reach(self._account_id, environment, state))

    def _roles(self, reach: Reach) -> None:
        environment = reach.environment
        settings = self._policy(f"{environment.name}-read-settings", *read_settings(reach))
        state = self._policy(f"{environment.name}-read-state", *read_state(reach))
        self._role(environment, "plan", "pull_request", PLAN_SECONDS, settings, state)
        written = {
            "network": write_network(reach),
            "security": write_security(reach, boundary_arn(self._account_id)),
            "data": write_data(reach),
            "archive": [*write_archive(reach), *write_state(reach)],
            "api": write_api(reach),
            "dns": write_dns(reach),
        }
        policies = [
            self._policy(f"{environment.name}-{layer}", *statements)
            for layer, statements in written.items()
        ]
        limited = self._policy(f"{environment.name}-limits", *limits(reach))
        deploying = (settings, state, *policies, limited)
        of_environment = f"environment:{environment.name}"
        self._role(environment, "deploy", of_environment, DEPLOY_SECONDS, *deploying)

    def _policy(self, name: str, *statements: Statement) -> IamPolicy:
        return IamPolicy(
            self,
            name,
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
        *policies: IamPolicy,
    ) -> None:
        name = f"{purpose}-{environment.name}"
        role = IamRole(
            self,
            name,
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
                role=role.name,
                policy_arn=attached.arn,
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
