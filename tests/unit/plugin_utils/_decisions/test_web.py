# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web process that would lose tasks, or not come up again, is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import web

CONFIG = "/etc/shop-celery"
BOTH = [f"{CONFIG}/environment", f"{CONFIG}/secrets"]


def told(packages: Any = ("celery>=5.7",), **server: Any) -> list[str]:
    """Returns what is said of one unit."""
    known = {"unit": "shop.service", "files": BOTH, "has_broker": False, "venv": "", "has_celery": True}
    return web.warnings([{**known, **server}], CONFIG, packages)


@pytest.mark.parametrize(
    "server", [{}, {"files": [], "has_broker": True}, {"files": ["/etc/other", *reversed(BOTH)]}]
)
def test_one_that_has_all_is_not_mentioned(server: dict[str, Any]) -> None:
    assert told(**server) == []


@pytest.mark.parametrize("files", [[], BOTH[:1], BOTH[1:], ["/etc/other-celery/environment"]])
def test_one_without_the_environment_gets_the_very_lines(files: list[str]) -> None:
    (text,) = told(files=files)
    assert text.startswith("shop.service serves this checkout and has no CELERY_BROKER_URL")
    assert "systemctl edit shop.service" in text
    for file in BOTH:
        assert f"EnvironmentFile={file}" in text


def test_one_without_the_packages_is_told_before_it_fails() -> None:
    (text,) = told(has_celery=False, venv="/srv/shop/venv")
    assert "/srv/shop/venv, which has no Celery" in text
    assert "Install celery>=5.7 there first" in text
    assert told(has_celery=False, venv="/srv/shop/venv", packages=()) == []


def test_nobody_serves() -> None:
    assert web.warnings([], CONFIG, ["celery"]) == []


def test_where_no_unit_runs_the_workers_nothing_is_asked_of_others(deployment: Deployment) -> None:
    server = {"unit": "w.service", "files": [], "has_broker": False, "venv": "/v", "has_celery": False}
    assert len(web.lacks([server], deployment)) == 2
    by_hand = replace(deployment, run=replace(deployment.run, systemd=False))
    assert web.lacks([server], by_hand) == []
