"""Keys that do not fit their algorithm: the server says so and does not start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from duetdb.app.service.identity.material import public_key
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from tests.identity.issuer import private_key, private_pem, public_pem

RSA, EC, ED = (public_pem(private_key(each)) for each in ("RS256", "ES256", "EdDSA"))
WEAK = public_pem(rsa.generate_private_key(65537, 1024))
OTHER_CURVE = public_pem(ec.generate_private_key(ec.SECP384R1()))
URL = "https://issuer.example/jwks.json"
JWK = '{"n": "' + "A" * 300 + '", "e": "AQAB", "kty": "RSA"}'


def load(**flags: object) -> Settings:
    return Settings.load(flags, {}, env_file=None)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"jwt_secret": "short"}, "jwt_secret is too short: HS256 takes 32 bytes or more."),
        ({"jwt_secret": "x" * 31}, "jwt_secret is too short"),
        ({"jwt_secret": "x" * 47, "jwt_algorithm": "HS384"}, "HS384 takes 48 bytes or more."),
        ({"jwt_secret": "x" * 63, "jwt_algorithm": "HS512"}, "HS512 takes 64 bytes or more."),
        ({"jwt_secret": RSA}, "jwt_secret is a key pair's key"),
        ({"jwt_secret": f"\n {RSA}"}, "jwt_secret is a key pair's key"),
        ({"jwt_secret": "ssh-rsa " + "A" * 100}, "jwt_secret is a key pair's key"),
        ({"jwt_secret": JWK}, "jwt_secret is a key pair's key"),
        ({"jwt_public_key": RSA}, "jwt_public_key does not go with jwt_algorithm HS256"),
        ({"jwt_jwks_url": URL}, "jwt_jwks_url does not go with jwt_algorithm HS256"),
        ({"jwt_algorithm": "RS256"}, "takes either jwt_public_key or jwt_jwks_url"),
        (
            {"jwt_algorithm": "RS256", "jwt_public_key": RSA, "jwt_jwks_url": URL},
            "takes either jwt_public_key or jwt_jwks_url",
        ),
        (
            {"jwt_algorithm": "RS256", "jwt_public_key": RSA, "jwt_secret": "x" * 32},
            "jwt_secret does not go with jwt_algorithm RS256",
        ),
        ({"jwt_algorithm": "RS256", "jwt_public_key": EC}, "is not a key for RS256"),
        ({"jwt_algorithm": "RS256", "jwt_public_key": ED}, "is not a key for RS256"),
        ({"jwt_algorithm": "RS256", "jwt_public_key": WEAK}, "RSA key of 2048 to 8192 bits"),
        ({"jwt_algorithm": "ES256", "jwt_public_key": RSA}, "is not a key for ES256"),
        ({"jwt_algorithm": "ES256", "jwt_public_key": OTHER_CURVE}, "key on the curve P-256"),
        ({"jwt_algorithm": "EdDSA", "jwt_public_key": EC}, "is not a key for EdDSA"),
        ({"jwt_algorithm": "ES256", "jwt_public_key": "/no/such/file"}, "neither PEM text nor"),
        (
            {"jwt_algorithm": "ES256", "jwt_public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n"},
            "jwt_public_key cannot be read",
        ),
        (
            {"jwt_algorithm": "ES256", "jwt_public_key": private_pem(private_key("ES256"))},
            "jwt_public_key is a private key",
        ),
        *(
            ({"jwt_algorithm": "ES256", "jwt_jwks_url": url}, "jwt_jwks_url")
            for url in (
                "http://issuer.example/jwks.json",
                "http://127.0.0.1.example/jwks.json",
                "ftp://127.0.0.1/jwks.json",
                "file:///etc/passwd",
                "https://name:password@issuer.example/",
                "https://",
                "https://[::1",
                "issuer.example",
            )
        ),
        ({"jwt_algorithm": "none"}, "--jwt-algorithm cannot be 'none'"),
        ({"registration": True}, "registration needs passwords"),
        ({"users_collection": "_keys"}, "users_collection must not begin with _"),
        ({"mail_link": "https://app.example/verify"}, "mail_link must hold {token}"),
    ],
    ids=lambda value: str(value)[:70],
)
def test_options_that_are_refused(flags: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    assert sentence in str(caught.value)
    for value in flags.values():
        assert len(str(value)) < 40 or str(value) not in str(caught.value)


@pytest.mark.parametrize(
    "flags",
    [
        {"jwt_secret": "x" * 32},
        {"jwt_secret": "é" * 16},
        {"jwt_secret": "x" * 64, "jwt_algorithm": "hs512"},
        {"jwt_algorithm": "RS256", "jwt_public_key": RSA},
        {"jwt_algorithm": "ES256", "jwt_public_key": EC.replace("\n", "\\n")},
        {"jwt_algorithm": "eddsa", "jwt_public_key": ED},
        {"jwt_algorithm": "ES256", "jwt_jwks_url": URL},
        {"jwt_algorithm": "ES256", "jwt_jwks_url": "http://[::1]:8080/jwks.json"},
        {"passwords": True, "registration": True},
    ],
    ids=lambda value: str(value)[:70],
)
def test_options_that_go_together(flags: dict[str, Any]) -> None:
    settings = load(**flags)
    again = Settings.load({}, settings.to_environment(), env_file=None)
    assert again.identity() == settings.identity()


def test_a_public_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "issuer.pem"
    file.write_text(EC)
    settings = load(jwt_algorithm="ES256", jwt_public_key=str(file))
    assert settings.shown("jwt_public_key") == str(file)


def test_a_certificate_is_as_good_as_its_key() -> None:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key, now = private_key("RS256"), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode()
    assert public_key(pem, "RS256") == key.public_key()


def test_secrets_are_not_shown() -> None:
    settings = load(jwt_secret="a-secret-that-nobody-else-should-see")
    assert settings.shown("jwt_secret") == "********"
    assert "nobody-else" not in repr(settings) + repr(settings.identity())
