"""What is taken for a leftover, what for somebody else's, and what may be removed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from trading.cli import main
from trading.engine.engine import Engine
from trading.errors import OperatorError
from trading.reports import orphans
from trading.reports.orphan_kinds import Found, Kind, Place
from trading.reports.orphan_names import Known, Names, read_known
from trading.reports.orphan_search import KINDS
from trading.reports.orphans import Clients, Orphan, Search, remove, search
from trading.targets import AwsTarget
from trading.verbs import orphans as verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Project

ACCOUNT = "111122223333"
US = "us-east-1"
OURS = [{"Key": "Environment", "Value": "dev"}, {"Key": "Project", "Value": "trading"}]
THEIRS = [{"Key": "Environment", "Value": "dev"}, {"Key": "Project", "Value": "billing"}]
RESOURCES: dict[str, dict[str, dict[str, Any]]] = {
    "network": {"aws_vpc": {"vpc": {"tags": {"Name": "vpc-dev"}}}},
    "data": {
        "aws_rds_cluster": {"cluster": {"cluster_identifier": "aurora-dev"}},
        "aws_s3_bucket": {
            "bucket": {
                "bucket": "b-${data.aws_caller_identity.current.account_id}-${local.region}-dev"
            }
        },
    },
    "api": {
        "aws_lambda_function": {"function": {"function_name": "trade-api-dev"}},
        "aws_cloudwatch_log_group": {
            "log": {"name": "/aws/lambda/trade-api-dev"},
            "execution": {"name": "API-Gateway-Execution-Logs_${aws_api.api.id}/dev"},
        },
        "aws_iam_role": {"role": {"name": "trade-api-${local.region}-dev"}},
    },
}


@pytest.fixture
def engine(project: Project) -> Engine:
    """A workspace whose stacks declare a few things in each region."""
    for stack in project.stacks.values():
        path = stack.directory / "cdk.tf.json"
        configuration = json.loads(path.read_text())
        configuration["resource"] = RESOURCES.get(stack.layer, {}) if stack.region else {}
        path.write_text(json.dumps(configuration))
    engine = Engine("dev", AwsTarget(), 2)
    engine.__dict__["graph"] = project.graph
    return engine


@pytest.fixture
def names(engine: Engine) -> Names:
    return Names("dev", ACCOUNT, engine.all_stacks())


def state(resource_type: str, address: str, **values: Any) -> dict[str, Any]:
    resource = {"mode": "managed", "type": resource_type, "address": address, "values": values}
    return {"values": {"root_module": {"resources": [resource]}}}


NOTHING = Known({})


def kind(title: str) -> Kind:
    return next(kind for kind in KINDS if kind.title == title)


def looked(title: str, names: Names, *responses: tuple[str, dict[str, Any]]) -> list[Found]:
    """What a kind finds in AWS's answers, in us-east-1."""
    session: Any = boto3.session.Session("id", "secret", region_name=US)
    client = session.client(kind(title).service)
    with Stubber(client) as stub:
        for operation, response in responses:
            stub.add_response(operation, response)
        return list(kind(title).look(Place(client, US, names)))


def judged(title: str, found: Found, names: Names, known: Known, region: str = US) -> list[Orphan]:
    return list(orphans._judge(kind(title), region, [found], names, known))


def test_names_are_those_of_each_region(names: Names) -> None:
    assert names.of("aws_iam_role", US) == {"trade-api-us-east-1-dev"}
    assert names.of("aws_iam_role") == {"trade-api-us-east-1-dev", "trade-api-us-west-2-dev"}
    assert names.of("aws_s3_bucket", US) == {f"b-{ACCOUNT}-us-east-1-dev"}
    # What only AWS can fill in would be guessed.
    assert names.of("aws_cloudwatch_log_group", US) == {"/aws/lambda/trade-api-dev"}


def test_tags_decide_where_there_are_any(names: Names) -> None:
    def ours(tags: list[dict[str, str]], name: str) -> bool:
        return names.is_ours("aws_vpc", {tag["Key"]: tag["Value"] for tag in tags}, name)

    assert ours(OURS, "whatever")
    assert not ours(THEIRS, "vpc-dev")
    assert ours([], "vpc-dev")
    assert not ours([], "other-dev")
    assert not ours([{"Key": "Environment", "Value": "dev-pr42"}, OURS[1]], "vpc-dev")


def test_a_name_that_only_ends_as_ours_is_somebody_elses(names: Names) -> None:
    groups = [
        "/aws/lambda/trade-api-dev",
        "/aws/lambda/billing-dev",
        "/aws/lambda/trade-api-dev-pr42",
    ]
    groups += ["/aws/rds/cluster/aurora-dev/error", "/aws/rds/cluster/aurora-dev-2/error"]
    answer = {"logGroups": [{"logGroupName": name} for name in groups]}
    found = looked("log group", names, ("describe_log_groups", answer))
    assert [thing.identity for thing in found] == [groups[0], groups[3]]


@pytest.mark.parametrize("deployed", [False, True])
def test_interfaces_of_lambda(names: Names, deployed: bool) -> None:
    def interface(number: int, function: str, status: str) -> dict[str, str]:
        description = f"AWS Lambda VPC ENI-{function}-{number}"
        return {
            "NetworkInterfaceId": f"eni-{number}",
            "Description": description,
            "Status": status,
        }

    answer = {
        "NetworkInterfaces": [
            interface(1, "trade-api-dev", "available"),
            interface(2, "trade-api-dev", "in-use"),
            interface(3, "billing-dev", "available"),
        ]
    }
    free, used = looked("network interface", names, ("describe_network_interfaces", answer))
    function = state("aws_lambda_function", "aws_lambda_function.function", id="trade-api-dev")
    known = Known({"api-us-east-1": (US, function)}) if deployed else NOTHING
    [free_orphan] = judged("network interface", free, names, known)
    assert free_orphan.removable
    used_orphans = judged("network interface", used, names, known)
    # While the function is there, Lambda's interface belongs to it.
    assert [orphan.removable for orphan in used_orphans] == ([] if deployed else [False])


def test_a_key_is_never_removed(names: Names) -> None:
    def key(**metadata: Any) -> list[tuple[str, dict[str, Any]]]:
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
        described = {"KeyId": "k", "Arn": arn, "KeyManager": "CUSTOMER", **metadata}
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in OURS]
        return [
            ("list_keys", {"Keys": [{"KeyId": "k"}]}),
            ("describe_key", {"KeyMetadata": described}),
            ("list_resource_tags", {"Tags": tags}),
        ]

    gone = datetime(2026, 1, 31, tzinfo=UTC)
    [pending] = looked("key", names, *key(KeyState="PendingDeletion", DeletionDate=gone))
    [enabled] = looked("key", names, *key(KeyState="Enabled"))
    assert "cancel-key-deletion" in pending.keep
    assert "2026-01-31" in pending.why
    for thing in (pending, enabled):
        [orphan] = judged("key", thing, names, NOTHING)
        assert not orphan.removable


def test_data_is_never_removed(names: Names) -> None:
    snapshot = {"DBClusterIdentifier": "aurora-dev", "DBClusterSnapshotIdentifier": "final-dev"}
    other = snapshot | {"DBClusterIdentifier": "billing-dev"}
    found = looked(
        "cluster snapshot",
        names,
        ("describe_db_cluster_snapshots", {"DBClusterSnapshots": [snapshot, other]}),
    )
    cluster = {"DBClusterIdentifier": "aurora-dev", "TagList": OURS}
    found += looked("Aurora cluster", names, ("describe_db_clusters", {"DBClusters": [cluster]}))
    assert len(found) == 2
    assert all(thing.keep for thing in found)
    for title in ("cluster snapshot", "Aurora cluster", "Aurora instance", "secret", "hosted zone"):
        assert kind(title).remove is None


@pytest.mark.parametrize(
    "held", [{}, {"Versions": [{"Key": "x"}]}, {"DeleteMarkers": [{"Key": "x"}]}]
)
def test_a_bucket_is_safe_only_when_it_never_held_anything(
    names: Names, held: dict[str, Any]
) -> None:
    bucket = f"b-{ACCOUNT}-us-east-1-dev"
    buckets = {"Buckets": [{"Name": bucket}, {"Name": "billing-dev"}]}
    [found] = looked("bucket", names, ("list_buckets", buckets), ("list_object_versions", held))
    [orphan] = judged("bucket", found, names, NOTHING, orphans.GLOBAL)
    assert orphan.removable == (not held)


def test_what_a_state_holds_is_no_orphan_but_in_another_region_it_is(names: Names) -> None:
    known = Known(
        {
            "api-us-east-1": (
                US,
                state("aws_cloudwatch_log_group", "a.b", id="/aws/lambda/trade-api-dev"),
            )
        }
    )
    found = Found("/aws/lambda/trade-api-dev", "/aws/lambda/trade-api-dev")
    assert judged("log group", found, names, known) == []
    assert judged("log group", found, names, known, "us-west-2")[0].removable
    # Another kind of the same name is another thing.
    assert judged("role", Found(found.identity, found.name), names, known)


def test_what_a_deployed_stack_did_not_record_is_imported_not_removed(
    names: Names, engine: Engine
) -> None:
    known = Known({"network-us-east-1": (US, {})})
    [orphan] = judged("VPC", Found("vpc-1", "vpc-dev"), names, known)
    assert not orphan.removable
    directory = engine.graph.stacks["network-us-east-1"].directory
    assert orphan.advice == "import it as aws_vpc.vpc of network-us-east-1"
    assert orphan.command.startswith("TF_WORKSPACE=dev ")
    assert orphan.command.endswith(f" -chdir={directory} import aws_vpc.vpc vpc-1")
    # In a region whose network is destroyed it stands for nothing.
    [left] = judged("VPC", Found("vpc-1", "vpc-dev"), names, known, "us-west-2")
    assert left.removable


def test_a_second_one_beside_the_recorded_one_may_go(names: Names) -> None:
    known = Known({"network-us-east-1": (US, state("aws_vpc", "aws_vpc.vpc", id="vpc-1"))})
    [second] = judged("VPC", Found("vpc-2", "vpc-dev"), names, known)
    assert second.removable
    assert "another one at aws_vpc.vpc" in second.advice
    assert judged("VPC", Found("vpc-1", "vpc-dev"), names, known) == []


def test_the_clusters_secret_is_known_by_its_cluster(names: Names) -> None:
    secret = [{"secret_arn": "arn:secret"}]
    cluster = state("aws_rds_cluster", "a.b", id="aurora-dev", master_user_secret=secret)
    known = Known({"data-us-east-1": (US, cluster)})
    found = Found("arn:secret", "rds!cluster-1", "arn:secret", "a secret")
    assert judged("secret", found, names, known) == []
    assert judged("secret", found, names, NOTHING)


def test_state_of_a_stack_that_is_no_longer_there_stops_the_search(
    engine: Engine, project: Project
) -> None:
    """What it holds would look left over."""
    project.deploy_state("network-eu-west-1")
    with pytest.raises(OperatorError, match="network-eu-west-1 of dev is deployed and no longer"):
        read_known(engine)


def test_a_kind_that_cannot_be_looked_at_is_told_and_hides_no_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Place) -> Iterator[Found]:
        raise PermissionError("not you\nat all")

    def one(place: Place) -> Iterator[Found]:
        yield Found(f"thing-{place.region}")

    kinds = (
        Kind("secret thing", "aws_secret", "ec2", refused),
        Kind("thing", "aws_thing", "ec2", one, lambda *_: None),
    )
    monkeypatch.setattr(orphans, "KINDS", kinds)
    sts = SimpleNamespace(get_caller_identity=lambda: {"Account": ACCOUNT})
    clients = SimpleNamespace(of=lambda service, _: {"sts": sts}.get(service))
    found = search(engine, clients)  # type: ignore[arg-type] # stands in for AWS
    assert {orphan.found.identity for orphan in found.removable} >= {"thing-us-east-1"}
    assert "secret thing in us-east-1, us-east-2, us-west-2: not you" in found.not_examined


def test_one_refusal_stops_no_other_removal() -> None:
    removed: list[str] = []

    def remover(_: Any, identity: str) -> None:
        if identity == "used":
            raise RuntimeError("DependencyViolation: it has dependants\nreally")
        removed.append(identity)

    thing = Kind("thing", "aws_thing", "ec2", lambda _: iter(()), remover)
    things = [
        Orphan(thing, US, Found(name), "", removable=name != "data")
        for name in ("used", "data", "free")
    ]
    clients = SimpleNamespace(of=lambda *_: None)
    done = [(orphan.found.identity, refusal) for orphan, refusal in remove(things, clients)]  # type: ignore[arg-type] # stands in for AWS
    assert done == [("used", "DependencyViolation: it has dependants"), ("free", "")]
    assert removed == ["free"]


@pytest.fixture
def found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let the verb find these; gives the list of what it then removes."""

    def find(*identities: str) -> list[str]:
        left = list(identities)
        removed: list[str] = []

        def remover(_: Any, identity: str) -> None:
            removed.append(identity)
            left.remove(identity)

        thing = Kind("thing", "aws_thing", "ec2", lambda _: iter(()), remover)
        monkeypatch.setattr(
            verb,
            "search",
            lambda *_: Search([Orphan(thing, US, Found(name), "x", True) for name in left], []),
        )
        monkeypatch.setattr(Clients, "of", lambda *_: None)
        return removed

    return find


def test_the_exit_code_tells_whether_something_was_found(found: Callable[..., list[str]]) -> None:
    found()
    nothing = CliRunner().invoke(main, ["orphans", "--env", "dev"])
    assert (nothing.exit_code, nothing.stdout) == (0, "nothing of dev is left over\n")
    found("a", "b")
    result = CliRunner().invoke(main, ["orphans", "--env", "dev", "--json"])
    assert result.exit_code == 2
    assert [thing["name"] for thing in json.loads(result.stdout)["orphans"]] == ["a", "b"]


@pytest.mark.parametrize("names", [[], ["a"]])
def test_what_could_not_be_looked_at_is_not_called_empty(
    found: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    found(*names)
    searched = vars(verb)["search"]
    monkeypatch.setattr(
        verb, "search", lambda *places: replace(searched(*places), not_examined=["bucket: denied"])
    )
    result = CliRunner().invoke(main, ["orphans", "--env", "dev"])
    assert result.exit_code == 1
    assert "not looked at: bucket: denied" in result.stdout
    assert "nothing of dev" not in result.stdout
    assert "not all of dev could be looked at" in result.stderr


def test_nothing_is_removed_unasked(
    found: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = found("a", "b")
    arguments = ["orphans", "--env", "dev", "--remove"]
    assert CliRunner().invoke(main, arguments).exit_code == 1
    # State in files of one checkout does not know what another one deployed.
    refused = CliRunner().invoke(main, [*arguments, "--yes"])
    assert "add --confirm dev" in refused.stderr
    wrong = CliRunner().invoke(main, [*arguments, "--confirm", "staging"])
    assert "nothing was done" in wrong.stderr
    assert removed == []
    done = CliRunner().invoke(main, [*arguments, "--confirm", "dev"])
    assert (done.exit_code, removed) == (0, ["a", "b"])
    assert done.stdout.count(": removed") == 2


def test_where_data_matters_state_in_files_tells_not_enough(
    found: Callable[..., list[str]],
) -> None:
    removed = found("a")
    arguments = ["orphans", "--env", "prod", "--remove", "--confirm", "prod"]
    assert "set TRADING_STATE_BUCKET" in CliRunner().invoke(main, arguments).stderr
    assert removed == []


def test_with_a_state_bucket_yes_is_enough_but_not_for_prod(
    found: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "state_bucket", object)
    removed = found("a")
    prod = CliRunner().invoke(main, ["orphans", "--env", "prod", "--remove", "--yes"])
    assert "add --confirm prod" in prod.stderr
    assert removed == []
    assert CliRunner().invoke(main, ["orphans", "--env", "dev", "--remove", "--yes"]).exit_code == 0
    assert removed == ["a"]
