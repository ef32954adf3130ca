"""In the project's own files: each is one change to a workflow, a lock file, or another file of the tree."""

from __future__ import annotations

from tests.scan.seeds import Violation, replaced

CHECKOUT = r"actions/checkout@[0-9a-f]{40} # v[0-9.]+"
# Put together here, because this file is of the tree that is scanned.
ACCESS_KEY = "AKIA" + "Z7YQ4MXW2LRC5VND"
PRIVATE_KEY = f"-----BEGIN {'RSA'} PRIVATE KEY-----\n{'MIIEpAIBAAKC'}AQEA0Z3VS5JJcds3xfn\n"

# What the scanner of workflows must see.
WORKFLOWS: list[Violation[str]] = [
    Violation(
        "action-that-is-not-pinned",
        "plan.yml",
        replaced(CHECKOUT, "actions/checkout@v7"),
        "zizmor unpinned-uses",
    ),
    Violation(
        "title-of-a-pull-request-in-a-script",
        "plan.yml",
        replaced(r"run: \|", "run: |\n          echo '${{ github.event.pull_request.title }}'"),
        "zizmor template-injection",
    ),
    Violation(
        "workflow-of-a-fork-with-rights",
        "plan.yml",
        replaced("pull_request:", "pull_request_target:"),
        "zizmor dangerous-triggers",
    ),
    Violation(
        "workflow-of-a-fork-behind-a-comment",
        "plan.yml",
        replaced("  pull_request:", "  pull_request_target: # zizmor: ignore[dangerous-triggers]"),
        "zizmor dangerous-triggers",
    ),
    Violation(
        "workflow-that-may-write-everything",
        "plan.yml",
        replaced("permissions: {}", "permissions: write-all"),
        "zizmor excessive-permissions",
    ),
]

# What the scanner of the tree must see.
TREE: list[Violation[str]] = [
    Violation(
        "access-key-in-the-tree",
        "notes.md",
        lambda text: f"{text}{ACCESS_KEY}\n",
        "detect-secrets AWS Access Key",
    ),
    Violation(
        "access-key-behind-a-comment",
        "notes.md",
        lambda text: f"{text}{ACCESS_KEY} # pragma: allowlist secret\n",
        "detect-secrets AWS Access Key",
    ),
    Violation(
        "private-key-in-the-tree",
        "notes.md",
        lambda text: text + PRIVATE_KEY,
        "detect-secrets Private Key",
    ),
]

# What the scanner of lock files must see, when an advisory service tells it.
LOCKS: list[Violation[str]] = [
    Violation(
        "package-with-a-known-vulnerability",
        "lambda.txt",
        replaced(r"pymysql==[0-9.]+", "pymysql==1.0.2"),
        "pip-audit GHSA-v9hf-5j83-6xpp",
    ),
]

# What no scanner looks for, and tests of ours must see.
SUPPLY_CHAIN: list[Violation[str]] = [
    Violation(
        "package-without-a-hash",
        "requirements/lambda.txt",
        lambda text: f"{text}seeded==1.0\n    # via -r requirements/lambda.in\n",
        "tests/supply_chain/test_requirements.py::test_every_package_has_its_hashes[lambda.txt]",
    ),
    Violation(
        "action-by-a-tag",
        ".github/workflows/check.yml",
        replaced(CHECKOUT, "actions/checkout@v7.0.1"),
        "tests/supply_chain/test_workflows.py"
        "::test_whatever_is_used_is_a_commit_with_its_release_beside_it[workflows/check.yml]",
    ),
    Violation(
        "token-left-in-the-checkout",
        ".github/workflows/deploy-environment.yml",
        replaced("persist-credentials: false", "persist-credentials: true"),
        "tests/supply_chain/test_workflows.py"
        "::test_a_checkout_leaves_no_token_behind[workflows/deploy-environment.yml]",
    ),
]
