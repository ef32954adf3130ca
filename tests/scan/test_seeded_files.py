"""Each violation in the project's own files is seen by the scanner that must see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from scan.gates.dependencies import LOCKS as LOCK_FILES
from scan.gates.dependencies import check_dependencies
from scan.gates.secrets import check_secrets
from scan.gates.workflows import check_workflows
from stacks.paths import PROJECT_ROOT
from tests.scan.asking import Found, broken, by_origin, git_tree, objections
from tests.scan.seeds import Violation
from tests.scan.violations.files import LOCKS, TREE, WORKFLOWS
from trading.errors import OperatorError

# As https://api.osv.dev/v1/vulns/GHSA-v9hf-5j83-6xpp has it.
ADVISORY = {
    "id": "GHSA-v9hf-5j83-6xpp",
    "summary": "PyMySQL SQL Injection vulnerability",
    "affected": [
        {
            "package": {"name": "pymysql", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1.1"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Stands in for OSV: https://google.github.io/osv.dev/post-v1-query/"""

    def do_POST(self) -> None:
        """Tell what is known of one version of one package."""
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        vulnerable = (query["package"]["name"], query["version"]) == ("pymysql", "1.0.2")
        answer = json.dumps({"vulns": [ADVISORY]} if vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def _advisories(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An advisory service that answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("SCAN_ADVISORIES_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
        yield
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def of_workflows(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What is said of a workflow of ours, and of it with each violation."""
    folder = Path(".github", "workflows")
    workflow = (PROJECT_ROOT / folder / "plan.yml").read_text()
    files = {
        str(folder / f"{Path(name).stem}.yml"): text
        for name, text in broken(WORKFLOWS, {"plan.yml": workflow}).items()
    }
    tree = git_tree(tmp_path_factory.mktemp("workflows") / "tree", files)
    return by_origin(check_workflows(tree))


@pytest.fixture(scope="module")
def of_tree(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What is said of a file without a secret, and of it with each violation."""
    files = {
        f"{Path(name).stem}.md": text
        for name, text in broken(TREE, {"notes.md": "Nothing to see.\n"}).items()
    }
    tree = git_tree(tmp_path_factory.mktemp("secrets") / "tree", files)
    return by_origin(check_secrets([], tree))


@pytest.mark.parametrize("violation", WORKFLOWS, ids=str)
def test_violation_in_a_workflow_is_seen(violation: Violation[str], of_workflows: Found) -> None:
    assert of_workflows["plan"] == set()
    assert violation.caught_by in objections(violation, of_workflows)


@pytest.mark.parametrize("violation", TREE, ids=str)
def test_secret_in_the_tree_is_seen(violation: Violation[str], of_tree: Found) -> None:
    assert of_tree["notes"] == set()
    assert violation.caught_by in objections(violation, of_tree)


@pytest.mark.usefixtures("_advisories")
@pytest.mark.parametrize("violation", LOCKS, ids=str)
def test_violation_in_a_lock_file_is_seen(violation: Violation[str], tmp_path: Path) -> None:
    lock = (LOCK_FILES / violation.where).read_text()
    (tmp_path / "clean.txt").write_text(lock)
    (tmp_path / "seeded.txt").write_text(violation.seeded(lock))
    outcome = check_dependencies(tmp_path)
    (found,) = outcome.findings
    assert f"{found.tool} {found.check}" == violation.caught_by
    assert (found.scope, found.subject) == ("requirements/seeded.txt", "pymysql==1.0.2")
    judged = outcome.evaluated
    assert judged["requirements/clean.txt", "package"] > 1
    assert judged["requirements/seeded.txt", "package"] > 1
    assert outcome.not_run == {}


def test_an_advisory_service_that_fails_is_no_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seeded.txt").write_text(f"seeded==1.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setenv("SCAN_ADVISORIES_URL", "http://127.0.0.1:1/v1/query")
    with pytest.raises(OperatorError, match=r"pip-audit failed with 1 and said: .*refused"):
        check_dependencies(tmp_path)


def test_violation_workflow_that_cannot_be_read(tmp_path: Path) -> None:
    tree = git_tree(tmp_path / "tree", {".github/workflows/plan.yml": "on: push\nsteeps: []\n"})
    with pytest.raises(OperatorError, match="zizmor failed"):
        check_workflows(tree)
