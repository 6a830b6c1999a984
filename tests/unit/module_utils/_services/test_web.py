# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation of the site gets requests when it has answered, and not before."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._services import web
from ansible_collections.celeriac.django.plugins.module_utils._services.systemd import SystemdError

UNIT = "shop-web@1f0c9a2b.service"


class FakeSystemd:
    """systemd, as far as a generation that runs needs it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.state = "active"
        self.calls: list[str] = []
        self.takes = True

    def call(self, *arguments: str) -> str:
        """Runs systemctl."""
        self.calls.append(" ".join(arguments))
        if not self.takes:
            raise SystemdError("it is gone")
        (self.place / "serves").touch()
        return ""

    def states(self, patterns: Any) -> dict[str, str]:
        """Returns the one unit."""
        return dict.fromkeys(patterns, self.state)


class Answer(BaseHTTPRequestHandler):
    """A site that says what it is told to say."""

    status = 200
    asked: list[tuple[str, str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        """Answers."""
        self.asked.append((self.path, self.headers["Host"], self.headers.get("X-Forwarded-Proto", "")))
        self.send_response(self.status)
        self.end_headers()

    def address_string(self) -> str:
        """Returns who asks."""
        return "somebody"

    def log_message(self, *_arguments: Any) -> None:
        """Logs nothing."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of the generation."""
    folder = tmp_path / "run/1f0c9a2b"
    folder.mkdir(parents=True)
    told = {"host": "shop.example.com", "headers": {"X-Forwarded-Proto": "https"}}
    (folder / "ask").write_text(json.dumps(told))
    return folder


@pytest.fixture
def answer(place: Path) -> Iterator[type[Answer]]:
    """The generation, on its own socket."""
    kind = type("Mine", (Answer,), {"status": 200, "asked": []})
    with socketserver.ThreadingUnixStreamServer(str(place / "own.sock"), kind) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield kind
        server.shutdown()


def site(tmp_path: Path, health_path: str = "") -> web.Site:
    """Returns how the site is asked."""
    return web.Site(
        "shop-web.socket", "shop-web@.service", tmp_path / "proven", tmp_path / "run", health_path, 5
    )


@pytest.mark.parametrize("path", ["", "/health/"])
def test_it_is_asked_by_its_name_and_then_gets_requests(
    path: str, tmp_path: Path, place: Path, answer: Any
) -> None:
    there, systemd = site(tmp_path, path), FakeSystemd(place)
    assert not there.is_proven(UNIT)
    there.prove(UNIT, systemd)  # type: ignore[arg-type]
    assert answer.asked == [(path or "/", "shop.example.com", "https")]
    assert there.is_proven(UNIT)
    assert there.proven == UNIT
    assert systemd.calls == [f"kill --signal=HUP --kill-who=main {UNIT}"]


@pytest.mark.parametrize(
    ("path", "status", "well"),
    [
        ("", 200, True),
        ("", 302, True),
        ("", 404, True),
        ("", 500, False),
        ("", 503, False),
        ("/health/", 204, True),
        ("/health/", 302, True),
        ("/health/", 404, False),
        ("/health/", 400, False),
        ("/health/", 500, False),
    ],
)
def test_the_answer_decides(
    path: str, status: int, well: bool, tmp_path: Path, place: Path, answer: Any
) -> None:
    answer.status = status
    there, systemd = site(tmp_path, path), FakeSystemd(place)
    if well:
        there.prove(UNIT, systemd)  # type: ignore[arg-type]
    else:
        with pytest.raises(web.SiteError, match=f"answered GET {path or '/'} with {status}"):
            there.prove(UNIT, systemd)  # type: ignore[arg-type]
        assert systemd.calls == []
    assert there.is_proven(UNIT) == well


def test_one_that_nobody_listens_for_does_not_answer(tmp_path: Path, place: Path) -> None:
    with pytest.raises(web.SiteError, match="did not answer GET /"):
        site(tmp_path).prove(UNIT, FakeSystemd(place))  # type: ignore[arg-type]


def test_one_that_ends_meanwhile_is_not_waited_for(tmp_path: Path, place: Path) -> None:
    (place / "ask").unlink()
    systemd = FakeSystemd(place)
    systemd.state = "failed"
    with pytest.raises(web.SiteError, match="did not load: it is failed"):
        site(tmp_path).prove(UNIT, systemd)  # type: ignore[arg-type]


@pytest.mark.usefixtures("answer")
def test_what_takes_no_requests_is_not_proven(tmp_path: Path, place: Path) -> None:
    there, systemd = site(tmp_path), FakeSystemd(place)
    there.record.write_text("00000000\n")
    systemd.takes = False
    with pytest.raises(web.SiteError, match="it is gone"):
        there.prove(UNIT, systemd)  # type: ignore[arg-type]
    assert there.record.read_text() == "00000000\n"


@pytest.mark.usefixtures("answer")
def test_it_is_asked_where_it_listens(tmp_path: Path, place: Path) -> None:
    there = site(tmp_path)
    there.record.write_text("1f0c9a2b\n")
    assert there.ask_where_it_listens(str(place / "own.sock")) == 200


@given(text=st.text() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_what_the_site_says_is_not_believed(text: str) -> None:
    """What becomes a line of a request is a name, or is refused."""
    try:
        host, headers = web.how_to_ask(text)
    except web.SiteError:
        return
    assert not any(ord(sign) < 33 for sign in "".join([host, *headers, *headers.values()]))


@pytest.mark.parametrize(
    "told",
    [
        {"host": "a\r\nX: y", "headers": {}},
        {"host": "", "headers": {}},
        {"host": "a", "headers": {"X\n": "y"}},
        {"host": "a", "headers": {"X": "y\r\nZ: 1"}},
        {"host": "a", "headers": []},
        {"host": 1, "headers": {}},
        [],
    ],
)
def test_no_line_can_be_put_in(told: Any) -> None:
    if told == {"host": "a", "headers": []}:
        assert web.how_to_ask(json.dumps(told)) == ("a", {})
        return
    with pytest.raises(web.SiteError, match="cannot be used to ask the site"):
        web.how_to_ask(json.dumps(told))


def test_where_a_socket_listens() -> None:
    assert web.listens("[Socket]\nListenStream=/run/shop-web.sock\nBacklog=1\n") == "/run/shop-web.sock"
    assert web.listens("") == ""
