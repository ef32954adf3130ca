"""Asks parliament about statements, one by one; run by the scanners' own interpreter.

Its command line tells of some findings with the name of the last file that it read, whichever they are of.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from parliament import analyze_policy_string, enhance_finding
from parliament.cli import is_finding_filtered


def main() -> None:
    """Print, for each statement of a JSON list, the list of what parliament finds, a line each."""
    for statement in json.loads(Path(sys.argv[1]).read_text()):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        found = [enhance_finding(one) for one in analyze_policy_string(document).findings]
        told = [
            {"issue": one.issue, "message": f"{one.title}: {one.detail}"}
            for one in found
            if not is_finding_filtered(one)
        ]
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
