"""The certificate authority that local databases' certificates come from.

It stands in for the RDS certificate authorities, whose bundle clients of Aurora trust:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.core import x509_utils

if TYPE_CHECKING:
    from pathlib import Path


class CertificateAuthority:
    """A certificate authority kept in a folder; made there when the folder has none."""

    def __init__(self, directory: Path) -> None:
        self.certificate_path = directory / "ca.pem"
        self._key_path = directory / "ca-key.pem"
        if not self.certificate_path.exists():
            directory.mkdir(parents=True, exist_ok=True)
            certificate, key = x509_utils.generate_ca(common_name="Local database authority")
            write_secret(self._key_path, key)
            self.certificate_path.write_text(certificate)

    def issue(self, address: str, certificate_path: Path, key_path: Path) -> None:
        """Write a server certificate for an IP address, and its key."""
        certificate, key, _ = x509_utils.sign_leaf_certificate(
            self.certificate_path.read_text(),
            self._key_path.read_text(),
            common_name=address,
            san_ips=[address],
            key_type="ec256",
        )
        write_secret(key_path, key)
        certificate_path.write_text(certificate)


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone may read."""
    path.touch(mode=0o600)
    path.write_text(text)
