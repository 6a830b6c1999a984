# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers become an inventory that integrate.yml takes, without a secret in it."""

from __future__ import annotations

import os.path
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import broker, deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import read
from ansible_collections.celeriac.django.plugins.plugin_utils._init import inventory as _inventory
from ansible_collections.celeriac.django.plugins.plugin_utils._init import questions, report

PASSWORD = "s3cret"  # noqa: S105 - of nobody
PROJECT = Project(
    path="/home/me/shop",
    base="/home/me/shop",
    package="shop",
    package_path="/home/me/shop/shop",
    settings="shop.settings",
    settings_file="/home/me/shop/shop/settings.py",
    settings_source="manage.py:8",
    installed_apps=["django.contrib.admin", "catalog", "orders"],
    apps={"catalog": "/home/me/shop/catalog", "orders": "/home/me/shop/orders"},
    tasks={"orders.tasks.send": "orders/tasks.py:3"},
    database="sqlite3",
)


def find(
    versions: dict[str, str] | None = None, *, project: dict[str, Any] | None = None, **given: Any
) -> questions.Found:
    """Returns what is known: the plain project with these differences, and these variables."""
    return questions.Found(replace(PROJECT, **(project or {})), versions or {}, given)


def written(found: questions.Found) -> dict[str, Any]:
    """Returns the files as data, for the recommendations and the variables."""
    values = questions.values_of(questions.settle(found, None))
    return {name: yaml.safe_load(text) for name, text in _inventory.render(found, values).items()}


def test_this_machine() -> None:
    files = written(find())
    assert list(files) == [_inventory.INVENTORY, _inventory.SETTINGS]
    inventory = files[_inventory.INVENTORY]["all"]
    assert inventory["hosts"]["localhost"]["ansible_connection"] == "local"
    assert list(inventory["children"]) == ["celery_worker", "celery_beat"]
    assert files[_inventory.SETTINGS] == {
        "celery_project_path": "/home/me/shop",
        "celery_project_name": "shop",
        "celery_result_backend": "django-db",
        "celery_beat_scheduler": "database",
        "celery_workers": [{"name": "default"}],
        "celery_delivery": "at_most_once",
        "celery_service_manager": "auto",
    }


def test_several_hosts() -> None:
    files = written(find(celery_init_hosts=["app1", "10.0.0.2"], celery_project_sample_apps=["orders"]))
    children = files[_inventory.INVENTORY]["all"]["children"]
    assert {name: list(group["hosts"]) for name, group in children.items()} == {
        "celery_worker": ["app1", "10.0.0.2"],
        "celery_beat": ["app1"],
        "celery_broker": ["app1"],
        "celery_database": ["app1"],
    }
    settings = files[_inventory.SETTINGS]
    assert settings["celery_project_path"] == "/srv/shop"
    assert settings["celery_database_name"] == "shop"
    assert settings["celery_database_from_url"] is True
    assert settings["celery_broker_password"].strip("{} ") == "vault_celery_broker_password"
    assert settings["celery_project_name"] == "shop"
    assert settings["celery_service_manager"] == "systemd"
    assert settings["celery_project_sample_apps"] == ["orders"]
    assert files[_inventory.VAULT_EXAMPLE] == {
        "vault_celery_broker_password": "shop_production_your_key_here",
        "vault_celery_database_password": "shop_production_your_key_here",
    }


def test_a_rabbitmq() -> None:
    files = written(find(celery_init_hosts=["app1", "app2"], celery_init_broker="rabbitmq"))
    children = files[_inventory.INVENTORY]["all"]["children"]
    assert list(children["celery_broker"]["hosts"]) == ["app1"]
    settings = files[_inventory.SETTINGS]
    assert settings["celery_broker_server"] == "rabbitmq"
    assert settings["celery_project_name"] == "shop"
    assert settings["celery_broker_password"].strip("{} ") == "vault_celery_broker_password"
    assert not {"celery_broker_url", "celery_broker_key_prefix"} & set(settings)
    assert files[_inventory.VAULT_EXAMPLE] == {
        "vault_celery_broker_password": "shop_production_your_key_here",
        "vault_celery_database_password": "shop_production_your_key_here",
    }


def test_no_periodic_tasks() -> None:
    files = written(find(celery_init_periodic=False))
    assert list(files[_inventory.INVENTORY]["all"]["children"]) == ["celery_worker"]
    assert files[_inventory.SETTINGS]["celery_beat_scheduler"] == "file"


@pytest.mark.parametrize(
    ("project", "name"),
    [
        ({"package": "config", "path": "/srv/shop/current"}, "shop"),
        ({"package": "config", "path": "/srv/other", "recorded_name": "store"}, "store"),
    ],
)
def test_the_name_is_always_written(project: dict[str, Any], name: str) -> None:
    assert written(find(project=project))[_inventory.SETTINGS]["celery_project_name"] == name


def test_what_discovery_was_told_is_kept() -> None:
    given = {
        "celery_project_name": "store",
        "celery_project_package": "shop",
        "celery_project_settings": "shop.settings.live",
        "celery_project_integrate": "always",
    }
    settings = written(find(**given))[_inventory.SETTINGS]
    assert {name: settings[name] for name in given} == given


def test_a_name_that_comes_from_the_folder_is_kept() -> None:
    """On the hosts, the checkout may be in a folder of another name."""
    found = find(
        project={"package": "config", "path": "/home/me/blog"},
        celery_init_hosts=["web1"],
        celery_init_host_path="/srv/site1",
    )
    assert written(found)[_inventory.SETTINGS]["celery_project_name"] == "blog"


def test_secrets_of_the_settings_get_placeholders() -> None:
    environment = {
        "STRIPE_KEY": "shop/settings/base.py:9",
        "SECRET_KEY": "shop/settings/base.py:3",
        "CELERY_BROKER_URL": "shop/settings/base.py:5",
    }
    files = written(find(project={"environment": environment, "database": "url"}))
    assert files[_inventory.SETTINGS]["celery_secrets"] == {
        "SECRET_KEY": "{{ vault_secret_key }}",
        "STRIPE_KEY": "{{ vault_stripe_key }}",
    }
    assert files[_inventory.VAULT_EXAMPLE] == {
        "vault_secret_key": "shop_production_your_key_here",
        "vault_stripe_key": "shop_production_your_key_here",
    }


@pytest.mark.parametrize(
    ("variable", "url", "kept"),
    [
        ("celery_broker_url", f"redis://:{PASSWORD}@mq.example/0", False),
        ("celery_broker_url", f"amqp://shop:{PASSWORD}@mq.example//", False),
        ("celery_broker_url", "redis://mq.example:6379/0", True),
        ("celery_result_backend", f"db+postgresql+psycopg://shop:{PASSWORD}@db.example/r", False),
        ("celery_result_backend", f"db+postgresql+psycopg://db.example/r?password={PASSWORD}", False),
        ("celery_result_backend", "redis://results.example:6379/1", True),
    ],
)
def test_urls_with_passwords_are_the_vaults(variable: str, url: str, kept: bool) -> None:
    found = find(**{variable: url})
    answers = questions.settle(found, None)
    files = _inventory.render(found, questions.values_of(answers))
    everything = [
        *files.values(),
        *report.summary(answers, True),
        *report.summary(answers, False),
    ]
    assert PASSWORD not in str(everything)
    settings = yaml.safe_load(files[_inventory.SETTINGS])
    assert settings[variable] == (url if kept else f"{{{{ vault_{variable} }}}}")
    if not kept:
        placeholder = yaml.safe_load(files[_inventory.VAULT_EXAMPLE])[f"vault_{variable}"]
        assert placeholder.startswith(url.partition("://")[0] + "://")
        assert "shop_production_your_key_here" in placeholder


@pytest.mark.parametrize("backend", ["database", "none", "redis", "django-db"])
def test_what_is_written_is_what_integrate_takes(backend: str, options: dict[str, Any]) -> None:
    """The checks of integrate.yml accept the settings, once the vault is filled in."""
    found = find(celery_init_hosts=["app1", "app2"], celery_init_broker="url", celery_result_backend=backend)
    files = written(found)
    settings = files[_inventory.SETTINGS]
    vault = {f"{{{{ {name} }}}}": value for name, value in files[_inventory.VAULT_EXAMPLE].items()}
    given = {name.removeprefix("celery_"): vault.get(str(value), value) for name, value in settings.items()}
    children = files[_inventory.INVENTORY]["all"]["children"]
    groups = {name: list(group["hosts"]) for name, group in children.items()}
    deployment.check(read({**options, **given}), groups, ["app1", "app2"])
    assert broker.parse(given["broker_url"]).addresses == (("redis.example", 6379),)


@given(
    path=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).map("/srv/{}".format),
    hosts=st.lists(
        st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True), min_size=1
    ),
)
def test_any_path_and_host_come_back_from_the_files(path: str, hosts: list[str]) -> None:
    try:
        files = written(find(celery_init_hosts=hosts, celery_init_host_path=path))
    except questions.AnswerError:
        return
    if hosts != ["localhost"]:
        read = files[_inventory.SETTINGS]["celery_project_path"]
        assert read == os.path.normpath(path.strip())
    children = files[_inventory.INVENTORY]["all"]["children"]
    assert list(children["celery_worker"]["hosts"]) == list(dict.fromkeys(hosts))


def test_a_valkey_is_named_as_the_role_knows_it() -> None:
    files = written(find(celery_init_broker="valkey"))
    assert files[_inventory.SETTINGS]["celery_broker_server"] == "valkey"
    assert files[_inventory.INVENTORY]["all"]["children"]["celery_broker"]["hosts"] == {"localhost": None}


EXPRESSION = "x|default('') }}{{ lookup('pipe', 'id') }}{{ ''"


@pytest.mark.parametrize(
    "project",
    [
        {"environment": {EXPRESSION: "shop/settings.py:3"}},
        {"environment": {"A B": "shop/settings.py:3"}},
        {"environment": {"A\nB": "shop/settings.py:3"}},
        {"environment": {"KEY": "shop/a\n  B: 1.py:3"}},
        {"environment": {"KEY": "shop/a\u2028b.py:3"}},
        {"package": "shop{{ lookup('pipe', 'id') }}"},
    ],
)
def test_what_a_checkout_is_called_becomes_no_expression(project: dict[str, Any]) -> None:
    with pytest.raises(questions.AnswerError):
        written(find(project=project, celery_init_broker="redis"))


@pytest.mark.parametrize(
    "text", ["{{ a }}", "a{% b", "{# c", "a\nb", "a\rb", "a\x85b", "a\u2028b", "caf\udce9"]
)
def test_no_value_is_written_that_reads_as_another(text: str) -> None:
    with pytest.raises(questions.AnswerError):
        _inventory._scalar(text)


@given(st.text(st.characters(exclude_categories=())))
@example("yes")
@example("1e3")
@example("~")
@example("a: b # c")
def test_any_value_comes_back_or_is_refused(text: str) -> None:
    """By the reader that Ansible has, in which texts with marks would be expressions."""
    try:
        scalar = _inventory._scalar(text)
    except questions.AnswerError:
        return
    loaded = DataLoader().load(f"key: {scalar}\n")
    assert loaded == {"key": text}
    assert type(loaded["key"]).__name__ in ("str", "AnsibleUnicode", "_AnsibleTaggedStr")
    assert Templar(DataLoader()).template(loaded["key"]) == text


@given(st.text(st.characters(exclude_categories=())))
def test_any_place_stands_in_a_comment_or_is_refused(place: str) -> None:
    try:
        text = _inventory.one_line(place)
    except questions.AnswerError:
        return
    assert yaml.safe_load(f"key: 1  # {text}\n") == {"key": 1}


def test_a_database_that_is_there_already() -> None:
    files = written(find(celery_init_hosts=["app1"], celery_init_database="url"))
    assert "celery_database" not in files[_inventory.INVENTORY]["all"]["children"]
    settings = files[_inventory.SETTINGS]
    assert settings["celery_secrets"]["DATABASE_URL"].strip("{} ") == "vault_database_url"
    assert settings["celery_database_from_url"] is True
    assert "_your_key_here" in files[_inventory.VAULT_EXAMPLE]["vault_database_url"]


def test_settings_that_read_the_url_are_not_told_to() -> None:
    project = {
        "database": "url",
        "own_databases": "shop/settings.py:9",
        "environment": {"DATABASE_URL": "shop/settings.py:9"},
    }
    settings = written(find(project=project, celery_init_hosts=["app1"], celery_init_database="postgresql"))
    assert settings[_inventory.SETTINGS]["celery_database_name"] == "shop"
    assert "celery_database_from_url" not in settings[_inventory.SETTINGS]
    assert "celery_secrets" not in settings[_inventory.SETTINGS]


def test_a_file_is_for_one_host() -> None:
    with pytest.raises(questions.AnswerError, match="celery_init_database"):
        written(find(celery_init_hosts=["app1", "app2"], celery_init_database="sqlite"))
    assert "celery_database_name" not in written(find())[_inventory.SETTINGS]


def test_a_server_that_the_settings_name_is_not_asked_about() -> None:
    answers = questions.settle(find(project={"database": "postgresql"}, celery_init_hosts=["app1"]), None)
    assert "celery_init_database" not in questions.values_of(answers)


def test_a_question_mark_explains_and_asks_again() -> None:
    typed = iter(["?", "none"])
    told: list[str] = []

    def ask(text: str) -> str:
        told.append(text)
        return next(typed, "")

    hosts = {"celery_init_hosts": ["localhost"], "celery_init_broker": "embedded"}
    given = {**hosts, "celery_init_database": "sqlite", "celery_init_periodic": False}
    answers = questions.values_of(questions.settle(find(**given), ask))
    assert answers["celery_result_backend"] == "none"
    assert "Nothing is written before you agree" in told[1]
