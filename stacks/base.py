"""What every stack has: provider, state, locals, tags, readable addresses, and the guard of its workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsii
from cdktf import Fn, TerraformElement, TerraformLocal, TerraformOutput, TerraformStack, Token
from cdktf_cdktf_provider_aws.data_aws_caller_identity import DataAwsCallerIdentity
from cdktf_cdktf_provider_aws.provider import AwsProvider
from constructs import Construct, Node

from stacks.settings import PROJECT, Region, Workspace
from stacks.state import configure_backend, minimum_terraform_version

if TYPE_CHECKING:
    from collections.abc import Sequence


AWS_PROVIDER_VERSION = "~> 5.100"


class PlatformStack(TerraformStack):
    """One Terraform root: a layer in one region, or once for all regions.

    `suffix` ends every name. `region` is an expression (`local.region`), never the literal name: what a
    region is called reaches the resources through locals only.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        layer: str,
        suffix: str,
        region: str,
        account_id: str | None,
    ) -> None:
        self._addresses: dict[str, str] = {}
        super().__init__(scope, name)
        self.stack_name = name
        self.suffix = suffix
        self.region = self.local("region", region).as_string
        self._caller: DataAwsCallerIdentity | None = None
        configure_backend(self, name)
        AwsProvider(
            self,
            "aws",
            region=self._region_of_workspace(),
            allowed_account_ids=[account_id] if account_id else None,
            default_tags=[{"tags": self._tags(layer)}],
        )
        self.add_override("terraform.required_version", minimum_terraform_version())
        self.add_override("terraform.required_providers.aws.source", "hashicorp/aws")
        self.add_override("terraform.required_providers.aws.version", AWS_PROVIDER_VERSION)
        self._guard_workspace()

    def local(self, name: str, value: Any) -> TerraformLocal:
        """A value that may differ between regions."""
        return TerraformLocal(self, name, value)

    def zonal(self, name: str, values: Sequence[str]) -> list[str]:
        """One local list with a value per availability zone, as a reference to each element."""
        values_local = self.local(name, list(values)).as_list
        return [Token.as_string(Fn.element(values_local, index)) for index in range(len(values))]

    def named(self, resource_type: str) -> str:
        """The name of a resource that AWS keeps apart by region."""
        return f"{resource_type}-{self.suffix}"

    def named_globally(self, resource_type: str) -> str:
        """The name of a resource whose names AWS shares between regions, such as an IAM role."""
        return f"{resource_type}-{self.region}-{self.suffix}"

    def named_worldwide(self, resource_type: str) -> str:
        """The name of a resource whose names all accounts of AWS share, such as a bucket."""
        return f"{resource_type}-{self.account_id}-{self.region}-{self.suffix}"

    @property
    def account_id(self) -> str:
        """The account that the provider's credentials belong to."""
        if self._caller is None:
            self._caller = DataAwsCallerIdentity(self, "current")
        return self._caller.account_id

    def _tags(self, layer: str) -> dict[str, str]:
        return {
            "Environment": self.suffix,
            "Region": self.region,
            "Layer": layer,
            "Project": PROJECT,
            "ManagedBy": "terraform",
        }

    def _region_of_workspace(self) -> str:
        """No region in another workspace: a precondition is not evaluated on destroy, a provider is."""
        return f'${{{{"{self.suffix}" = local.region}}[terraform.workspace]}}'

    def _guard_workspace(self) -> None:
        output = TerraformOutput(
            self,
            "environment",
            value=self.suffix,
            description="The suffix of all names.",
            static_id=True,
        )
        # The typed precondition of cdktf 0.21 is not synthesized into JSON.
        output.add_override(
            "precondition",
            {
                "condition": f'${{terraform.workspace == "{self.suffix}"}}',
                "error_message": f"This stack was synthesized for the workspace {self.suffix},"
                " but the workspace is ${terraform.workspace}: set TF_WORKSPACE and synthesize again.",
            },
        )

    # An operator reads and types addresses, so they are the construct's path, without cdktf's hash.
    @jsii.member(jsii_name="allocateLogicalId")
    def _allocate_logical_id(self, element: TerraformElement | Node) -> str:
        path = element.path if isinstance(element, Node) else element.node.path
        address = path.removeprefix(f"{self.node.path}/").replace("/", "_").replace("-", "_")
        if self._addresses.setdefault(address, path) != path:
            raise ValueError(f"{path} and {self._addresses[address]} have one address, {address}")
        return address


class RegionalStack(PlatformStack):
    """A layer in one region of one workspace."""

    def __init__(self, scope: Construct, layer: str, workspace: Workspace, region: Region) -> None:
        super().__init__(
            scope,
            f"{layer}-{region.name}",
            layer=layer,
            suffix=workspace.suffix,
            region=region.name,
            account_id=workspace.environment.account_id,
        )
        self.workspace = workspace

    def beside(self, layer: str) -> str:
        """The name of another layer in this stack's own region, as an expression."""
        return f"{layer}-{self.region}"
