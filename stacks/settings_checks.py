"""What an environment's settings may hold; a setting that cannot work is refused before anything is made."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from stacks.settings import Environment

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_TRUSTSTORE_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S+")
# AWS Backup moves nothing to cold storage here, so a day is enough.
_LEAST_BACKUP_DAYS = 1


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
    if days is not None and days < _LEAST_BACKUP_DAYS:
        raise SettingsError(
            f"{environment.name}: aws_backup_days is {days}: use 1 or more, or None"
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
    for truststore in truststores:
        where = f"{environment.name}: mutual_tls of {truststore.region}"
        if not _TRUSTSTORE_URI.fullmatch(truststore.uri):
            raise SettingsError(f"{where}: '{truststore.uri}' is no object: use s3://bucket/key")
        if not truststore.version:
            raise SettingsError(f"{where}: name the version of {truststore.uri}")


def _check_client_cidrs(environment: Environment) -> None:
    cidrs = environment.allowed_client_cidrs
    if cidrs and environment.web_acl_requests_per_five_minutes is None:
        raise SettingsError(
            f"{environment.name}: allowed_client_cidrs needs the firewall:"
            " set web_acl_requests_per_five_minutes"
        )
    for cidr in cidrs:
        where = f"{environment.name}: allowed_client_cidrs: '{cidr}'"
        try:
            network = ip_network(cidr)
        except ValueError as error:
            raise SettingsError(f"{where} is no address range: {error}") from error
        if network.prefixlen == 0:
            raise SettingsError(f"{where} is everyone: leave allowed_client_cidrs empty")
        if str(network) != cidr:
            raise SettingsError(f"{where}: write {network}")
