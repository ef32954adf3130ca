"""Consistency: regions that differ only in what they must are equal, and anything else is named."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.trading.refreshed_plans import held, plan_of
from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.reports.consistency import compare_regions
from trading.reports.refreshed import configured_attributes, managed_resources, upstream_outputs
from trading.reports.region_names import LayerInRegion

if TYPE_CHECKING:
    from typer.testing import Result

    from .conftest import Project

ACCOUNT = "000000000000"
REGIONS = ("us-east-1", "us-east-2", "us-west-2")

Plans = dict[str, dict[str, Any]]


def generated(kind: str, *place: object) -> str:
    """An id as AWS would make one: of its place alone, and of no pattern."""
    return f"{kind}-{sha256(repr(place).encode()).hexdigest()[:17]}"


def local_values(region: str) -> dict[str, Any]:
    octet = 10 + int(sha256(region.encode()).hexdigest()[:4], 16)
    return {
        "region": region,
        "availability_zones": [f"{region}{letter}" for letter in "abc"],
        "vpc_cidr": f"10.{octet}.0.0/16",
    }


def platform(region: str) -> dict[str, Any]:
    """A layer of every sort of resource, in the words of the AWS provider."""
    values = local_values(region)
    key = f"arn:aws:kms:{region}:{ACCOUNT}:key/{generated('key', region)}"
    subnets = [generated("subnet", region, number) for number in range(3)]
    own_key = f"arn:aws:kms:{region}:{ACCOUNT}:key/{generated('own', region)}"
    vpc = generated("vpc", region)
    # The name begins with the id of the endpoint, and goes on as AWS likes.
    endpoint = f"{generated('vpce', region)}-{generated('e', region)}"
    groups = [generated("sg", region, number) for number in range(2)]
    bucket = f"artifacts-{ACCOUNT}-{region}-dev"
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    return plan_of(
        held(
            "aws_vpc.vpc",
            {"cidr_block": values["vpc_cidr"], "tags": {"Name": "vpc-dev"}},
            id=vpc,
            arn=f"arn:aws:ec2:{region}:{ACCOUNT}:vpc/{vpc}",
            tags_all={"Name": "vpc-dev", "Region": region},
            default_route_table_id=generated("rtb", region),
        ),
        held("aws_vpc_endpoint.logs", {}, id=generated("vpce", region), dns_name=endpoint),
        held(
            "aws_vpc_endpoint.keys",
            {"subnet_ids": sorted(subnets)},
            id=generated("vpce-keys", region),
            # Sets come in the order of their elements, which is another one in each region.
            dns_entry=sorted(
                (
                    {"hosted_zone_id": generated("Z", region, number % 2), "dns_name": name}
                    for number, name in enumerate(
                        (f"{generated('e', region)}.amazonaws.com", f"kms.{region}.amazonaws.com")
                    )
                ),
                key=str,
            ),
            subnet_configuration=sorted(
                (
                    {"ipv4": generated("10", region, number), "subnet_id": subnet}
                    for number, subnet in enumerate(subnets)
                ),
                key=str,
            ),
        ),
        held("aws_kms_key.own", {}, id=generated("own", region), arn=own_key),
        held(
            "aws_kms_alias.own",
            {"target_key_id": generated("own", region)},
            target_key_arn=own_key,
        ),
        held("aws_security_group.functions", {"vpc_id": vpc, "name": "functions"}, id=groups[0]),
        held(
            "aws_security_group.database",
            {"vpc_id": vpc, "name": "database"},
            id=groups[1],
            ingress=[{"from_port": 3306, "security_groups": [groups[0]], "cidr_blocks": []}],
        ),
        held(
            "aws_vpc_security_group_ingress_rule.mysql",
            {
                "security_group_id": groups[1],
                "referenced_security_group_id": groups[0],
                "from_port": 3306,
            },
            id=generated("sgr", region),
        ),
        held(
            "aws_s3_bucket.artifacts",
            {"bucket": bucket},
            id=bucket,
            bucket_regional_domain_name=f"{bucket}.s3.{region}.amazonaws.com",
            versioning=[{"enabled": True}],
        ),
        held(
            "aws_s3_bucket_versioning.artifacts",
            {"bucket": bucket, "versioning_configuration": [{"status": "Enabled"}]},
            id=bucket,
        ),
        held(
            "aws_lambda_function.api",
            {
                "memory_size": 512,
                "kms_key_arn": key,
                "vpc_config": [{"security_group_ids": groups, "vpc_id": vpc}],
                "environment": [
                    {
                        "variables": {
                            "REGION": region,
                            "BUCKET": bucket,
                            "ENDPOINT": f"https://{endpoint}.vpce.amazonaws.com/",
                            "GLOBAL_REGION": "us-east-1",
                        }
                    }
                ],
            },
            id="trade-api-dev",
            state="Active",
            code_sha256="c0de",
            last_modified=f"2026-01-0{1 + REGIONS.index(region) % 2}T00:00:00Z",
            version=str(1 + REGIONS.index(region) % 2),
        ),
        held(
            "aws_iam_role_policy.api",
            {"role": f"api-{region}-dev", "policy": json.dumps({"Statement": [statement]})},
            id=f"api-{region}-dev:policy",
        ),
        held(
            "aws_acm_certificate.shared",
            {"domain_name": "api.dev.example.com"},
            id=f"arn:aws:acm:{region}:{ACCOUNT}:certificate/{generated('c', region)}",
            # In all regions the certificate covers every region.
            subject_alternative_names=[f"{name}.api.dev.example.com" for name in REGIONS],
            first_name="us-east-1.api.dev.example.com",
        ),
        held(
            "aws_domain.regional",
            {"domain_name": f"{region}.api.dev.example.com", "path": f"/{region}/v/1"},
        ),
        inputs={
            "network_state": {"lambda_subnet_ids": subnets},
            "security_state": {"kms_key_arn": key, "environment": "dev"},
        },
    )


def layer_of(plans: Mapping[str, dict[str, Any]]) -> dict[str, LayerInRegion]:
    return {
        region: LayerInRegion(
            local_values(region),
            upstream_outputs(plan),
            managed_resources(plan),
            configured_attributes(plan),
        )
        for region, plan in plans.items()
    }


def told(plans: Plans) -> list[tuple[str | None, str | None]]:
    return [(item.address, item.attribute) for item in compare_regions(layer_of(plans))]


def values_of(plan: dict[str, Any], address: str) -> dict[str, Any]:
    resources = plan["prior_state"]["values"]["root_module"]["resources"]
    [values] = [resource["values"] for resource in resources if resource["address"] == address]
    found: dict[str, Any] = values
    return found


@pytest.fixture(params=[2, 3])
def plans(request: pytest.FixtureRequest) -> Plans:
    return {region: platform(region) for region in REGIONS[: request.param]}


def test_regions_that_differ_in_what_they_must_are_equal(plans: Plans) -> None:
    assert told(plans) == []


CHANGES: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
    ("aws_vpc.vpc", "tags.Name", lambda v: v["tags"].update(Name="mine")),
    ("aws_vpc.vpc", "tags.Owner", lambda v: v["tags"].update(Owner="me")),
    (
        "aws_s3_bucket_versioning.artifacts",
        "versioning_configuration[0].status",
        lambda v: v["versioning_configuration"][0].update(status="Suspended"),
    ),
    ("aws_lambda_function.api", "memory_size", lambda v: v.update(memory_size=1024)),
    ("aws_lambda_function.api", "code_sha256", lambda v: v.update(code_sha256="other")),
    (
        "aws_lambda_function.api",
        "environment[0].variables.BUCKET",
        lambda v: v["environment"][0]["variables"].update(BUCKET="another-bucket"),
    ),
    (
        "aws_vpc_security_group_ingress_rule.mysql",
        "from_port",
        lambda v: v.update(from_port=3307),
    ),
    (
        "aws_iam_role_policy.api",
        "policy.Statement[0].Action[0]",
        lambda v: v.update(policy=v["policy"].replace("s3:GetObject", "s3:*")),
    ),
]


@pytest.mark.parametrize(("address", "attribute", "change"), CHANGES)
def test_a_changed_setting_in_one_region_is_named(
    plans: Plans, address: str, attribute: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    change(values_of(plans["us-east-2"], address))
    assert told(plans) == [(address, attribute)]


def test_its_value_in_each_region_is_told(plans: Plans) -> None:
    values_of(plans["us-east-2"], "aws_lambda_function.api").update(memory_size=1024)
    [found] = compare_regions(layer_of(plans))
    assert found.as_json("api")["regions"] == {
        region: 1024 if region == "us-east-2" else 512 for region in plans
    }


def test_another_regions_key_is_not_the_regions_own(plans: Plans) -> None:
    function = values_of(plans["us-east-2"], "aws_lambda_function.api")
    function["kms_key_arn"] = f"arn:aws:kms:us-east-2:{ACCOUNT}:key/another"
    assert told(plans) == [("aws_lambda_function.api", "kms_key_arn")]


def test_an_alias_of_another_key_is_named_and_the_key_is_not(plans: Plans) -> None:
    alias = values_of(plans["us-east-2"], "aws_kms_alias.own")
    alias["target_key_id"] = "another"
    alias["target_key_arn"] = f"arn:aws:kms:us-east-2:{ACCOUNT}:key/another"
    assert told(plans) == [
        ("aws_kms_alias.own", "target_key_arn"),
        ("aws_kms_alias.own", "target_key_id"),
    ]


def test_what_aws_filled_in_alike_in_the_other_regions_is_named_in_the_one() -> None:
    plans = {region: platform(region) for region in REGIONS}
    values_of(plans["us-east-2"], "aws_lambda_function.api").update(state="Failed")
    assert told(plans) == [("aws_lambda_function.api", "state")]


def test_another_group_of_ours_is_not_the_same_one(plans: Plans) -> None:
    rule = values_of(plans["us-east-2"], "aws_vpc_security_group_ingress_rule.mysql")
    rule["referenced_security_group_id"] = rule["security_group_id"]
    assert told(plans) == [
        ("aws_vpc_security_group_ingress_rule.mysql", "referenced_security_group_id")
    ]


def test_a_rule_that_somebody_added_is_named(plans: Plans) -> None:
    group = values_of(plans["us-east-2"], "aws_security_group.database")
    group["ingress"].append({"from_port": 22, "security_groups": [], "cidr_blocks": ["0.0.0.0/0"]})
    [found] = compare_regions(layer_of(plans))
    assert (found.address, found.attribute) == ("aws_security_group.database", "ingress")
    assert found.regions["us-east-1"] is None
    [rule] = found.regions["us-east-2"]
    assert rule["from_port"] == 22


def test_an_endpoint_in_another_subnet_is_named(plans: Plans) -> None:
    endpoint = values_of(plans["us-east-2"], "aws_vpc_endpoint.keys")
    endpoint["subnet_configuration"][1]["subnet_id"] = "subnet-another"
    assert [address for address, _ in told(plans)] == ["aws_vpc_endpoint.keys"]


def test_a_missing_resource_is_named(plans: Plans) -> None:
    root = plans["us-east-2"]["prior_state"]["values"]["root_module"]
    root["resources"] = [
        resource for resource in root["resources"] if resource["address"] != "aws_vpc.vpc"
    ]
    found = compare_regions(layer_of(plans))
    [missing] = [item for item in found if item.attribute is None]
    assert missing.address == "aws_vpc.vpc"
    assert missing.regions == {
        region: "missing" if region == "us-east-2" else "there" for region in plans
    }


def test_secrets_that_aws_made_are_not_compared_and_never_shown(plans: Plans) -> None:
    for region, plan in plans.items():
        resource = held("aws_x.x", {"name": "x"}, password=f"secret of {region}")
        resource["sensitive_values"] = {"password": True}
        plan["prior_state"]["values"]["root_module"]["resources"].append(resource)
    assert told(plans) == []


# A layer of random resources, written once and put into each region.


class Template:
    """A value that is put into a region: names of that region are filled in."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.addresses = [f"aws_thing.t{number}" for number in range(self.random.randint(1, 4))]
        self.configured = {address: self._block(3) for address in self.addresses}

    def _block(self, depth: int) -> dict[str, Any]:
        return {f"a{number}": self._value(depth) for number in range(self.random.randint(1, 4))}

    def _value(self, depth: int) -> Any:
        kinds = ["text", "text", "number", "flag"] + ["block", "list", "document"] * (depth > 0)
        match self.random.choice(kinds):
            case "text":
                return "".join(self._piece() for _ in range(self.random.randint(1, 3)))
            case "number":
                return self.random.randint(0, 9999)
            case "flag":
                return self.random.random() < 0.5
            case "block":
                return self._block(depth - 1)
            case "list":
                return [self._value(depth - 1) for _ in range(self.random.randint(1, 3))]
            case _:
                return {"document": self._block(depth - 1)}

    def _piece(self) -> str:
        places = [f"{{id of {address}}}" for address in self.addresses]
        places += ["{region}", "{zone}", "{cidr}", "{input}"]
        constant = self.random.choice(["dev", "trading", "s3:GetObject", "0.0.0.0/0"])
        return f"/{self.random.choice([constant, constant, *places])}"

    def put_into(self, region: str, shuffle: random.Random) -> dict[str, Any]:
        values = local_values(region)
        names = {
            "{region}": region,
            "{zone}": values["availability_zones"][1],
            "{cidr}": values["vpc_cidr"],
            "{input}": generated("key", region),
        }
        names |= {f"{{id of {name}}}": generated("t", region, name) for name in self.addresses}

        def filled(value: Any) -> Any:
            if isinstance(value, str):
                for name, text in names.items():
                    value = value.replace(name, text)
                return value
            if isinstance(value, list):
                items = [filled(item) for item in value]
                shuffle.shuffle(items)
                return items
            if isinstance(value, dict):
                if "document" in value:
                    return json.dumps(filled(value["document"]))
                return {name: filled(item) for name, item in value.items()}
            return value

        resources = [
            held(
                address,
                filled(configured),
                id=names[f"{{id of {address}}}"],
                arn=f"arn:aws:x:{region}:{ACCOUNT}:{names[f'{{id of {address}}}']}",
                endpoint=f"{generated('e', region, address)}.{region}.amazonaws.com",
                created=f"2026-01-01T00:00:{shuffle.randint(10, 59)}Z",
            )
            for address, configured in self.configured.items()
        ]
        return plan_of(*resources, inputs={"security_state": {"key": names["{input}"]}})


region_names = st.builds(
    "{}-{}-{}".format,
    st.sampled_from(["us", "eu", "ap", "sa"]),
    st.sampled_from(["east", "west", "central", "southeast"]),
    st.integers(1, 9),
)
several_regions = st.lists(region_names, min_size=2, max_size=4, unique=True)


@given(st.integers(0, 2**32), several_regions)
def test_renaming_a_region_and_what_follows_from_its_name_changes_nothing(
    seed: int, names: list[str]
) -> None:
    template = Template(seed)
    assert told({name: template.put_into(name, random.Random(name)) for name in names}) == []


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for name, item in items for leaf in _leaves(item, (*path, name))]
    return [path]


@given(st.integers(0, 2**32), several_regions, st.randoms(use_true_random=False))
def test_one_changed_leaf_of_one_region_is_one_difference(
    seed: int, names: list[str], chance: random.Random
) -> None:
    template = Template(seed)
    regions = {name: template.put_into(name, random.Random(name)) for name in names}
    changed = copy.deepcopy(template)
    address = chance.choice(template.addresses)
    *path, last = chance.choice(_leaves(changed.configured[address]))
    target: Any = changed.configured[address]
    for name in path:
        target = target[name]
    target[last] = "changed by hand"
    name = chance.choice(names)
    regions[name] = changed.put_into(name, random.Random(name))
    [(found, attribute)] = told(regions)
    assert found == address
    assert attribute is not None
    assert attribute.partition(".")[0].partition("[")[0] == (*path, last)[0]


# The verb


@pytest.fixture
def deployed(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(
        engine, "synthesize", lambda name: Graph.read(project.work / name / "cdktf.out")
    )
    for region in ("us-east-1", "us-west-2"):
        project.deploy_state(f"network-{region}")
        directory = project.stacks[f"network-{region}"].directory
        configuration = json.loads((directory / "cdk.tf.json").read_text())
        configuration["locals"] = local_values(region)
        (directory / "cdk.tf.json").write_text(json.dumps(configuration))
        project.behave(f"network-{region}", show=platform(region))
    return project


def trading(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["consistency", "--env", "dev", *arguments])


def change_memory(project: Project) -> None:
    plan = platform("us-west-2")
    values_of(plan, "aws_lambda_function.api").update(memory_size=1024)
    project.behave("network-us-west-2", show=plan)


def test_equal_regions_exit_with_0(deployed: Project) -> None:
    result = trading()
    assert (result.exit_code, result.stdout) == (0, "the regions are the same in 2 stacks\n")


def test_a_difference_exits_with_2_and_names_layer_address_attribute_and_values(
    deployed: Project,
) -> None:
    change_memory(deployed)
    result = trading()
    assert result.exit_code == 2
    [row] = [line for line in result.stdout.splitlines() if "aws_lambda" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["network", "aws_lambda_function.api", "memory_size", "512", "1024"]


def test_as_json(deployed: Project) -> None:
    change_memory(deployed)
    assert json.loads(trading("--json").stdout) == {
        "differences": [
            {
                "layer": "network",
                "address": "aws_lambda_function.api",
                "attribute": "memory_size",
                "regions": {"us-east-1": 512, "us-west-2": 1024},
            }
        ],
        "not_examined": {},
    }


def test_a_layer_of_one_region_only_is_a_difference(deployed: Project) -> None:
    deployed.deploy_state("security-us-east-1")
    result = trading("--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["differences"] == [
        {
            "layer": "security",
            "address": None,
            "attribute": None,
            "regions": {"us-east-1": "deployed", "us-west-2": "not deployed"},
        }
    ]


def test_a_layer_that_is_deployed_nowhere_is_none(deployed: Project) -> None:
    assert trading().exit_code == 0


def test_a_region_that_cannot_be_examined_is_named_and_not_called_different(
    deployed: Project,
) -> None:
    deployed.behave("network-us-west-2", fail_plan="AccessDenied: not you")
    result = trading("--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert shown["differences"] == []
    assert list(shown["not_examined"]) == ["network-us-west-2"]
    assert "network-us-west-2 could not be examined: planning Fake: AccessDenied" in result.stderr


def test_one_region_has_nothing_to_be_compared_with(deployed: Project) -> None:
    result = trading("--region", "us-east-1")
    assert result.exit_code == 1
    assert "error: there is nothing to compare: select layers of at least two" in result.stderr
    assert not deployed.calls("plan")
