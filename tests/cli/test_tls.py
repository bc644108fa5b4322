"""``duetdb serve`` over HTTPS, with a certificate of the operator's or of its own."""

from __future__ import annotations

import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from duetdb.app.cli import _certificate
from duetdb.app.cli._certificate import self_signed
from tests.processes import HEADERS, ServerProcess, data_folder, free_port, launched, run_cli


@contextmanager
def trusting(server: ServerProcess, certificate: Path) -> Iterator[httpx.Client]:
    """A client that trusts this certificate and no other, once the server is ready."""
    until = time.monotonic() + 30
    while not (server.said and certificate.exists()):
        assert server.running() and time.monotonic() < until, server.logged
        time.sleep(0.05)
    with httpx.Client(
        base_url=f"https://127.0.0.1:{server.port}",
        verify=ssl.create_default_context(cafile=certificate),
        headers=HEADERS,
        trust_env=False,
        timeout=30,
    ) as client:
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        yield client


def test_a_certificate_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with launched("--memory", "--data", str(folder), "--tls-self-signed") as server:
        with trusting(server, folder / "tls-cert.pem") as client:
            answer = client.get("/rest/users")
            assert (answer.status_code, answer.json()) == (200, [])
            assert "strict-transport-security" not in answer.headers  # it holds for all ports
        assert f"  REST      https://127.0.0.1:{server.port}/rest\n" in server.said
        with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as stranger:
            stranger.get(f"https://127.0.0.1:{server.port}/rest/users")
        with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as plain:
            plain.get(f"http://127.0.0.1:{server.port}/rest/users")
    made = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert made == {"tls-cert.pem": 0o600, "tls-key.pem": 0o600}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_certificate_of_the_operator(tmp_path: Path, workers: str) -> None:
    certificate, key = self_signed(tmp_path / "made", "127.0.0.1")
    files = (f"--tls-cert={certificate}", f"--tls-key={key}")
    with (
        launched(*data_folder(tmp_path), *files, "--workers", workers) as server,
        trusting(server, certificate) as client,
    ):
        answer = client.get("/rest/users")
        assert (answer.status_code, answer.json()) == (200, [])
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_host_that_others_reach_takes_no_plain_http(tmp_path: Path) -> None:
    done = run_cli("serve", "--memory", "--host=0.0.0.0", f"--port={free_port()}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("duetdb: Listening on 0.0.0.0 takes HTTPS: ")
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    flags = ("--memory", "--tls-self-signed", f"--data={tmp_path}/file/data")
    done = run_cli("serve", *flags, f"--port={free_port()}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"duetdb: No certificate can be kept in {tmp_path}/file/data: Not a directory. "
        "Choose another folder with --data.\n"
    )


def names_of(certificate: Path) -> list[str]:
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each.value) for each in named]


def test_it_is_used_again_while_it_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    certificate, key = self_signed(folder, "127.0.0.1")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    first = certificate.read_bytes(), key.read_bytes()
    assert names_of(certificate) == ["localhost", "127.0.0.1", "::1"]
    self_signed(folder, "localhost")
    assert (certificate.read_bytes(), key.read_bytes()) == first
    self_signed(folder, "192.0.2.1")
    assert names_of(certificate) == ["localhost", "127.0.0.1", "::1", "192.0.2.1"]
    assert key.read_bytes() != first[1]


@pytest.mark.parametrize("damage", ["old", "no key", "another key", "no certificate", "junk"])
def test_it_is_made_anew_when_it_will_not_do(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        if damage == "old":
            patched.setattr(_certificate, "_VALID", timedelta(days=6))
        certificate, key = self_signed(tmp_path, "127.0.0.1")
    before = certificate.read_bytes()
    if damage == "no key":
        key.unlink()
    elif damage == "another key":
        _, other = self_signed(tmp_path / "other", "127.0.0.1")
        key.write_bytes(other.read_bytes())
    elif damage == "no certificate":
        certificate.unlink()
    elif damage == "junk":
        certificate.write_text("junk")
    self_signed(tmp_path, "127.0.0.1")
    assert certificate.read_bytes() != before
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert made.not_valid_after_utc - datetime.now(UTC) > timedelta(days=300)
    assert ip_address("127.0.0.1") in made.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.IPAddress)
