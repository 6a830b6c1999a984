# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's files are compared with."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import servers


def file(text: str, **other: str) -> dict[str, str]:
    """Return what a look tells of a file."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"kind": "file", "owner": "root", "group": "root", "mode": "0644", "sha256": digest, **other}


WANTED: list[dict[str, Any]] = [
    {"path": "/etc/a.conf", "text": "ä = 1\n", "mode": "0644"},
    {"path": "/etc/a.d", "folder": True, "group": "redis", "mode": "0750"},
    {"path": "/etc/a.d/key.pem", "copy_of": "/root/key.pem", "group": "redis", "mode": "0640"},
    {"path": "/etc/env", "mode": "0644"},
    {"path": "/etc/gone", "absent": True},
]
FOUND = {
    "/etc/a.conf": file("ä = 1\n"),
    "/etc/a.d": file("", kind="folder", group="redis", mode="0750"),
    "/etc/a.d/key.pem": file("key", group="redis", mode="0640"),
    "/root/key.pem": file("key", mode="0600", kind="other"),
    "/etc/env": file("whatever"),
}


def test_nothing_differs() -> None:
    assert servers.differing(WANTED, FOUND) == []


@pytest.mark.parametrize(
    ("path", "now"),
    [
        ("/etc/a.conf", file("ä = 2\n")),
        ("/etc/a.conf", file("ä = 1\n", mode="0600")),
        ("/etc/a.conf", file("ä = 1\n", owner="nobody")),
        ("/etc/a.conf", file("ä = 1\n", kind="other")),
        ("/etc/a.d", file("", group="redis", mode="0750")),
        ("/etc/a.d/key.pem", file("another", group="redis", mode="0640")),
        ("/etc/env", file("", kind="folder")),
        ("/etc/gone", file("")),
    ],
)
def test_each_difference_is_told(path: str, now: dict[str, str]) -> None:
    assert servers.differing(WANTED, {**FOUND, path: now}) == [path]


@pytest.mark.parametrize("path", [one["path"] for one in WANTED if "absent" not in one])
def test_what_is_not_there_is_told(path: str) -> None:
    found = {there: told for there, told in FOUND.items() if there != path}
    assert servers.differing(WANTED, found) == [path]


def test_a_copy_of_nothing_differs() -> None:
    found = {there: told for there, told in FOUND.items() if there != "/root/key.pem"}
    assert servers.differing(WANTED, found) == ["/etc/a.d/key.pem"]
