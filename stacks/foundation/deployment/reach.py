"""How far the roles of one environment reach: its own things, known by their names and their tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stacks.settings import ENVIRONMENTS, FOUNDATION_WORKSPACE, PROJECT, Environment, StateBucket

if TYPE_CHECKING:
    from stacks.policies import Condition

# What the stacks call functions and roles, so that no other role of the account that merely ends like an
# environment is reached: a company may well have an `admin-prod`. tests/supply_chain compares.
FUNCTIONS = ("schema-migrator", "trade-api", "trade-reporter")
ROLES = (*FUNCTIONS, "aurora-backup", "rds-monitoring", "vpc-flow-log")


@dataclass(frozen=True)
class Reach:
    """One environment with its short-lived copies, in one account, and where its state is kept.

    A copy of dev, `dev-pr42`, belongs to dev: all its names end in `-dev-pr42`.
    """

    account_id: str
    environment: Environment
    state: StateBucket

    @property
    def endings(self) -> tuple[str, str]:
        """What all names of the environment end in, and those of its copies."""
        return self.environment.name, f"{self.environment.name}-*"

    def named(self, service: str, kind: str, *, region: str = "*", end: str = "") -> list[str]:
        """The ARNs of a kind's things by our names; `end` follows the name in the ARN."""
        start = f"arn:aws:{service}:{region}:{self.account_id}:{kind}*-"
        return [f"{start}{ending}{end}" for ending in self.endings]

    def functions(self) -> list[str]:
        """The environment's functions."""
        start = f"arn:aws:lambda:*:{self.account_id}:function:"
        return [f"{start}{name}-{ending}" for name in FUNCTIONS for ending in self.endings]

    def roles(self) -> list[str]:
        """The roles that functions and services of the environment act as, in any region."""
        start = f"arn:aws:iam::{self.account_id}:role/"
        return [f"{start}{name}-*-{ending}" for name in ROLES for ending in self.endings]

    def clusters(self) -> list[str]:
        """The environment's databases."""
        return self.named("rds", "cluster:")

    def firewall(self) -> list[str]:
        """The environment's firewalls, and the lists of addresses that they let through."""
        kinds = ("regional/webacl/", "regional/ipset/")
        return [arn for kind in kinds for arn in self.named("wafv2", kind, end="/*")]

    def buckets(self, end: str = "") -> list[str]:
        """The environment's buckets, or with `/*` their objects."""
        return [f"arn:aws:s3:::*-{self.account_id}-*-{ending}{end}" for ending in self.endings]

    def log_groups(self) -> list[str]:
        """The log groups we name, what RDS adds to a cluster's name, and what AWS names itself."""
        start = f"arn:aws:logs:*:{self.account_id}:log-group:"
        own, copies = self.endings
        names = [f"*-{own}", f"*-{own}:*", f"*-{own}/*", f"*-{copies}"]
        executions = "API-Gateway-Execution-Logs_*/"
        names += [f"{executions}{own}", f"{executions}{own}:*", f"{executions}{copies}"]
        names += [
            f"/aws/route53/{ending}.{self.environment.base_domain}*" for ending in self.endings
        ]
        return [f"{start}{name}" for name in names]

    def archive(self, end: str = "") -> list[str]:
        """The foundation's archives; what is kept in them lies below the workspace's name."""
        return [f"arn:aws:s3:::archive-{self.account_id}-*-{FOUNDATION_WORKSPACE}{end}"]

    def kept(self, end: str = "*") -> list[str]:
        """What is kept of this environment in the archives."""
        return [arn for ending in self.endings for arn in self.archive(f"/{ending}/{end}")]

    def state_objects(self, end: str = "*") -> list[str]:
        """The environment's states, and what lies beside them."""
        start = f"arn:aws:s3:::{self.state.name}/{PROJECT}"
        return [f"{start}/{ending}/{end}" for ending in self.endings]

    def other_states(self) -> list[str]:
        """The states of the other environments."""
        others = [replace(self, environment=other) for other in self._others]
        return [arn for other in others for arn in other.state_objects()]

    def foundation_states(self) -> str:
        """The states of the foundation."""
        return f"arn:aws:s3:::{self.state.name}/{PROJECT}/{FOUNDATION_WORKSPACE}/*"

    @property
    def tagged(self) -> Condition:
        """That a thing has our tags."""
        return self._tags("ResourceTag")

    @property
    def of_own_cluster(self) -> Condition:
        """That a secret is of a database of ours: RDS tags it with the cluster, which bears our name."""
        return {"ArnLike": {"aws:ResourceTag/aws:rds:primaryDBClusterArn": self.clusters()}}

    def tagged_through(self, service: str) -> Condition:
        """That a key has our tags, and a service uses it for us."""
        tags = self.tagged
        through = {"kms:ViaService": f"{service}.*.amazonaws.com"}
        return {**tags, "StringLike": {**tags["StringLike"], **through}}

    @property
    def to_be_tagged(self) -> Condition:
        """That a thing is made with our tags."""
        return self._tags("RequestTag")

    @property
    def tagged_as_another(self) -> Condition:
        """That a thing has the tags of another environment of ours."""
        others = [other.name for other in self._others]
        return {
            "StringEquals": {"aws:ResourceTag/Project": PROJECT},
            "StringLike": {
                "aws:ResourceTag/Environment": [
                    ending for other in others for ending in (other, f"{other}-*")
                ]
            },
        }

    @property
    def _others(self) -> list[Environment]:
        return [other for other in ENVIRONMENTS if other != self.environment]

    def _tags(self, of: str) -> Condition:
        return {
            "StringEquals": {f"aws:{of}/Project": PROJECT},
            "StringLike": {f"aws:{of}/Environment": list(self.endings)},
        }
