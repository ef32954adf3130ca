"""Writes docs/api from the models: `make openapi`."""

from __future__ import annotations

import json

from api_reference.openapi import document
from api_reference.page import render
from stacks.paths import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "api"


def main() -> None:
    """Write the document and its page."""
    api = document()
    FOLDER.joinpath("openapi.json").write_text(json.dumps(api, indent=2) + "\n", encoding="utf-8")
    FOLDER.joinpath("index.html").write_text(render(api), encoding="utf-8")


if __name__ == "__main__":
    main()
