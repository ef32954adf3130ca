"""The page shows the whole document, and is the one that the models make."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser

import pytest

from api_reference.openapi import document
from api_reference.page import Node, render
from stacks.paths import PROJECT_ROOT


class Page(HTMLParser):
    """The page as a browser has it: its text, its links and where they can lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.targets: set[str] = set()
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a":
            self.links.append(attributes.get("href") or "")
        if identifier := attributes.get("id"):
            self.targets.add(identifier)
        if tag in {"script", "img", "iframe", "link"}:
            self.loaded.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(document()))


def test_the_page_in_the_repository_is_todays() -> None:
    written = PROJECT_ROOT.joinpath("docs", "api", "index.html").read_text("utf-8")
    assert written == render(document()), "run `make openapi`"


def test_every_operation_and_every_field_is_shown(page: Page) -> None:
    api = document()
    for path, operations in api["paths"].items():
        assert path in page.text
        for operation in operations.values():
            assert operation["summary"] in page.text
            for parameter in operation["parameters"]:
                assert parameter["name"] in page.text
    for name, schema in api["components"]["schemas"].items():
        assert name in page.targets
        for field in schema["properties"]:
            assert field in page.text


def test_every_link_leads_somewhere(page: Page) -> None:
    inner = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inner - page.targets == set()
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert page.loaded == []


def test_texts_are_shown_as_they_are() -> None:
    api: Node = copy.deepcopy(document())
    api["paths"]["/trades"]["post"]["summary"] = "Less < than & `code`"
    html = render(api)
    assert "Less &lt; than &amp;" in html
    assert not re.search(r"Less < than", html)
