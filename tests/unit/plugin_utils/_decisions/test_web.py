# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web process that would lose tasks, or not come up again, is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import fleet, variables, web
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import DeploymentError

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


def test_units_of_a_run_are_not_told_about(deployment: Deployment) -> None:
    files = {"files": [], "has_broker": False, "venv": "/v", "has_celery": False}
    assert web.lacks([{"unit": f"{deployment.name}-web@1f0c9a2b.service", **files}], deployment) == []
    assert web.lacks([{"unit": f"{deployment.name}-web.service", **files}], deployment) != []


# How it is served


def decided(options: dict[str, Any], project: Project, processors: int = 2, **said: Any) -> Any:
    """Returns what is decided with these variables, named without their prefix."""
    given_ones = {f"web_{name}": value for name, value in said.items()}
    return web.decide(variables.read({**options, **given_ones}), project, "shop", processors)


WSGI = {"web": "shop.wsgi", "web_modules": ["shop.wsgi", "shop.asgi"], "installed_apps": ["shop"]}


@pytest.mark.parametrize(
    ("found_there", "interface", "application"),
    [
        ({}, "wsgi", "shop.wsgi:application"),
        ({"installed_apps": ["daphne", "shop"]}, "asgi", "shop.asgi:application"),
        ({"installed_apps": ["channels.apps.ChannelsConfig"]}, "asgi", "shop.asgi:application"),
        # Without the module, the app alone does not make it one.
        ({"installed_apps": ["channels"], "web_modules": ["shop.wsgi"]}, "wsgi", "shop.wsgi:application"),
        ({"web": "shop.asgi", "web_modules": ["shop.asgi"]}, "asgi", "shop.asgi:application"),
        # That of the settings that are used, not the first of its kind.
        (
            {
                "web": "live.wsgi",
                "web_modules": ["dev.wsgi", "dev.asgi", "live.wsgi", "live.asgi"],
                "installed_apps": ["channels"],
            },
            "asgi",
            "live.asgi:application",
        ),
        ({"web": "", "web_modules": []}, "wsgi", ""),
    ],
)
def test_how_it_is_served_is_found(
    found_there: dict[str, Any], interface: str, application: str, project: Project, options: dict[str, Any]
) -> None:
    site = decided(options, replace(project, **{**WSGI, **found_there}))
    assert (site.interface, site.application) == (interface, application)


def test_what_is_said_counts(project: Project, options: dict[str, Any]) -> None:
    known = replace(project, **WSGI)
    assert decided(options, known, application="shop.live_asgi:app").interface == "asgi"
    assert decided(options, known, application="shop.live_asgi:app").application == "shop.live_asgi:app"
    assert decided(options, known, interface="asgi").application == "shop.asgi:application"
    # A server for ASGI would load no wsgi.py.
    alone = replace(known, web_modules=["shop.wsgi"])
    assert decided(options, alone, interface="asgi").application == ""
    assert decided(options, known, listen="127.0.0.1:8000").listen == "127.0.0.1:8000"
    assert decided(options, known).listen == "/run/shop-web.sock"
    assert [decided(options, known, count).processes for count in (1, 4, 64)] == [2, 5, 8]
    assert [decided(options, known, interface=kind).threads for kind in ("wsgi", "asgi")] == [4, 1]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"listen": "run/shop.sock"}, "celery_web_listen"),
        ({"listen": "/run/shop web.sock"}, "celery_web_listen"),
        ({"listen": "/run/%i.sock"}, "celery_web_listen"),
        ({"listen": "example.com:8000"}, "celery_web_listen"),
        ({"application": "shop.wsgi"}, "celery_web_application"),
        ({"application": "shop.wsgi:application --reload"}, "celery_web_application"),
        ({"health_path": "health/"}, "celery_web_health_path"),
        ({"health_path": "/health check"}, "celery_web_health_path"),
        ({"processes": -1}, "celery_web_processes"),
        ({"timeout": 0}, "celery_web_timeout"),
        ({"arguments": ["--bind=x\ny"]}, "celery_web_arguments"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(
    said: dict[str, Any], message: str, project: Project, options: dict[str, Any]
) -> None:
    with pytest.raises(DeploymentError, match=message):
        decided(options, replace(project, **WSGI), **said)


@given(text=st.text())
def test_a_place_to_listen_is_one_line_of_a_unit(text: str) -> None:
    """What is accepted is one word without a specifier of systemd's."""
    if web._LISTEN.match(text):
        assert len(text.split()) == 1
        assert "%" not in text


def test_only_a_host_that_systemd_runs_serves(project: Project, options: dict[str, Any]) -> None:
    known = replace(project, **WSGI)
    web.check(decided(options, known), known, True)
    with pytest.raises(DeploymentError, match="only systemd serves"):
        web.check(decided(options, known), known, False)
    nothing = replace(project, web="", web_modules=[])
    with pytest.raises(DeploymentError, match="celery_web_application"):
        web.check(decided(options, nothing), nothing, True)


def test_who_serves() -> None:
    groups = {"celery_worker": ["w"], "celery_web": ["s"], "celery_broker": ["b"]}
    assert fleet.duties("w", groups) == ["worker"]
    assert fleet.duties("w", groups, web=True) == ["worker", "web"]
    assert fleet.duties("s", groups) == ["web"]
    assert fleet.duties("s", groups, web=True) == ["web"]
    assert fleet.duties("b", groups) == []
    assert fleet.duties("alone", groups) == ["worker", "beat"]
    assert fleet.duties("alone", groups, web=True) == ["worker", "beat", "web"]
