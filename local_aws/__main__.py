"""Run the local AWS in the foreground: ``python -m local_aws --port PORT --directory DIRECTORY``."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

from local_aws.registry import SUPPORTED_VERSION, CorrectionError

# What the server and, through it, Lambda functions see of the environment they are started from.
# Anything else (an AWS profile, an endpoint of another local AWS, a proxy) must not reach them.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH")


def server_environment(port: int, directory: Path) -> dict[str, str]:
    """The environment of the emulator and of the Lambda functions it runs."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    databases = directory / "databases"
    return {
        **inherited,
        "TMPDIR": str(directory / "tmp"),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # IAM: signatures are verified, policies evaluated, functions have their roles' rights only.
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "DATABASES_DIR": str(databases),
        # Lambda functions trust the local databases by it; on AWS, by the RDS bundle.
        "DATABASE_CA_BUNDLE": str(databases / "certificates" / "ca.pem"),
    }


def _fail(message: str) -> int:
    sys.stderr.write(f"local AWS: {message}\n")
    return 1


def main() -> int:
    """Run until SIGTERM or SIGINT; then keep the state and stop the databases."""
    parser = argparse.ArgumentParser(prog="local_aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--directory", type=Path, required=True, help="folder of all its data")
    parser.add_argument(
        "--without",
        action="append",
        default=os.environ.get("LOCAL_AWS_WITHOUT", "").split(),
        metavar="CORRECTION",
        help="leave a correction out, to see a test of it fail (may be repeated;"
        " LOCAL_AWS_WITHOUT in the environment names some, too)",
    )
    options = parser.parse_args()
    version = importlib.metadata.version("ministack")
    if version != SUPPORTED_VERSION:
        return _fail(
            f"ministack {version} is installed, but the corrections are for {SUPPORTED_VERSION}"
        )
    directory = options.directory.resolve()
    environment = server_environment(options.port, directory)
    # Lambda functions unpacked by an earlier run.
    shutil.rmtree(environment["TMPDIR"], ignore_errors=True)
    Path(environment["TMPDIR"]).mkdir(parents=True)
    os.environ.clear()
    os.environ.update(environment)
    # Only now: the emulator reads its environment while it is imported.
    from local_aws.database_server import DatabaseError  # noqa: PLC0415
    from local_aws.server import serve  # noqa: PLC0415

    try:
        serve(options.without)
    except (CorrectionError, DatabaseError) as error:
        return _fail(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
