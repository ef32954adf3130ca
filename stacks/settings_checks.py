"""What an environment's settings may hold; a setting that cannot work is refused before anything is made."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from stacks.settings import Environment

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_TRUSTSTORE_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S+")
# What S3 calls the only version of an object in a bucket without versions; a change keeps its name.
_NO_VERSION = "null"
# AWS Backup moves nothing to cold storage here, so a day is enough; and it keeps nothing for longer than
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html
_BACKUP_DAYS = range(1, 36_500 + 1)


class SettingsError(ValueError):
    """A setting or an environment variable that cannot be used; the message says what is allowed."""


def check(environment: Environment, regions: Collection[str]) -> None:
    """Raises SettingsError for the first setting of an environment that cannot work."""
    _check_truststores(environment, regions)
    _check_client_cidrs(environment)
    if environment.dnssec and environment.zone_exists:
        raise SettingsError(
            f"{environment.name}: dnssec is for a zone made here; with zone_exists, sign yours yourself"
        )
    days = environment.aws_backup_days
    # True is a 1 to Python, and nobody means a day by it.
    if days is not None and (isinstance(days, bool) or days not in _BACKUP_DAYS):
        raise SettingsError(
            f"{environment.name}: aws_backup_days is {days}:"
            f" use {_BACKUP_DAYS[0]} to {_BACKUP_DAYS[-1]}, or None"
        )


def _check_truststores(environment: Environment, regions: Collection[str]) -> None:
    truststores = environment.mutual_tls
    if not truststores:
        return
    given = sorted(truststore.region for truststore in truststores)
    if given != sorted(regions):
        raise SettingsError(
            f"{environment.name}: mutual_tls has truststores for {', '.join(given)}:"
            f" give one for each of {', '.join(regions)}"
        )
    regions_by_bucket: dict[str, str] = {}
    for truststore in truststores:
        where = f"{environment.name}: mutual_tls of {truststore.region}"
        if not _TRUSTSTORE_URI.fullmatch(truststore.uri):
            raise SettingsError(f"{where}: '{truststore.uri}' is no object: use s3://bucket/key")
        if not truststore.version:
            raise SettingsError(f"{where}: name the version of {truststore.uri}")
        if truststore.version == _NO_VERSION:
            raise SettingsError(
                f"{where}: '{_NO_VERSION}' is no version: turn on the bucket's versions"
            )
        bucket = truststore.uri.removeprefix("s3://").partition("/")[0]
        other = regions_by_bucket.setdefault(bucket, truststore.region)
        if other != truststore.region:
            raise SettingsError(
                f"{environment.name}: mutual_tls: the truststores of {other} and"
                f" {truststore.region} are both in s3://{bucket}: use a bucket in each region"
            )


def _check_client_cidrs(environment: Environment) -> None:
    cidrs = environment.allowed_client_cidrs
    if cidrs and environment.web_acl_requests_per_five_minutes is None:
        raise SettingsError(
            f"{environment.name}: allowed_client_cidrs needs the firewall:"
            " set web_acl_requests_per_five_minutes"
        )
    where = f"{environment.name}: allowed_client_cidrs"
    networks: list[IPv4Network | IPv6Network] = []
    for cidr in cidrs:
        network = _address_range(f"{where}: '{cidr}'", cidr)
        if network in networks:
            raise SettingsError(f"{where}: '{cidr}' is there twice")
        networks.append(network)
    for ranges in (
        collapse_addresses(each for each in networks if isinstance(each, IPv4Network)),
        collapse_addresses(each for each in networks if isinstance(each, IPv6Network)),
    ):
        if any(each.prefixlen == 0 for each in ranges):
            raise SettingsError(f"{where}: the ranges together are everyone: leave it empty")


def _address_range(where: str, cidr: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(cidr)
    except ValueError as error:
        raise SettingsError(f"{where} is no address range: {error}") from error
    if network.prefixlen == 0:
        raise SettingsError(f"{where} is everyone: leave allowed_client_cidrs empty")
    if str(network) != cidr:
        raise SettingsError(f"{where}: write {network}")
    return network
