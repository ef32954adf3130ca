"""Taking a region out of the shared name: what Terraform is told, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from typer.testing import CliRunner

from tests.trading.conftest import REGIONS
from trading.cli import main
from trading.engine import dns_health, engine
from trading.engine.graph import Graph
from trading.engine.routing import Routing, latency_record

if TYPE_CHECKING:
    from collections.abc import Collection

    from typer.testing import Result

    from tests.trading.conftest import Project

EAST, WEST = REGIONS
ALL = [
    f"{layer}-{region}" for region in REGIONS for layer in ("security", "network", "data", "api")
]


class Route53:
    """Stands in for the SDK's client. `failing` are the ids of checks whose probes fail."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.error: Exception | None = None

    def list_hosted_zones(self, **_: str) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {"HostedZones": []}

    def get_health_check_status(self, *, HealthCheckId: str) -> dict[str, Any]:  # noqa: N803 - AWS's
        if HealthCheckId == "unknown":
            raise ClientError({"Error": {"Code": "NoSuchHealthCheck"}}, "GetHealthCheckStatus")
        # Ten probes: one of them sees the region as nobody else does, which decides nothing.
        usual, odd = "Success: HTTP Status Code 200, OK", "Failure: Connection timed out"
        if HealthCheckId in self.failing:
            usual, odd = odd, usual
        statuses = [odd, *[usual] * 9]
        return {
            "HealthCheckObservations": [{"StatusReport": {"Status": status}} for status in statuses]
        }


@pytest.fixture
def route53(monkeypatch: pytest.MonkeyPatch) -> Route53:
    fake = Route53()
    monkeypatch.setattr(dns_health, "_route53", lambda _: fake)
    return fake


@pytest.fixture(autouse=True)
def _deployed(project: Project, monkeypatch: pytest.MonkeyPatch, route53: Route53) -> None:
    monkeypatch.setattr(
        engine, "synthesize", lambda name: Graph.read(project.work / name / "cdktf.out")
    )
    project.deploy_state("foundation-us-east-1", "foundation-us-west-2", workspace="foundation")
    project.deploy_state(*ALL, "global-zone", "global-dns")
    route(project)


def route(
    project: Project,
    drained: Collection[str] = (),
    absent: Collection[str] = (),
    records: Collection[str] | None = None,
) -> None:
    """What the state of global-dns remembers; `records` are of other regions than decided."""
    checks = {region: None if region in absent else f"check-{region}" for region in REGIONS}
    values = {
        "drained_regions": sorted(drained),
        "absent_regions": sorted(absent),
        "health_check_ids": checks,
    }
    leading = {*REGIONS} - {*drained, *absent} if records is None else records
    addresses = [f"{latency_record(region)}[0]" for region in leading]
    project.behave("global-dns", values=values, addresses=addresses)


def remove_state(project: Project, *stacks: str) -> None:
    for stack in stacks:
        (project.work / "state" / stack / "dev" / "terraform.tfstate").unlink()


def trading(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--env", "dev"])


def refused(*arguments: str) -> str:
    """The one line of a refusal."""
    result = trading(*arguments)
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def applied(project: Project) -> list[tuple[str, list[str]]]:
    """What Terraform was told of the routing, at every apply in order."""
    told = ("-replace", "-var", "-target", "-refresh", "-destroy")
    return [
        (call["stack"], [word for word in call["arguments"] if word.startswith(told)])
        for call in project.calls("apply")
        if call["moment"] == "start"
    ]


def decision(drained: Collection[str], absent: Collection[str] = ()) -> list[str]:
    return list(Routing(frozenset(drained), frozenset(absent)).arguments)


def test_the_decision_is_given_to_terraform_as_json() -> None:
    assert decision([WEST, EAST], [WEST]) == [
        "-replace=terraform_data.routing",
        '-var=drained_regions=["us-east-1", "us-west-2"]',
        '-var=absent_regions=["us-west-2"]',
    ]


@pytest.mark.parametrize(
    ("verb", "before", "after"), [("drain", [], [WEST]), ("undrain", [WEST], [])]
)
def test_only_the_record_of_the_region_is_touched_and_nothing_is_asked(
    project: Project, verb: str, before: list[str], after: list[str]
) -> None:
    route(project, before)
    result = trading(verb, WEST, "--yes")
    assert result.exit_code == 0, result.output
    narrow = [
        "-refresh=false",
        "-target=terraform_data.routing",
        "-target=aws_route53_record.us_west_2_latency",
    ]
    assert applied(project) == [("global-dns", decision(after) + narrow)]


@pytest.mark.parametrize(("verb", "drained"), [("drain", [WEST]), ("undrain", [])])
def test_what_is_so_already_is_nothing_to_do(
    project: Project, verb: str, drained: list[str]
) -> None:
    route(project, drained)
    result = trading(verb, WEST, "--yes")
    assert result.exit_code == 0
    assert result.output.startswith(f"nothing to do: {WEST} is ")
    assert not project.calls("apply")


@pytest.mark.parametrize(
    ("verb", "drained", "records"), [("drain", [WEST], REGIONS), ("undrain", [], [EAST])]
)
def test_a_decision_that_its_record_does_not_follow_yet_is_carried_out_again(
    project: Project, verb: str, drained: list[str], records: list[str]
) -> None:
    """Terraform had the decision in the state when Route 53 refused to change the record."""
    route(project, drained, records=records)
    result = trading(verb, WEST, "--yes")
    assert result.exit_code == 0, result.output
    [(stack, told)] = applied(project)
    assert stack == "global-dns"
    assert told[:3] == decision(drained)


@pytest.mark.parametrize("verb", ["drain", "undrain"])
def test_an_unknown_region_is_refused(verb: str) -> None:
    line = refused(verb, "eu-west-1", "--yes")
    assert line == f"there is no region 'eu-west-1': choose from {EAST}, {WEST}"


@pytest.mark.parametrize("verb", ["drain", "undrain"])
def test_names_that_are_not_deployed_lead_nowhere(project: Project, verb: str) -> None:
    remove_state(project, "global-dns")
    assert refused(verb, WEST, "--yes").startswith("global-dns is not deployed")


def test_a_state_of_before_there_was_routing_is_told_from_one_with_nothing_drained(
    project: Project,
) -> None:
    project.behave("global-dns", values={})
    assert refused("drain", WEST, "--yes").startswith("global-dns is not deployed, or not wholly")
    assert "would be stranded" in refused("destroy", f"api-{WEST}", "--confirm", "dev")


def test_the_last_region_is_refused_and_why_is_told(project: Project, route53: Route53) -> None:
    route(project, [EAST])
    assert f"last healthy region ({EAST} is drained)" in refused("drain", WEST, "--yes")
    route(project)
    route53.failing = {f"check-{EAST}"}
    assert f"last healthy region ({EAST} is unhealthy)" in refused("drain", WEST, "--yes")
    remove_state(project, f"api-{EAST}")
    assert f"last healthy region ({EAST} has no API)" in refused("drain", WEST, "--yes")
    assert not project.calls("apply")


def test_a_region_that_route53_says_nothing_of_is_not_known_to_be_unhealthy(
    project: Project,
) -> None:
    values = {"drained_regions": [], "absent_regions": [], "health_check_ids": {EAST: "unknown"}}
    project.behave("global-dns", values=values)
    assert trading("drain", WEST, "--yes").exit_code == 0


def test_a_region_may_be_drained_because_it_is_unhealthy(route53: Route53) -> None:
    route53.failing = {f"check-{WEST}"}
    assert trading("drain", WEST, "--yes").exit_code == 0


def test_an_unhealthy_region_may_come_back_and_it_is_said(
    project: Project, route53: Route53
) -> None:
    route(project, [WEST])
    route53.failing = {f"check-{WEST}"}
    assert f"Route 53 finds {WEST} unhealthy" in trading("undrain", WEST, "--yes").output


@pytest.mark.parametrize("verb", ["drain", "undrain"])
def test_a_control_plane_that_is_down_is_told_at_once(
    project: Project, route53: Route53, verb: str
) -> None:
    route(project, [EAST] if verb == "undrain" else [])
    region = EAST if verb == "undrain" else WEST
    route53.error = EndpointConnectionError(endpoint_url="https://route53.amazonaws.com")
    assert refused(verb, region, "--yes").startswith("Route 53's control plane in us-east-1 does")
    unavailable = {"ResponseMetadata": {"HTTPStatusCode": 503}}
    route53.error = ClientError(unavailable, "ListHostedZones")  # type: ignore[arg-type]
    assert refused(verb, region, "--yes").startswith("Route 53's control plane in us-east-1 does")
    assert not project.calls("apply")


def test_a_missing_permission_to_ask_is_no_outage(route53: Route53) -> None:
    forbidden = {"ResponseMetadata": {"HTTPStatusCode": 403}}
    route53.error = ClientError(forbidden, "ListHostedZones")  # type: ignore[arg-type]
    assert trading("drain", WEST, "--yes").exit_code == 0


def test_nobody_to_ask_is_refused(project: Project) -> None:
    assert "--yes" in refused("drain", WEST)
    assert not project.calls("apply")


def test_where_data_matters_the_name_is_asked_for(project: Project) -> None:
    (project.work / "dev").rename(project.work / "prod")
    project.deploy_state("global-dns", *(f"api-{region}" for region in REGIONS), workspace="prod")
    runner = CliRunner()
    result = runner.invoke(main, ["drain", WEST, "--env", "prod", "--yes"])
    assert result.exit_code == 1
    assert "--confirm prod" in result.stderr
    result = runner.invoke(main, ["drain", WEST, "--env", "prod", "--confirm", "prod"])
    assert result.exit_code == 0, result.output


def test_an_api_that_clients_are_led_to_is_not_destroyed(project: Project) -> None:
    for selection in ([f"api-{WEST}"], ["--region", WEST]):
        line = refused("destroy", *selection, "--confirm", "dev")
        assert line.startswith(f"the shared name still leads clients to {WEST}")
        assert f"`trading drain {WEST} --env dev`" in line
    assert not project.calls("apply")


def test_names_let_go_of_a_drained_region_before_it_is_destroyed(project: Project) -> None:
    route(project, [WEST])
    result = trading("destroy", "--region", WEST, "--confirm", "dev")
    assert result.exit_code == 0, result.output
    assert "destroy 4 stacks of dev" in result.output
    assert "global-dns  stays, without them" in result.output
    assert [stack for stack, _ in applied(project)] == [
        "global-dns",
        *(f"{layer}-{WEST}" for layer in ("api", "data", "network", "security")),
    ]
    assert applied(project)[0] == ("global-dns", decision([WEST], [WEST]))
    assert all("-destroy" in told for _, told in applied(project)[1:])


def test_names_that_let_go_already_are_left_alone(project: Project) -> None:
    route(project, [WEST], [WEST])
    result = trading("destroy", f"api-{WEST}", "--confirm", "dev")
    assert result.exit_code == 0, result.output
    assert [stack for stack, _ in applied(project)] == [f"api-{WEST}"]


def test_names_do_not_go_on_without_their_zone(project: Project) -> None:
    route(project, [WEST], [WEST])
    remove_state(project, *ALL)
    assert refused("destroy", "global-zone", "--confirm", "dev").startswith("global-dns would be")


def test_a_failed_destroy_is_resumed_without_destroying_the_names(project: Project) -> None:
    route(project, [WEST])
    project.behave(f"api-{WEST}", fail="it is in use")
    assert trading("destroy", f"api-{WEST}", "--confirm", "dev").exit_code == 1
    project.behave(f"api-{WEST}")
    route(project, [WEST], [WEST])
    before = len(applied(project))
    result = trading("resume", "--confirm", "dev")
    assert result.exit_code == 0, result.output
    assert [stack for stack, _ in applied(project)[before:]] == [f"api-{WEST}"]


def test_names_that_failed_to_let_go_are_resumed_and_not_destroyed(project: Project) -> None:
    route(project, [WEST])
    fake = project.stacks["global-dns"].directory / "fake.json"
    good = fake.read_text()
    fake.write_text(good.replace("{", '{"fail": "throttled", ', 1))
    assert trading("destroy", f"api-{WEST}", "--confirm", "dev").exit_code == 1
    fake.write_text(good)
    before = len(applied(project))
    result = trading("resume", "--confirm", "dev")
    assert result.exit_code == 0, result.output
    assert applied(project)[before:] == [
        ("global-dns", decision([WEST], [WEST])),
        (f"api-{WEST}", ["-destroy"]),
    ]


def test_an_absent_region_is_not_missed(project: Project) -> None:
    """And is still absent after that: the others are served without it."""
    route(project, [WEST], [WEST])
    remove_state(project, *(f"{layer}-{WEST}" for layer in ("security", "network", "data", "api")))
    result = trading("deploy", "global-dns", "--yes")
    assert result.exit_code == 0, result.output
    assert applied(project) == [("global-dns", [])]


def test_what_others_need_of_an_absent_region_is_missed(project: Project) -> None:
    route(project, [WEST], [WEST])
    remove_state(project, *(f"{layer}-{WEST}" for layer in ("security", "network", "data", "api")))
    line = refused("deploy", "global-dns", f"network-{WEST}", "--yes")
    assert f"cannot be deployed: security-{WEST} is not deployed" in line


def test_a_region_that_is_not_drained_is_missed(project: Project) -> None:
    remove_state(project, f"api-{WEST}")
    line = refused("deploy", "global-dns", "--yes")
    assert line.startswith(f"global-dns cannot be deployed: api-{WEST} is not deployed")


def test_a_region_that_is_deployed_again_comes_back_as_drained(project: Project) -> None:
    route(project, [WEST], [WEST])
    result = trading("deploy", "global-dns", "--yes")
    assert result.exit_code == 0, result.output
    assert applied(project) == [("global-dns", decision([WEST]))]


def test_a_region_comes_back_in_the_run_that_deploys_it(project: Project) -> None:
    route(project, [WEST], [WEST])
    remove_state(project, f"api-{WEST}")
    result = trading("deploy", f"api-{WEST}", "global-dns", "--yes")
    assert result.exit_code == 0, result.output
    assert applied(project) == [(f"api-{WEST}", []), ("global-dns", decision([WEST]))]


def test_a_plan_is_made_of_what_would_be_deployed(project: Project) -> None:
    route(project, [WEST], [WEST])
    trading("plan", "global-dns")
    [planned] = [call for call in project.calls("plan") if call["moment"] == "start"]
    assert set(decision([WEST])) <= set(planned["arguments"])


def test_a_region_without_an_api_is_not_put_back(project: Project) -> None:
    route(project, [WEST], [WEST])
    assert "run `trading deploy global-dns --env dev` first" in refused("undrain", WEST, "--yes")
    remove_state(project, f"api-{WEST}")
    line = refused("undrain", WEST, "--yes")
    assert f"run `trading deploy --region {WEST} --with-dependents --env dev` first" in line
    assert not project.calls("apply")


def fail(project: Project, *arguments: str) -> None:
    """Let this go wrong, and what comes after it go well."""
    fake = project.stacks["global-dns"].directory / "fake.json"
    good = fake.read_text()
    fake.write_text(good.replace("{", '{"fail": "throttled", ', 1))
    assert trading(*arguments, "--yes").exit_code == 1
    fake.write_text(good)


def test_a_drain_that_failed_is_resumed(project: Project) -> None:
    fail(project, "drain", WEST)
    assert trading("resume", "--yes").exit_code == 0
    first, second = applied(project)
    assert first == second


def test_a_resumed_rerouting_keeps_what_others_have_decided_since(project: Project) -> None:
    route(project, [WEST])
    fail(project, "undrain", WEST)
    route(project, [WEST, EAST])
    assert trading("resume", "--yes").exit_code == 0
    assert applied(project)[-1][1][:3] == decision([EAST])


def test_a_resumed_drain_leaves_one_region(project: Project) -> None:
    fail(project, "drain", WEST)
    route(project, [EAST])
    assert f"last healthy region ({EAST} is drained)" in refused("resume", "--yes")


def test_a_resumed_deploy_keeps_what_was_decided_since(project: Project) -> None:
    route(project, [WEST], [WEST])
    fail(project, "deploy", "global-dns")
    assert applied(project)[-1] == ("global-dns", decision([WEST]))
    route(project)
    assert trading("resume", "--yes").exit_code == 0
    assert applied(project)[-1] == ("global-dns", [])
