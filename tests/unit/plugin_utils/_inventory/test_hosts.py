# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups say who runs Celery, and who connects to the servers."""

from __future__ import annotations

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import hosts


@pytest.mark.parametrize(
    ("groups", "running", "clients"),
    [
        ({"all": ["one"]}, ["one"], ["one"]),
        ({"all": ["one", "mq"], "celery_broker": ["mq"]}, ["one"], ["one"]),
        (
            {"all": ["mq", "db", "a", "b"], "celery_broker": ["mq"], "celery_database": ["db"]},
            ["a", "b"],
            ["a", "b"],
        ),
        # Who serves and works does both.
        (
            {"all": ["a", "b"], "celery_broker": ["a"], "celery_worker": ["a", "b"], "celery_beat": ["a"]},
            ["a", "b"],
            ["a", "b"],
        ),
        # A host in none of the groups runs everything where it is in the play, and no server knows it.
        ({"all": ["web", "a"], "celery_worker": ["a"]}, ["web", "a"], ["a"]),
        ({"all": ["a", "b"], "celery_beat": ["b"], "celery_worker": ["a"]}, ["a", "b"], ["a", "b"]),
        ({}, [], []),
    ],
)
def test_hosts(groups: dict[str, list[str]], running: list[str], clients: list[str]) -> None:
    assert hosts.running(groups) == running
    assert hosts.clients(groups) == clients
