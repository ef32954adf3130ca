"""Which right of IAM a request to AWS needs.

Most rights are called like the operation. Where not, AWS's list of rights says how:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session

_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_PREFIXES = {"monitoring": "cloudwatch"}
_OTHERWISE = {"lambda:Invoke": "lambda:InvokeFunction"}
_BUCKET_SETTINGS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_BUCKETS = {
    "GET": "ListBucket",
    "HEAD": "ListBucket",
    "PUT": "CreateBucket",
    "DELETE": "DeleteBucket",
}
_OBJECTS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "POST": "PutObject",
    "DELETE": "DeleteObject",
}


@dataclass(frozen=True)
class Request:
    """A signed request: what is asked of which service, in which way."""

    service: str
    region: str
    method: str
    path: str
    operation: str | None
    copied_from: str | None = None

    @classmethod
    def parse(cls, method: str, path: str, headers: dict[str, str], body: bytes) -> Request | None:
        """A request from its headers, whose names are in lower case; None where nobody signed it."""
        signed = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed is None:
            return None
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if "x-www-form-urlencoded" in headers.get("content-type", ""):
            operation = parse_qs(body.decode())["Action"][0]
        return cls(
            signed["service"],
            signed["region"],
            method,
            path,
            operation or None,
            headers.get("x-amz-copy-source"),
        )

    def rights(self) -> Iterator[tuple[str, str]]:
        """The rights it needs, each with the ARN of what it is for where the path tells; else `*`."""
        if self.service == "s3":
            yield from self._of_s3()
        elif self.service == "apigateway":
            path = unquote(urlsplit(self.path).path)
            yield f"apigateway:{self.method}", f"arn:aws:apigateway:{self.region}::{path}"
        else:
            operation = self.operation or _operation(self.service, self.method, self.path)
            right = f"{_PREFIXES.get(self.service, self.service)}:{operation}"
            yield _OTHERWISE.get(right, right), "*"

    def _of_s3(self) -> Iterator[tuple[str, str]]:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).strip("/").partition("/")
        asked = parse_qs(url.query, keep_blank_values=True)
        if not key:
            yield f"s3:{_bucket_right(self.method, asked)}", f"arn:aws:s3:::{bucket}"
            return
        version = "Version" if "versionId" in asked else ""
        yield f"s3:{_OBJECTS[self.method]}{version}", f"arn:aws:s3:::{bucket}/{key}"
        if self.copied_from:
            source = unquote(self.copied_from).lstrip("/").partition("?")
            yield f"s3:GetObject{'Version' if source[2] else ''}", f"arn:aws:s3:::{source[0]}"


def _bucket_right(method: str, asked: dict[str, list[str]]) -> str:
    if "delete" in asked:
        return "DeleteObject"
    if "versions" in asked:
        return "ListBucketVersions"
    for name, setting in _BUCKET_SETTINGS.items():
        if name in asked:
            if method == "DELETE" and name == "policy":
                return "DeleteBucketPolicy"
            # To remove a setting is the right to put it.
            return f"{'Get' if method == 'GET' else 'Put'}{setting}"
    return _BUCKETS[method]


@cache
def _templates(service: str) -> list[tuple[int, str, str, re.Pattern[str]]]:
    """A REST service's operations, those with the longest path first."""
    model = botocore.session.get_session().get_service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].partition("?")[0].rstrip("/") or "/"
        pattern = re.sub(
            r"\\\{\w+(\\\+)?\\\}", lambda more: ".+" if more[1] else "[^/]+", re.escape(path)
        )
        length = len(re.sub(r"\{.*?\}", "", path))
        found.append((-length, name, http["method"], re.compile(f"{pattern}/?")))
    return sorted(found, key=lambda entry: entry[:2])


def _operation(service: str, method: str, path: str) -> str:
    plain = urlsplit(path).path
    for _, name, of_method, pattern in _templates(service):
        if of_method == method and pattern.fullmatch(plain):
            return name
    raise LookupError(f"no operation of {service} is {method} {path}")
