"""What a request needs of IAM, and that the recorder notes it and changes nothing."""

from __future__ import annotations

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.supply_chain.iam_actions import Request
from tests.supply_chain.record_actions import generalized
from tests.supply_chain.recorder import recording


def signed(service: str, **more: str) -> dict[str, str]:
    """The headers of a request that is signed for a service."""
    scope = f"Credential=key/20261123/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}, Signature=x", **more}


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
BUCKET, OBJECT = "arn:aws:s3:::b", "arn:aws:s3:::b/k/1"


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "body", "rights"),
    [
        ("ec2", "POST", "/", FORM, b"Action=CreateVpc&Version=1", {("ec2:CreateVpc", "*")}),
        (
            "monitoring",
            "POST",
            "/",
            FORM,
            b"Action=PutMetricAlarm",
            {("cloudwatch:PutMetricAlarm", "*")},
        ),
        (
            "kms",
            "POST",
            "/",
            {"x-amz-target": "TrentService.CreateKey"},
            b"{}",
            {("kms:CreateKey", "*")},
        ),
        (
            "lambda",
            "POST",
            "/2015-03-31/functions/f/invocations",
            {},
            b"",
            {("lambda:InvokeFunction", "*")},
        ),
        ("lambda", "GET", "/2015-03-31/functions/f", {}, b"", {("lambda:GetFunction", "*")}),
        ("lambda", "GET", "/2015-03-31/functions/f/policy", {}, b"", {("lambda:GetPolicy", "*")}),
        (
            "route53",
            "POST",
            "/2013-04-01/hostedzone/Z1/rrset/",
            {},
            b"",
            {("route53:ChangeResourceRecordSets", "*")},
        ),
        (
            "apigateway",
            "PATCH",
            "/restapis/a1/stages/dev",
            {},
            b"",
            {("apigateway:PATCH", "arn:aws:apigateway:us-east-1::/restapis/a1/stages/dev")},
        ),
        ("s3", "GET", "/b?list-type=2&prefix=x", {}, b"", {("s3:ListBucket", BUCKET)}),
        ("s3", "GET", "/b?versions", {}, b"", {("s3:ListBucketVersions", BUCKET)}),
        ("s3", "DELETE", "/b?lifecycle", {}, b"", {("s3:PutLifecycleConfiguration", BUCKET)}),
        ("s3", "DELETE", "/b?policy", {}, b"", {("s3:DeleteBucketPolicy", BUCKET)}),
        ("s3", "HEAD", "/b/k/1", {}, b"", {("s3:GetObject", OBJECT)}),
        ("s3", "DELETE", "/b/k/1?versionId=v", {}, b"", {("s3:DeleteObjectVersion", OBJECT)}),
        (
            "s3",
            "PUT",
            "/b/k/1",
            {"x-amz-copy-source": "c/k?versionId=v"},
            b"",
            {("s3:PutObject", OBJECT), ("s3:GetObjectVersion", "arn:aws:s3:::c/k")},
        ),
    ],
)
def test_a_request_tells_the_rights_it_needs(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    rights: set[tuple[str, str]],
) -> None:
    request = Request.parse(method, path, signed(service, **headers), body)
    assert request
    assert set(request.rights()) == rights


def test_what_nobody_signed_needs_no_right() -> None:
    assert Request.parse("GET", "/_ministack/health", {}, b"") is None


def test_an_unknown_operation_is_not_passed_over() -> None:
    request = Request.parse("GET", "/2015-03-31/nothing", signed("lambda"), b"")
    assert request
    with pytest.raises(LookupError, match="no operation of lambda"):
        list(request.rights())


@pytest.mark.parametrize(
    ("arn", "general"),
    [
        (
            "arn:aws:s3:::artifacts-000000000000-us-east-1-prod/k/1",
            "arn:aws:s3:::artifacts-{account}-{region}-prod/{key}",
        ),
        (
            "arn:aws:s3:::state/trading/prod/api-us-west-2.tfstate",
            "arn:aws:s3:::state/trading/prod/{layer}-{region}.tfstate",
        ),
        (
            "arn:aws:apigateway:us-east-2::/restapis/a1/stages/x",
            "arn:aws:apigateway:{region}::/restapis/{id}",
        ),
        ("arn:aws:apigateway:us-east-2::/restapis", "arn:aws:apigateway:{region}::/restapis"),
    ],
)
def test_what_differs_each_time_is_left_open(arn: str, general: str) -> None:
    assert generalized(arn) == general


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("X-Path", self.path)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Nothing."""


def test_the_recorder_passes_all_on_and_notes_it() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with recording(f"http://127.0.0.1:{server.server_port}") as (endpoint, rights):
        request = urllib.request.Request(
            f"{endpoint}/b/k/1",
            data=b"body",
            headers=signed("s3", **{"content-type": "text/plain"}),
            method="PUT",
        )
        with urllib.request.urlopen(request) as answer:
            assert (answer.status, answer.headers["X-Path"]) == (201, "/b/k/1")
            assert answer.read() == b"ydob"
    assert rights == {("s3:PutObject", OBJECT)}
    server.shutdown()
    server.server_close()
