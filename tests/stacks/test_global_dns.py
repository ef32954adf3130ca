"""Drained and absent regions in the records over all regions: real Terraform applies them, without AWS."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stacks.api.outputs import ApiOutputs
from stacks.global_dns.outputs import ZoneOutputs
from tests.stacks.resources import resources
from tests.synthesis import Stack, Stacks
from tests.terraform import terraform

REGIONS = ("us-east-1", "us-east-2", "us-west-2")


def _of_all(regions: Sequence[str], *attributes: str) -> str:
    """A list of what these regions have of their resources."""
    found = [
        f"{kind}.{region.replace('-', '_')}_{attribute}"
        for region in regions
        for kind, attribute in (attribute.split(".", 1) for attribute in attributes)
    ]
    return f"${{concat({', '.join(found)})}}"


# Outputs for the tests alone.
PROBES = {
    "latency_regions": _of_all(REGIONS, "aws_route53_record.latency[*].set_identifier"),
    "regional_names": _of_all(REGIONS, "aws_route53_record.regional[*].name"),
    "alarm_actions": _of_all(
        REGIONS, "aws_cloudwatch_metric_alarm.unhealthy_alarm[*].alarm_actions"
    ),
}


def _write_state(folder: Path, stack: str, workspace: str, outputs: dict[str, Any]) -> None:
    """A state that holds outputs only, as `terraform_remote_state` reads them."""
    path = folder / stack / workspace / "terraform.tfstate"
    path.parent.mkdir(parents=True)
    typed = {
        name: {"value": value, "type": ["list", "string"] if isinstance(value, list) else "string"}
        for name, value in outputs.items()
    }
    path.write_text(
        json.dumps({"version": 4, "serial": 1, "lineage": stack, "outputs": typed, "resources": []})
    )


@dataclasses.dataclass(frozen=True)
class GlobalDns:
    """The stack in a folder of its own, with the states it reads."""

    directory: Path
    states: Path
    workspace: str

    def publish(self, *regions: str) -> None:
        """As if the APIs of these regions, and only of these, had been deployed."""
        zone = {field.name: field.name for field in dataclasses.fields(ZoneOutputs)}
        names = {**zone, "name_servers": ["ns"]}
        _write_state(self.states, "global-zone", self.workspace, names)
        for region in regions:
            api = {field.name: f"{field.name}.{region}" for field in dataclasses.fields(ApiOutputs)}
            topic = f"arn:aws:sns:{region}:000000000000:alarms"
            zones = dict.fromkeys(("regional_domain_zone_id", "shared_domain_zone_id"), "ZONE")
            outputs = {**api, **zones, "alarm_topic_arn": topic}
            _write_state(self.states, f"api-{region}", self.workspace, outputs)

    def test(self, runs: str) -> subprocess.CompletedProcess[str]:
        """`terraform test`, which applies run after run against an AWS that is only pretended."""
        (self.directory / "routing.tftest.hcl").write_text(f'mock_provider "aws" {{}}\n{runs}')
        return terraform(self.directory, "test", "-no-color", workspace=self.workspace)


@pytest.fixture
def global_dns(synthesized: Callable[[str], Stacks], tmp_path: Path) -> GlobalDns:
    return pretended(synthesized("dev")["global-dns"], tmp_path, "dev")


def pretended(stack: Stack, tmp_path: Path, workspace: str) -> GlobalDns:
    """The stack of a workspace, to be tried with an AWS that is only pretended."""
    document = json.loads(json.dumps(stack))
    document["terraform"]["backend"] = {"local": {}}
    for state in document["data"]["terraform_remote_state"].values():
        producer = Path(state["config"]["workspace_dir"]).name
        state["config"]["workspace_dir"] = str(tmp_path / "states" / producer)
    directory = tmp_path / "global-dns"
    directory.mkdir()
    (directory / "cdk.tf.json").write_text(json.dumps(document, indent=1))
    probes = {"output": {name: {"value": value} for name, value in PROBES.items()}}
    (directory / "probes.tf.json").write_text(json.dumps(probes, indent=1))
    prepared = terraform(directory, "init", "-input=false", "-no-color")
    assert prepared.returncode == 0, prepared.stderr
    return GlobalDns(directory, tmp_path / "states", workspace)


DRAIN_AND_BACK = """
run "deployed" {
  assert {
    condition     = output.latency_regions == ["us-east-1", "us-east-2", "us-west-2"]
    error_message = "a region is missing: ${jsonencode(output.latency_regions)}"
  }
  assert {
    condition     = length(output.drained_regions) + length(output.absent_regions) == 0
    error_message = "a region is out of rotation from the start"
  }
}

run "drained" {
  variables { drained_regions = ["us-west-2"] }
  plan_options {
    refresh = false
    replace = [terraform_data.routing]
    target  = [terraform_data.routing, aws_route53_record.us_west_2_latency]
  }
  assert {
    condition     = length(aws_route53_record.us_west_2_latency) == 0
    error_message = "the shared name still leads to the drained region"
  }
  assert {
    condition     = length(aws_route53_health_check.us_west_2_health_check) == 1
    error_message = "the drained region is not watched any more"
  }
}

run "applied_again_without_a_word" {
  assert {
    condition     = output.drained_regions == toset(["us-west-2"])
    error_message = "forgotten: ${jsonencode(output.drained_regions)}"
  }
  assert {
    condition     = output.latency_regions == ["us-east-1", "us-east-2"]
    error_message = "leads to ${jsonencode(output.latency_regions)}"
  }
  assert {
    condition     = length(output.regional_names) == 3
    error_message = "a regional name is gone: ${jsonencode(output.regional_names)}"
  }
  assert {
    condition     = output.health_check_ids == run.deployed.health_check_ids
    error_message = "a health check was replaced"
  }
}

run "gone" {
  variables {
    drained_regions = ["us-west-2"]
    absent_regions  = ["us-west-2"]
  }
  plan_options { replace = [terraform_data.routing] }
  assert {
    condition     = length(output.regional_names) == 2 && length(output.alarm_actions) == 2
    error_message = "something of the absent region is left"
  }
  assert {
    condition     = output.health_check_ids["us-west-2"] == null
    error_message = "the absent region is still watched"
  }
}

run "back_and_undrained" {
  plan_options { replace = [terraform_data.routing] }
  assert {
    condition     = output.latency_regions == run.deployed.latency_regions
    error_message = "leads to ${jsonencode(output.latency_regions)}"
  }
}
"""

WITHOUT_GLOBAL_REGION = """
run "without_the_region_of_the_topic" {
  variables {
    drained_regions = ["us-east-1"]
    absent_regions  = ["us-east-1"]
  }
  assert {
    condition     = length(output.alarm_actions) == 2 && length(flatten(output.alarm_actions)) == 0
    error_message = "alarms are told to ${jsonencode(output.alarm_actions)}"
  }
}
"""


def test_a_region_is_drained_remembered_taken_away_and_brought_back(global_dns: GlobalDns) -> None:
    global_dns.publish(*REGIONS)
    result = global_dns.test(DRAIN_AND_BACK)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_state_of_an_absent_region_is_not_read(global_dns: GlobalDns) -> None:
    """The global region, which also has the topic of the alarms: they are left with no one to tell."""
    global_dns.publish(*REGIONS[1:])
    result = global_dns.test(WITHOUT_GLOBAL_REGION)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_region_without_an_api_fails_unless_it_is_absent(global_dns: GlobalDns) -> None:
    global_dns.publish(*REGIONS[:2])
    result = global_dns.test('run "deployed" {}')
    assert result.returncode == 1
    assert "Unable to find remote state" in result.stderr + result.stdout


@pytest.mark.parametrize("variable", ["drained_regions", "absent_regions"])
def test_only_regions_of_the_platform_are_drained(global_dns: GlobalDns, variable: str) -> None:
    global_dns.publish(*REGIONS)
    run = f'run "elsewhere" {{\n variables {{ {variable} = ["eu-west-1"] }}\n}}'
    result = global_dns.test(run)
    assert result.returncode == 1
    assert f"{variable} may hold us-east-1, us-east-2, us-west-2." in result.stderr + result.stdout


def test_whether_a_state_is_read_is_known_before_the_routing_is_changed(
    synthesized: Callable[[str], Stacks],
) -> None:
    """Terraform reads what refers to a changing resource only after it: by then it has planned to
    replace the records of all regions.
    """
    states = synthesized("dev")["global-dns"]["data"]["terraform_remote_state"]
    assert len(states) == len(REGIONS) + 1
    assert "terraform_data" not in json.dumps(states)


def test_everything_of_a_region_can_be_taken_away(synthesized: Callable[[str], Stacks]) -> None:
    own = {"global-dns": synthesized("dev")["global-dns"]}
    counted = [resource for resource in resources(own) if resource.kind != "terraform_data"]
    assert len(counted) == 4 * len(REGIONS)
    for resource in counted:
        region = "-".join(resource.address.split("_")[:3])
        assert f'local.absent, "{region}"' in resource.body["count"] or (
            f'setunion(local.drained, local.absent), "{region}"' in resource.body["count"]
        ), resource
