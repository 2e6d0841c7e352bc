"""The keys of one throw-away cluster: a CA, a serving and an admin certificate, and a key for service accounts."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.processes import LOCALHOST

_VALID = timedelta(days=365)
_CLOCK_SKEW = timedelta(hours=1)

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """PEM files; the keys are readable by their owner only."""

    ca: Path
    server: Pair
    admin: Pair
    """Group ``system:masters``: may do everything."""
    service_account_key: Path
    service_account_public_key: Path


def write_certificates(folder: Path) -> Certificates:
    folder.mkdir(parents=True, exist_ok=True)
    authority = _Authority.create(folder)
    service_accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = service_accounts.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public_key = folder / "service-account.pub"
    public_key.write_bytes(public)
    return Certificates(
        ca=authority.certificate_file,
        server=authority.issue("server", x509.Name([_attribute(NameOID.COMMON_NAME, "kube-apiserver")])),
        admin=authority.issue(
            "admin",
            x509.Name(
                [
                    _attribute(NameOID.ORGANIZATION_NAME, "system:masters"),
                    _attribute(NameOID.COMMON_NAME, "sandbox-admin"),
                ]
            ),
        ),
        service_account_key=_write_key(folder / "service-account.key", service_accounts),
        service_account_public_key=public_key,
    )


@dataclass(frozen=True, slots=True)
class _Authority:
    folder: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate_file: Path

    @classmethod
    def create(cls, folder: Path) -> "_Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([_attribute(NameOID.COMMON_NAME, "sandbox-ca")])
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = folder / "ca.crt"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return cls(folder, name, key, path)

    def issue(self, name: str, subject: x509.Name) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOCALHOST))]
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(subject, self.name, key)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{name}.crt"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return Pair(path, _write_key(self.folder / f"{name}.key", key))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID)
    )


def _attribute(oid: x509.ObjectIdentifier, text: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(oid, text)


def _write_key(path: Path, key: _PrivateKey) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
