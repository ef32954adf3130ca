"""Whether a KMS key can be used, for the services whose data is encrypted under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ministack.core.responses import get_account_id
from ministack.services import kms

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record

# Keys of AWS itself are always usable; ministack has none of them.
_OF_AWS = "alias/aws/"


@dataclass(frozen=True)
class UnusableKey:
    """What KMS answers for a key that is disabled, pending deletion or not there."""

    exception: str
    message: str


def key_arn(reference: str, region: str) -> str:
    """The ARN of the key that an ARN, id or alias names; the reference itself if there is none."""
    key = _find(reference, region)
    return str(key["Arn"]) if key else reference


def why_unusable(reference: str, region: str) -> UnusableKey | None:
    """Why a key cannot encrypt or decrypt; nothing when it can.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    if _OF_AWS in reference:
        return None
    key = _find(reference, region)
    if key is None:
        return UnusableKey("NotFoundException", f"Key '{reference}' does not exist")
    arn, state = key["Arn"], key["KeyState"]
    if state == "Enabled":
        return None
    if state == "Disabled":
        return UnusableKey("DisabledException", f"{arn} is disabled.")
    reasons = {"PendingImport": "pending import"}
    reason = reasons.get(state, "pending deletion")
    return UnusableKey("KMSInvalidStateException", f"{arn} is {reason}.")


def _find(reference: str, region: str) -> Record | None:
    account, name = get_account_id(), reference
    if reference.startswith("arn:"):
        _, _, _, region, account, name = reference.split(":", 5)
    if name.startswith("alias/"):
        alias = f"arn:aws:kms:{region}:{account}:{name}"
        name = kms._aliases.get_scoped(account, region, alias, "")
    key: Record | None = kms._keys.get_scoped(account, region, name.removeprefix("key/"))
    return key
