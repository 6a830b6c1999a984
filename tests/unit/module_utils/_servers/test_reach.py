# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server listens on the addresses that its clients use."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._servers import reach

#: A network of this host's own, as a test sees it: name to addresses, and address to the way there.
NAMES = {
    "app1": ["10.0.0.7"],
    "app2": ["10.0.0.8", "fd00::8"],
    "far": ["198.51.100.9"],
    "self": ["127.0.1.1"],
    "near": ["fe80::9"],
}
WAYS = {
    "10.0.0.": "10.0.0.5",
    "fd00::": "fd00::5",
    "127.": "127.0.0.1",
    "fe80:": "fe80::5",
    "198.": "8.8.8.8",
}
#: What asks the kernel.
ASK = reach._way


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(name: str, *_rest: Any, **_more: Any) -> list[Any]:
        if name not in NAMES:
            raise socket.gaierror("Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in NAMES[name]]

    def way(address: str) -> str:
        return next((own for start, own in WAYS.items() if address.startswith(start)), "")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(reach, "_way", way)


def test_it_is_where_its_clients_are_and_nowhere_else() -> None:
    found = reach.look({"app1": ["app1"], "app2": ["app2", ""]})
    assert found.local == ["10.0.0.5", "fd00::5"]
    assert found.addresses == {"app1": ["10.0.0.7"], "app2": ["10.0.0.8", "fd00::8"]}
    assert not found.unknown
    assert not found.public


def test_another_name_stands_in_where_one_has_no_address() -> None:
    found = reach.look({"alias": ["alias", "app1"], "app2": ["app2", "far"]})
    # The way to app2 is by its name, though it is let in from its other address too.
    assert found.local == ["10.0.0.5", "fd00::5"]
    assert found.addresses["app2"] == ["10.0.0.8", "198.51.100.9", "fd00::8"]


def test_who_has_no_address_is_named() -> None:
    assert reach.look({"alias": ["alias"], "app1": ["app1"]}).unknown == ["alias"]


@pytest.mark.parametrize("name", ["self", "near"])
def test_what_leads_nowhere_else_is_no_address(name: str) -> None:
    found = reach.look({name: [name]})
    assert found == reach.Reach({name: []}, [], [])


def test_networks_count_too() -> None:
    assert reach.look({}, ["10.0.0.0/24", "fd00::8"]).local == ["10.0.0.5", "fd00::5"]


def test_the_kernel_tells_the_way() -> None:
    assert ASK("127.0.0.1") == "127.0.0.1"
    assert ASK("no address") == ""


def test_what_the_internet_can_reach_is_known() -> None:
    assert reach.look({"far": ["far"], "app1": ["app1"]}).public == ["8.8.8.8"]
