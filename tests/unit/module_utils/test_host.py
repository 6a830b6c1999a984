# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment needs to know about its host."""

from __future__ import annotations

import os
import pwd
import socket

from ansible_collections.celeriac.django.plugins.module_utils import _host


def test_the_host_as_it_is() -> None:
    found = _host.look()
    assert found.hostname == socket.gethostname()
    assert found.is_root == (os.geteuid() == 0)
    assert found.has_systemd == os.path.isdir("/run/systemd/system")


def test_accounts_and_their_groups() -> None:
    comments, groups = _host.accounts()
    root = pwd.getpwnam("root")
    assert comments["root"] == root.pw_gecos
    assert groups["root"] == "root"
    assert comments.keys() == groups.keys()


def test_only_servers_that_do_not_answer_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and listens to nobody
        port, silent = server.getsockname()[1], closed.getsockname()[1]
        found = _host.silent([["127.0.0.1", str(port)], ["127.0.0.1", str(silent)]])
    assert found == [f"127.0.0.1:{silent}: Connection refused"]


def test_a_name_that_is_none_is_told() -> None:
    (text,) = _host.silent([["no-such-host.invalid", "6379"]], timeout=1)
    assert text.startswith("no-such-host.invalid:6379: ")
