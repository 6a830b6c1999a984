# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables tell is told before any host is touched, each thing once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.action import celery_first_look
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import first_look

HOSTS = ["app1", "app2"]
GROUPS = {"all": HOSTS, "celery_worker": HOSTS, "celery_broker": ["app1"], "celery_database": ["app1"]}
PASSWORDS = {
    "celery_broker_password": "long enough, of nobody",
    "celery_database_password": "long enough, of nobody",
}


def look(groups: dict[str, list[str]] | None = None, **variables: Any) -> first_look.Look:
    """Looks at two hosts with the same variables."""
    own = {**PASSWORDS, **variables}
    return first_look.look(dict.fromkeys(HOSTS, own), groups or GROUPS, celery_first_look.specs())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("celery_broker_password", "shop_production_your_key_here"),
        ("celery_broker_password", ""),
        ("celery_broker_password", None),
        ("celery_broker_password", "short"),
        ("celery_database_password", "changeme"),
        ("celery_broker_admin_password", "shop_production_your_key_here"),
        ("celery_broker_cookie", "shop_production_your_key_here"),
        ("celery_result_backend", "redis://:shop_production_your_key_here@redis.example:6379/1"),
    ],
)
def test_a_secret_that_is_none_is_an_error_that_names_it(variable: str, value: Any) -> None:
    errors = look(**{variable: value}).errors
    assert list(errors.values()) == [HOSTS]
    assert next(iter(errors)).startswith(f"{variable} ")
    assert not value or value not in str(errors)


def test_a_placeholder_for_the_settings_is_named_within_its_variable() -> None:
    errors = look(celery_secrets={"SECRET_KEY": "shop_production_your_key_here", "OTHER": "x"}).errors
    assert [text.split()[0] for text in errors] == ["celery_secrets.SECRET_KEY"]


def test_passwords_of_servers_that_nobody_sets_up_are_nobodys_business() -> None:
    groups = {"all": HOSTS}
    assert not look(groups, celery_broker_password="", celery_database_password=None).errors
    elsewhere = look(celery_broker_password="", celery_broker_url="redis://:of_nobody@redis.example:6379/0")
    assert not elsewhere.errors


def test_a_slip_is_named_with_the_nearest_variable() -> None:
    warnings = " ".join(
        look({"all": HOSTS}, celery_enviroment={}, celery_worker=[], celery_colour=1).warnings
    )
    assert "celery_enviroment is no variable" in warnings
    assert "Is celery_environment meant?" in warnings
    assert "Is celery_workers meant?" in warnings
    assert "celery_colour is no variable" in warnings
    assert not look({"all": HOSTS}, celery_init_hosts=[], celery_beat_schedule=[]).warnings


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, []),
        (
            dict.fromkeys(("celery_broker_address", "celery_database_address"), "app1.example"),
            ["celery_broker_address", "celery_database_address"],
        ),
        ({"celery_broker_address": "10.0.0.1", "celery_database_tls": True}, []),
        ({"celery_broker_address": "db.example", "celery_database_tls": "yes"}, ["celery_broker_address"]),
        ({"celery_broker_url": "redis://x", "celery_broker_address": "db.example"}, []),
    ],
)
def test_a_server_for_the_whole_network_in_the_clear_is_said(given: Any, warned: list[str]) -> None:
    found = look(**given).warnings
    assert [
        name for name in ("celery_broker_address", "celery_database_address") if name in str(found)
    ] == warned
    assert all(hosts == ["app1"] for hosts in found.values())


def test_a_server_for_its_own_host_is_not_open() -> None:
    alone = {"all": ["app1"], "celery_broker": ["app1"], "celery_worker": ["app1"]}
    assert not first_look.look({"app1": PASSWORDS}, alone, celery_first_look.specs()).warnings


def test_hosts_are_named_where_it_is_not_all_of_them() -> None:
    found = first_look.Look()
    assert found.told({"a.": HOSTS, "b.": ["app2"]}, HOSTS) == ["a.", "app2: b."]


def test_all_variables_of_the_roles_are_known() -> None:
    known = {name for options in celery_first_look.specs().values() for name in options}
    assert {"celery_project_path", "celery_broker_password", "celery_database_name"} <= known
    assert "celery_init_path" in known


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"celery_workers": [{"name": "default", "concurency": 2}]},
            "celery_workers: there is no key concurency; is concurrency meant?",
        ),
        (
            {"celery_workers": [{"name": "a", "colour": 1}]},
            "celery_workers: there is no key colour. There are",
        ),
        ({"celery_workers": [{"name": "a", "time_limit": "long"}]}, "celery_workers: "),
        ({"celery_delivery": "maybe"}, "celery_delivery: value of celery_delivery must be one of"),
        ({"celery_secrets": 3}, "celery_secrets has to be of the type dict."),
        ({"celery_broker_server": "carrot"}, "celery_broker_server: value of celery_broker_server must be"),
    ],
)
def test_a_slip_is_one_line(given: dict[str, Any], said: str) -> None:
    errors = list(look(**given).errors)
    assert len(errors) == 1
    assert errors[0].startswith(said)
    assert len(errors[0]) < 400


def test_a_value_that_is_secret_is_in_no_error() -> None:
    assert "of nobody" not in str(look(celery_secrets=["a secret of nobody"]).errors)


def test_what_an_inventory_has_as_text_is_taken() -> None:
    assert not look(celery_worker_self_check="yes", celery_beat_takeover="20", celery_workers=[]).errors
