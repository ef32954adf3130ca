"""What can reach what: rules between groups, routes between subnets."""

from __future__ import annotations

from tests.stacks.resources import Resource, all_of, resources
from tests.synthesis import Stacks

EVERYWHERE = "0.0.0.0/0"
HTTPS = 443
RULES = ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
TO_GROUP, TO_LIST, TO_RANGE = "referenced_security_group_id", "prefix_list_id", "cidr_ipv4"
NETWORK = "${data.terraform_remote_state.network_state.outputs."
# Rules that no test here would see.
UNSEEN_RULES = ("aws_security_group_rule", "aws_network_interface_sg_attachment", "aws_network_acl")


def networks(stacks: Stacks) -> list[str]:
    """The stacks that have a VPC."""
    return [vpc.stack for vpc in all_of(stacks, "aws_vpc")]


def beside(stacks: Stacks, stack: str, *kinds: str) -> list[Resource]:
    """The resources of some kinds in one stack."""
    return list(resources({stack: stacks[stack]}, *kinds))


def tables_of(stacks: Stacks, stack: str, purpose: str) -> set[str]:
    """The route tables of the subnets that a network publishes for a purpose; one for each at least."""
    subnets = stacks[stack]["output"][f"{purpose}_subnet_ids"]["value"]
    routed = {
        each.body["subnet_id"]: each.body["route_table_id"]
        for each in beside(stacks, stack, "aws_route_table_association")
    }
    assert subnets
    return {routed[subnet] for subnet in subnets}


def test_a_rule_is_of_one_port_and_from_group_to_group(environment: Stacks) -> None:
    for rule in all_of(environment, *RULES):
        body = rule.body
        assert body["ip_protocol"] == "tcp", rule
        assert body["from_port"] == body["to_port"], rule
        (target,) = {TO_GROUP, TO_LIST, TO_RANGE, "cidr_ipv6"} & body.keys()
        if rule.kind == "aws_vpc_security_group_ingress_rule":
            assert target == TO_GROUP, rule
        elif target != TO_GROUP:
            assert body["from_port"] == HTTPS, rule


def test_only_where_there_are_no_endpoints_may_anything_leave(environment: Stacks) -> None:
    for network in networks(environment):
        leaving = [
            rule.body[TO_RANGE]
            for rule in beside(environment, network, *RULES)
            if TO_RANGE in rule.body
        ]
        endpoints = [
            each
            for each in beside(environment, network, "aws_vpc_endpoint")
            if each.body["vpc_endpoint_type"] == "Interface"
        ]
        assert leaving == ([] if endpoints else [EVERYWHERE]), network


def test_groups_have_no_rules_but_those(environment: Stacks) -> None:
    assert not list(resources(environment, *UNSEEN_RULES))
    for group in all_of(environment, "aws_security_group", "aws_default_security_group"):
        assert not {"ingress", "egress"} & group.body.keys(), group


def test_the_group_that_a_vpc_is_born_with_is_closed(environment: Stacks) -> None:
    for vpc in all_of(environment, "aws_vpc"):
        (default,) = beside(environment, vpc.stack, "aws_default_security_group")
        assert default.body["vpc_id"] == f"${{aws_vpc.{vpc.address}.id}}"


def test_nothing_has_a_public_address_but_nat_gateways(environment: Stacks) -> None:
    for subnet in all_of(environment, "aws_subnet"):
        assert subnet.body["map_public_ip_on_launch"] is False, subnet
    for instance in all_of(environment, "aws_rds_cluster_instance"):
        assert instance.body["publicly_accessible"] is False, instance
    given = {gateway.body["allocation_id"] for gateway in all_of(environment, "aws_nat_gateway")}
    assert given == {f"${{aws_eip.{eip.address}.id}}" for eip in all_of(environment, "aws_eip")}


def test_the_databases_subnets_lead_nowhere(environment: Stacks) -> None:
    for network in networks(environment):
        tables = tables_of(environment, network, "database")
        for table in beside(environment, network, "aws_route_table"):
            assert not {"route", "propagating_vgws"} & table.body.keys(), table
        for route in beside(environment, network, "aws_route"):
            assert route.body["route_table_id"] not in tables, route
        for endpoint in beside(environment, network, "aws_vpc_endpoint"):
            assert not tables & set(endpoint.body.get("route_table_ids", [])), endpoint


def test_nothing_comes_in_where_functions_are(environment: Stacks) -> None:
    for network in networks(environment):
        public = tables_of(environment, network, "public")
        for route in beside(environment, network, "aws_route"):
            behind_nat = "nat_gateway_id" in route.body
            assert behind_nat is (route.body["route_table_id"] not in public), route
            assert ("gateway_id" in route.body) is not behind_nat, route
        functions = tables_of(environment, network, "lambda")
        assert not functions & (public | tables_of(environment, network, "database"))


def test_the_cluster_wears_the_databases_group_and_no_other(environment: Stacks) -> None:
    for cluster in all_of(environment, "aws_rds_cluster"):
        groups = cluster.body["vpc_security_group_ids"]
        assert groups == [f"{NETWORK}database_security_group_id}}"], cluster
        assert cluster.body["iam_database_authentication_enabled"] is True, cluster
    for subnets in all_of(environment, "aws_db_subnet_group"):
        assert subnets.body["subnet_ids"] == f"{NETWORK}database_subnet_ids}}", subnets


def test_functions_wear_their_group_in_their_subnets(environment: Stacks) -> None:
    for function in all_of(environment, "aws_lambda_function"):
        assert function.body["vpc_config"] == {
            "subnet_ids": f"{NETWORK}lambda_subnet_ids}}",
            "security_group_ids": [f"{NETWORK}lambda_security_group_id}}"],
        }, function
        # What is left of a function when it goes reaches nothing.
        detached = function.body["replacement_security_group_ids"]
        assert detached == [f"{NETWORK}detached_security_group_id}}"], function


def test_the_groups_that_are_worn_are_those_that_the_rules_are_of(environment: Stacks) -> None:
    for network in networks(environment):
        outputs = environment[network]["output"]
        for purpose in ("database", "lambda", "detached"):
            group = f"${{aws_security_group.security_groups_{purpose}.id}}"
            assert outputs[f"{purpose}_security_group_id"]["value"] == group, network
        detached = "${aws_security_group.security_groups_detached.id}"
        for rule in beside(environment, network, *RULES):
            assert rule.body["security_group_id"] != detached, rule
