"""IAM: who the administrator is, and what counts as signed.

ministack verifies signatures and evaluates policies, those of functions' roles among them, when it
is told to (``AUTH=true``); but it believes everybody who says to be root.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from ministack.core import sigv4
from ministack.services import iam

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from collections.abc import Mapping

ADMINISTRATOR = "administrator"
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@corrects("core.iam_evaluator", "is_root_access_key")
def nobody_is_root(_: Function, key: str) -> bool:
    """A key that was not issued is refused, and one that was is asked for its signature.

    Only what is not signed at all has no key; whether it may be is decided elsewhere.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#lock-away-credentials
    """
    return not key


@corrects("app", "_load_persisted_state")
def administrator_is_a_user(original: Function) -> None:
    """Whoever starts the local AWS is a user with a key, to whom all is allowed that no policy denies.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html
    """
    original()
    iam._create_user({"UserName": [ADMINISTRATOR]})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [_EVERYTHING]})
    name = {"UserName": [ADMINISTRATOR], "PolicyName": [ADMINISTRATOR]}
    iam._put_user_policy({**name, "PolicyDocument": [policy]})
    key = os.environ["AWS_ACCESS_KEY_ID"]
    iam._access_keys[key] = {
        "UserName": ADMINISTRATOR,
        "AccessKeyId": key,
        "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"],
        "Status": "Active",
        "CreateDate": iam._now(),
    }


@corrects("app", "pin_request_origin")
def transport_counts_as_secure(original: Function, address: str, _: bool) -> None:
    """What is sent to AWS is sent over TLS; the local AWS is on this machine and speaks HTTP.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
    """
    original(address, True)


@corrects("core.iam_actions", "extract_resource_arn")
def log_streams_are_resources(
    original: Function,
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *rest: Any,
) -> str:
    """Who makes a log stream or writes to it needs the right to the stream: ``log-group:NAME:*``.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    arn = str(original(service, method, path, headers, body, *rest))
    _, _, operation = headers.get("x-amz-target", "").partition(".")
    if service == "logs" and operation in {"CreateLogStream", "PutLogEvents"}:
        arn += f":log-stream:{json.loads(body).get('logStreamName', '')}"
    return arn


@corrects("core.sigv4", "header_signature_failure")
def body_is_what_was_signed(
    original: Function,
    signature: sigv4.HeaderSignature,
    secret: str,
    method: str,
    path: str,
    query: Mapping[str, Any],
    headers: Mapping[str, Any],
    body: bytes,
    **options: Any,
) -> tuple[str, str] | None:
    """A body that does not have the hash it is signed with is refused; S3 alone takes other words for one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    told = headers.get("x-amz-content-sha256")
    if told and signature.service != "s3" and told != hashlib.sha256(body).hexdigest():
        return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    failure: tuple[str, str] | None = original(
        signature, secret, method, path, query, headers, body, **options
    )
    return failure
