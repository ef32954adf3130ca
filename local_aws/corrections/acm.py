"""ACM: a certificate is issued when its validation records are in DNS, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import acm, apigateway_v1, route53

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response


@corrects("services.acm", "_request_certificate")
def requested_certificate_is_pending(original: Function, request: Record) -> Response:
    """RequestCertificate keeps the key algorithm and leaves the certificate pending.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
    """
    known = set(acm._certificates.keys())
    response: Response = original(request)
    for arn in set(acm._certificates.keys()) - known:
        certificate = acm._certificates[arn]
        certificate["KeyAlgorithm"] = request.get("KeyAlgorithm", "RSA_2048")
        certificate["Options"] = {
            "CertificateTransparencyLoggingPreference": "ENABLED",
            **request.get("Options", {}),
        }
        certificate["Status"] = "PENDING_VALIDATION"
        for option in certificate["DomainValidationOptions"]:
            option["ValidationStatus"] = "PENDING_VALIDATION"
    return response


@corrects("services.acm", "_get_local_certificate")
def certificate_is_issued_by_its_records(original: Function, arn: str) -> Record | None:
    """A pending certificate is issued once Route 53 has the validation records of all its names.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    certificate: Record | None = original(arn)
    if certificate is None or certificate["Status"] != "PENDING_VALIDATION":
        return certificate
    options = certificate["DomainValidationOptions"]
    for option in options:
        if _is_in_dns(option["ResourceRecord"]):
            option["ValidationStatus"] = "SUCCESS"
    if all(option["ValidationStatus"] == "SUCCESS" for option in options):
        certificate.update(Status="ISSUED", IssuedAt=acm.now_iso())
    return certificate


@corrects("services.acm", "_cert_shape")
def certificate_tells_its_key_algorithm(original: Function, certificate: Record) -> Record:
    """DescribeCertificate tells the key algorithm that was asked for.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
    """
    shape: Record = original(certificate)
    return {**shape, "KeyAlgorithm": certificate.get("KeyAlgorithm", "RSA_2048")}


@corrects("services.apigateway_v1", "_create_domain_name")
def domain_needs_an_issued_certificate(original: Function, domain: Record) -> Response:
    """CreateDomainName refuses a certificate that is not issued or that does not exist.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-regional-api-custom-domain-create.html
    """
    arn = domain.get("regionalCertificateArn") or domain.get("certificateArn")
    certificate = acm._get_local_certificate(arn) if arn else None
    if certificate is None or certificate["Status"] != "ISSUED":
        refusal: Response = apigateway_v1._v1_error(
            "BadRequestException", f"Invalid certificate ARN: {arn} or it is not issued.", 400
        )
        return refusal
    response: Response = original(domain)
    return response


def _is_in_dns(wanted: Record) -> bool:
    return any(
        _same_name(record["Name"], wanted["Name"])
        and any(_same_name(value, wanted["Value"]) for value in record.get("ResourceRecords", []))
        for records in route53._records.values()
        for record in records
        if record["Type"] == wanted["Type"]
    )


def _same_name(one: str, other: str) -> bool:
    return one.rstrip(".").lower() == other.rstrip(".").lower()
