"""A certificate that the server signs itself, for development: kept in the data folder."""

from __future__ import annotations

import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

_VALID: Final = timedelta(days=365)
_SPARE: Final = timedelta(days=7)
"""One that ends sooner than this is made anew: a server may run for a while."""
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """The files of a certificate for ``host`` and this machine, and of its key.

    Those of an earlier start are used again while they are valid and name the host, so that a
    browser need not be told twice to accept them. Raises ``OSError``.
    """
    certificate, key = folder / "tls-cert.pem", folder / "tls-key.pem"
    names = _names(host)
    if not _usable(certificate, key, names):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(certificate, key, names)
    return certificate, key


def _names(host: str) -> list[x509.GeneralName]:
    anywhere = host in ("0.0.0.0", "::")
    hosts = dict.fromkeys((*_LOOPBACK, socket.gethostname() if anywhere else host))
    names: list[x509.GeneralName] = []
    for each in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(each)))
        except ValueError:
            names.append(x509.DNSName(each))
    return names


def _usable(certificate: Path, key: Path, names: list[x509.GeneralName]) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        found.public_key() == private.public_key()
        and found.not_valid_after_utc - datetime.now(UTC) > _SPARE
        and set(names) <= set(named)
    )


def _make(certificate: Path, key: Path, names: list[x509.GeneralName]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DuetDB, for development")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # No authority: whoever trusts it trusts it for these names alone.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    encoded = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(key, encoded)
    _write(certificate, made.public_bytes(Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    """In place of what is there, at no moment readable by others."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
