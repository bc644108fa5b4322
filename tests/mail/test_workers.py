"""Mail with several workers, one of which is killed in the middle."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.mail.conftest import MAIL, SENDER, post
from tests.mail.smtp import mail_server
from tests.processes import HEADERS, ServerProcess, data_folder, serving

MAILS = 1000


def workers_of(server: ServerProcess) -> list[psutil.Process]:
    """The processes that answer requests, and deliver."""
    children = psutil.Process(server.pid).children(recursive=True)
    return [each for each in children if "spawn_main" in " ".join(each.cmdline())]


def test_a_killed_worker_loses_no_mail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mail_server() as box:
        flags = ["--workers", "2", "--smtp-url", f"smtp://127.0.0.1:{box.port}"]
        flags += ["--mail-from", SENDER, "--mail-lease-seconds", "6"]
        with (
            serving(*data_folder(tmp_path), *flags) as server,
            httpx.Client(base_url=server.url, headers=HEADERS, trust_env=False) as client,
        ):
            victim = workers_of(server)[0]
            began = time.monotonic()
            post(client, [{**MAIL, "to": f"a{number}@example.com"} for number in range(MAILS)])
            stored = time.monotonic() - began
            box.wait(MAILS // 4)
            victim.kill()
            at_kill = len(box.mails)
            wait_until_all_are_sent(client)
            took = time.monotonic() - began
    arrived = Counter(box.ids())
    twice = sum(count > 1 for count in arrived.values())
    to = {str(each["To"]) for each in box.mails}
    with capsys.disabled():
        print(
            f"\n{MAILS} mails stored in {stored:.2f} s, a worker killed after {at_kill}, all sent "
            f"after {took:.1f} s: {len(to)} arrived, {twice} of them twice with the same Message-ID"
        )
    assert at_kill < MAILS
    assert took < 30  # nothing that the worker had begun keeps the other one waiting
    assert to == {f"a{number}@example.com" for number in range(MAILS)}
    assert len(arrived) == MAILS  # whatever came twice, came under the same Message-ID
    assert twice <= 4  # what the worker had under way on its connections


def test_a_database_that_comes_back_notes_what_was_sent(tmp_path: Path) -> None:
    with mail_server() as box:
        box.delay = 1
        flags = ["--smtp-url", f"smtp://127.0.0.1:{box.port}", "--mail-from", SENDER]
        with (
            serving(*data_folder(tmp_path), *flags) as server,
            httpx.Client(base_url=server.url, headers=HEADERS, trust_env=False) as client,
        ):
            post(client, [{**MAIL, "to": f"a{number}@example.com"} for number in range(8)])
            box.wait(1)
            server.kill_mongod()
            wait_until_all_are_sent(client)
    assert sorted(str(each["To"]) for each in box.mails) == [
        f"a{number}@example.com" for number in range(8)
    ]


def test_a_server_that_is_asked_to_stop_finishes_its_mails(tmp_path: Path) -> None:
    with mail_server() as box:
        box.delay = 1.5
        arguments = [*data_folder(tmp_path), "--workers", "2", "--mail-from", SENDER]
        arguments += ["--smtp-url", f"smtp://127.0.0.1:{box.port}"]
        with serving(*arguments) as server:
            with httpx.Client(base_url=server.url, headers=HEADERS, trust_env=False) as client:
                post(client, [{**MAIL, "to": f"a{number}@example.com"} for number in range(20)])
            until = time.monotonic() + 10
            while not box.offered and time.monotonic() < until:
                time.sleep(0.01)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 8
        first = len(box.mails)
        assert 1 <= first < 20
        box.delay = 0
        with (
            serving(*arguments) as server,
            httpx.Client(base_url=server.url, headers=HEADERS, trust_env=False) as client,
        ):
            wait_until_all_are_sent(client)
    assert sorted(box.ids()) == sorted({*box.ids()})
    assert len(box.mails) == 20


def wait_until_all_are_sent(client: httpx.Client) -> None:
    """Returns when each copy says so; a request to the worker that dies is asked again."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            answer = client.get('/rest/email_outbound?q={"status":"queued"}&max=1')
        except httpx.TransportError:
            continue
        if answer.status_code == 200 and answer.json() == []:
            return
        time.sleep(0.2)
    raise AssertionError("Mails are still queued.")
