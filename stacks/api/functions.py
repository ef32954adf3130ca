"""The functions of the trade service: one ZIP, one environment, a role and a log group each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.lambda_function import (
    LambdaFunction,
    LambdaFunctionDeadLetterConfig,
    LambdaFunctionEnvironment,
    LambdaFunctionLoggingConfig,
    LambdaFunctionTimeouts,
    LambdaFunctionTracingConfig,
    LambdaFunctionVpcConfig,
)
from constructs import Construct

from stacks.api.function_permissions import function_permissions
from stacks.log_groups import log_group
from stacks.policies import service_trust
from stacks.settings import LAMBDA_MEMORY_MEGABYTES, LAMBDA_RUNTIME, LAMBDA_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cdktf import ITerraformDependable

    from stacks.base import RegionalStack
    from stacks.network import NetworkOutputs

# Lambda detaches a function from its VPC when it is deleted, which takes up to 20 minutes and more:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-cleanup
TIMEOUTS = LambdaFunctionTimeouts(create="20m", update="20m", delete="45m")


@dataclass(frozen=True)
class FunctionContext:
    """What all functions of the service share.

    `package_file` is the ZIP's path from where Terraform runs; `package_hash` its SHA-256 in base64.
    """

    package_file: str
    package_hash: str
    environment: dict[str, str]
    network: NetworkOutputs
    kms_key_arn: str
    cluster_resource_id: str
    database_secret_arn: str
    dead_letter_queue_arn: str


@dataclass(frozen=True)
class FunctionDefinition:
    """What is one function's own.

    `reserved_concurrency` is both its share and its limit. `database_user` is who it is to the database, by
    IAM; None is the master user, with the password from the secret. `environment` is what it needs beyond
    what all share, and `objects_arn` names the objects that it may read and write, with a wildcard.
    """

    name: str
    description: str
    handler: str
    reserved_concurrency: int
    database_user: str | None
    timeout_seconds: int = LAMBDA_TIMEOUT_SECONDS
    environment: Mapping[str, str] = field(default_factory=dict)
    objects_arn: str | None = None


class ServiceFunction(Construct):
    """One function, with a role that can do no more than this function needs.

    The function depends on its log group, which it may not create, and on its permissions: without
    them an invocation fails, and Lambda cannot remove the network interfaces when the function goes.
    `after` is what must have happened before the function is made or changed.
    """

    def __init__(
        self,
        stack: RegionalStack,
        definition: FunctionDefinition,
        context: FunctionContext,
        *,
        after: Sequence[ITerraformDependable] = (),
    ) -> None:
        super().__init__(stack, definition.name)
        self._stack = stack
        self._definition = definition
        self._context = context
        self._function_name = stack.named(definition.name)
        self.log_group = log_group(
            self, "log-group", f"/aws/lambda/{self._function_name}", context.kms_key_arn
        )
        self.role = self._role()
        self.function = self._function([self._permissions(), self.log_group, *after])

    def _function(self, depends_on: Sequence[ITerraformDependable]) -> LambdaFunction:
        definition, context = self._definition, self._context
        return LambdaFunction(
            self,
            "function",
            function_name=self._function_name,
            description=definition.description,
            role=self.role.arn,
            runtime=LAMBDA_RUNTIME,
            # The package is pure Python, and Graviton costs a fifth less.
            architectures=["arm64"],
            handler=definition.handler,
            filename=context.package_file,
            source_code_hash=context.package_hash,
            memory_size=LAMBDA_MEMORY_MEGABYTES,
            timeout=definition.timeout_seconds,
            timeouts=TIMEOUTS,
            reserved_concurrent_executions=definition.reserved_concurrency,
            environment=LambdaFunctionEnvironment(variables=self._variables()),
            kms_key_arn=context.kms_key_arn,
            vpc_config=self._vpc_config(),
            replace_security_groups_on_destroy=True,
            replacement_security_group_ids=[context.network.detached_security_group_id],
            # API Gateway and Terraform wait for the answer; this catches whoever does not.
            dead_letter_config=LambdaFunctionDeadLetterConfig(
                target_arn=context.dead_letter_queue_arn
            ),
            tracing_config=LambdaFunctionTracingConfig(mode="Active"),
            logging_config=self._logging_config(),
            tags={"Name": self._function_name},
            depends_on=depends_on,
        )

    def _role(self) -> IamRole:
        name = self._stack.named_globally(self._definition.name)
        own_account = {"StringEquals": {"aws:SourceAccount": self._stack.account_id}}
        return IamRole(
            self,
            "role",
            name=name,
            description=f"What the function {self._function_name} may do",
            assume_role_policy=service_trust("lambda.amazonaws.com", own_account),
            tags={"Name": name},
        )

    def _permissions(self) -> IamRolePolicy:
        return IamRolePolicy(
            self,
            "permissions",
            name="what-the-function-needs",
            role=self.role.id,
            policy=function_permissions(
                self._stack,
                self._function_name,
                self.log_group.name,
                self._context,
                self._definition,
            ),
        )

    def _variables(self) -> dict[str, str]:
        user = self._definition.database_user
        return {
            **self._context.environment,
            **self._definition.environment,
            **({"DATABASE_USER": user} if user else {}),
            # Nobody waits for a name server's 5 seconds twice: https://man7.org/linux/man-pages/man5/resolv.conf.5.html
            "RES_OPTIONS": "timeout:1 attempts:2",
            "POWERTOOLS_SERVICE_NAME": self._definition.name,
            "POWERTOOLS_LOG_LEVEL": self._log_level,
        }

    def _vpc_config(self) -> LambdaFunctionVpcConfig:
        network = self._context.network
        return LambdaFunctionVpcConfig(
            subnet_ids=network.lambda_subnet_ids,
            security_group_ids=[network.lambda_security_group_id],
        )

    def _logging_config(self) -> LambdaFunctionLoggingConfig:
        # In JSON, Lambda filters by a level of its own, which must not be above the function's.
        return LambdaFunctionLoggingConfig(
            log_format="JSON",
            log_group=self.log_group.name,
            application_log_level=self._log_level,
            system_log_level="INFO",
        )

    @property
    def _log_level(self) -> str:
        return self._stack.workspace.environment.log_level
