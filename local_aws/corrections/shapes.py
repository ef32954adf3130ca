"""The shapes that all services of the emulator share."""

from __future__ import annotations

from typing import Any

Parameters = dict[str, Any]
"""A request of the Query protocol: its parameters by name, such as ``Tags.member.1.Key``."""

Record = dict[str, Any]
"""A resource as the emulator keeps it, or a part of a JSON request."""

Response = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""
