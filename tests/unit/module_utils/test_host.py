# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment needs to know about its host."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _host


def test_the_host_as_it_is() -> None:
    found = _host.look()
    assert found.hostname == socket.gethostname()
    assert found.is_root == (os.geteuid() == 0)
    assert found.has_systemd == os.path.isdir("/run/systemd/system")


def test_an_account_and_its_group() -> None:
    root = pwd.getpwnam("root")
    assert _host.accounts(["root", "no-such-user"]) == ({"root": root.pw_gecos}, {"root": "root"})


def test_an_account_that_a_directory_does_not_list_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = pwd.getpwnam("root")
    monkeypatch.setattr(pwd, "getpwall", list)
    monkeypatch.setattr(pwd, "getpwnam", lambda name: {"shop": listed}[name])
    assert list(_host.accounts(["shop", "store"])[0]) == ["shop"]


def test_only_servers_that_do_not_answer_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and listens to nobody
        port, silent = server.getsockname()[1], closed.getsockname()[1]
        found = _host.silent([["127.0.0.1", str(port)], ["127.0.0.1", str(silent)]])
    assert found == [f"127.0.0.1:{silent}: Connection refused"]


def test_a_name_that_is_none_is_told() -> None:
    (text,) = _host.silent([["no-such-host.invalid", "6379"]], timeout=1)
    assert text.startswith("no-such-host.invalid:6379: ")


@pytest.mark.parametrize(
    ("lines", "shared"),
    [
        ("30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n", True),
        ("30 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n", False),
        ("30 1 8:1 / / rw shared:1 - ext4 x rw\n31 30 0:5 / /run rw - tmpfs tmpfs rw\n", False),
        ("31 30 0:5 / /srv rw shared:2 - tmpfs tmpfs rw\n", False),
        ("", False),
    ],
)
def test_credentials_need_shared_mounts(lines: str, shared: bool, tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(lines)
    assert _host.shares_mounts(tmp_path / "mountinfo") == shared
    assert not _host.shares_mounts(tmp_path / "none")


@pytest.mark.parametrize(("answer", "version"), [("systemd 252 (252.39-1)\n+PAM", 252), ("what?", 0)])
def test_the_version_of_systemd(answer: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_host._command, "run", lambda *_command: SimpleNamespace(stdout=answer))
    assert _host.systemd_version() == version


def test_an_authority_is_a_file_with_a_certificate(tmp_path: Path) -> None:
    empty = tmp_path / "empty.crt"
    empty.write_text("no certificate")
    files = {"broker_ca": "", "database_ca": str(tmp_path / "none.crt")}
    assert _host.unread_authorities({"broker_ca": ""}) == []
    assert _host.unread_authorities(files) == [
        f"celery_database_ca: {tmp_path / 'none.crt'}: No such file or directory"
    ]
    (told,) = _host.unread_authorities({"broker_ca": str(empty)})
    assert told.startswith(f"celery_broker_ca: {empty}: ")
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    if os.path.exists(bundle):
        assert _host.unread_authorities({"broker_ca": bundle}) == []
