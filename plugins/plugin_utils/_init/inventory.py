# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory that init.yml writes: what the answers mean for the templates in templates/inventory/."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._discovery.files import readable_name

from .._decisions.broker import extra_of
from .._rendering import env_example
from .._rendering import templates as _render
from . import questions

#: The files, relative to the folder of the inventory.
INVENTORY = "inventory.yml"
SETTINGS = "group_vars/all/celery.yml"
VAULT = "group_vars/all/vault.yml"
VAULT_EXAMPLE = f"{VAULT}.example"

#: How Ansible runs in the folder of the inventory.
CONFIGURATION = """\
# Ansible's settings for runs from this folder. Made by celeriac.django.init, and yours from here on.
[defaults]
interpreter_python = auto_silent
# A run as its steps and its proofs, in few lines; without this line, each task as Ansible shows it.
stdout_callback = celeriac.django.report

[connection]
# Half the time. It needs a sudo without requiretty on the hosts, as it is by default.
pipelining = true
"""

_SERVER_NAMES = {"redis": "Redis", "valkey": "Valkey", "rabbitmq": "RabbitMQ"}
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z/][\w./+-]*\Z", re.IGNORECASE)


def render(found: questions.Found, values: questions.Values) -> dict[str, str]:
    """Return the files, by path relative to the folder of the inventory.

    Raises:
        AnswerError: something that was found or answered cannot be in an inventory.
    """
    settings = _settings(found, values)
    placeholders = _placeholders(found, values)
    names = [INVENTORY, SETTINGS]
    if any(not entry["optional"] for entry in placeholders):
        names.append(VAULT_EXAMPLE)
    data = {**settings, "placeholders": placeholders}
    templates = _render.Templates("inventory")
    return {name: templates.render(name, data) for name in names}


def _settings(found: questions.Found, values: questions.Values) -> dict[str, Any]:
    """Return what inventory and settings are made of; what comes from an answer or the project, as YAML."""
    remote = values["celery_init_hosts"] != [questions.THIS_MACHINE]
    path = str(values["celery_init_host_path"] if remote else found.project.path)
    return {
        "name": _scalar(found.name),
        "own_app": one_line(found.own_app),
        "remote": remote,
        "hosts": [_scalar(host) for host in questions.names_in(values, "celery_init_hosts")],
        "path": _scalar(questions.checked_path("celery_project_path", path)),
        "given": _given(found),
        "broker": values.get("celery_init_broker", ""),
        #: Empty where the vault has it; so is the result backend.
        "broker_url": "" if _broker_is_secret(found) else _scalar(found.given["celery_broker_url"]),
        "result_backend": "" if _results_are_secret(values) else _scalar(_result_backend(values)),
        "periodic": values["celery_init_periodic"],
        "scheduler": _scalar(str(values.get("celery_beat_scheduler", ""))),
        "sample_apps": [_scalar(app) for app in questions.names_in(values, "celery_project_sample_apps")],
        "secrets": {_variable(name): one_line(place) for name, place in _secrets(found, values).items()},
        "database": values.get("celery_init_database", ""),
        "from_url": found.project.database != "url",
        "optional_secrets": _optional_secrets(found, values),
    }


def _variable(name: str) -> str:
    """Return the name of a variable of the environment, which gets into an expression.

    Raises:
        AnswerError: it is none.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise questions.AnswerError(f"{name!r} is no name of a variable of the environment.")
    return name


def _given(found: questions.Found) -> dict[str, str]:
    """Return what discovery was told, and has to be told again."""
    names = ("package", "settings", "integrate")
    given = {f"celery_project_{name}": found.given.get(f"celery_project_{name}") for name in names}
    return {name: _scalar(value) for name, value in given.items() if value}


def _broker_is_secret(found: questions.Found) -> bool:
    """Tell whether the broker's URL is the vault's; one that is to be filled in is."""
    url = found.given.get("celery_broker_url") or ""
    return not url or questions.may_hold_password(url)


def _result_backend(values: questions.Values) -> str:
    return str(values.get("celery_result_backend", ""))


def _results_are_secret(values: questions.Values) -> bool:
    """Tell whether the URL of the result backend is the vault's; one that is to be filled in is."""
    backend = _result_backend(values)
    return backend == "database" or questions.may_hold_password(backend)


def _secrets(found: questions.Found, values: questions.Values) -> dict[str, str]:
    """Return what the vault has for the settings: not the URL of a database that is set up here."""
    database, known = values.get("celery_init_database"), found.secrets
    if database == "url":
        return {"DATABASE_URL": "where the database is", **known}
    return {
        name: place for name, place in known.items() if (name, database) != ("DATABASE_URL", "postgresql")
    }


def _optional_secrets(found: questions.Found, values: questions.Values) -> list[str]:
    """Return what the settings can take from the environment, and do without."""
    named = found.project.database == "url" and "DATABASE_URL" not in _secrets(found, values)
    return ["DATABASE_URL"] if named and values.get("celery_init_database") != "postgresql" else []


def _placeholders(found: questions.Found, values: questions.Values) -> list[dict[str, Any]]:
    """Return the variables of the vault: each with a placeholder, and how to get the value."""
    key = f"{found.name}_production_your_key_here"
    entries = []
    broker = values.get("celery_init_broker")
    if broker in questions.SERVERS:
        comment = f"The password that {_SERVER_NAMES[str(broker)]} gets: openssl rand -hex 32"
        entries.append(_entry("celery_broker_password", key, comment))
    if broker == "url" and _broker_is_secret(found):
        comment = "Where tasks wait: the URL of a Redis or RabbitMQ, from whoever runs it."
        entries.append(_entry("celery_broker_url", _broker_placeholder(found, values, key), comment))
    if values.get("celery_init_database") == "postgresql":
        comment = "The password that PostgreSQL gets: openssl rand -hex 32"
        entries.append(_entry("celery_database_password", key, comment))
    if _results_are_secret(values):
        comment = "Where results go: the URL of a server, from whoever runs it."
        url = _results_placeholder(found, _result_backend(values), key)
        entries.append(_entry("celery_result_backend", url, comment))
    optional = _optional_secrets(found, values)
    names = [*_secrets(found, values), *optional]
    return entries + [
        _entry(example["name"], example["value"], example["comment"], example["name"] in optional)
        for example in env_example.lines(found.name, names)
        if example["name"] in names
    ]


def _entry(variable: str, value: str, comment: str, optional: bool = False) -> dict[str, Any]:
    return {
        "name": f"vault_{variable.lower()}",
        "value": json.dumps(value),
        "comment": comment,
        "optional": optional,
    }


def _broker_placeholder(found: questions.Found, values: questions.Values, key: str) -> str:
    broker = found.broker
    if not broker or not broker.addresses:
        host = "localhost" if values["celery_init_hosts"] == [questions.THIS_MACHINE] else "redis.example"
        return f"redis://:{key}@{host}:6379/0"
    host, port = broker.addresses[0]
    if broker.extra == "redis":
        return f"{broker.transport}://:{key}@{host}:{port}/0"
    return f"{broker.transport}://{found.name}:{key}@{host}:{port}/{found.name}"


def _results_placeholder(found: questions.Found, backend: str, key: str) -> str:
    scheme = "db+postgresql+psycopg" if backend == "database" else backend.partition("://")[0]
    if extra_of(scheme) == "redis":
        return f"{scheme}://:{key}@localhost:6379/1"
    return f"{scheme}://{found.name}:{key}@localhost/{found.name}"


def _scalar(text: str) -> str:
    """Return a text as YAML.

    Raises:
        AnswerError: Ansible would read something else than the text.
    """
    one_line(text)
    if any(mark in text for mark in ("{{", "{%", "{#")):
        raise questions.AnswerError(
            f"{text!r} would be an expression for Ansible, which the next run would evaluate. Rename it."
        )
    return text if _PLAIN.match(text) else json.dumps(text, ensure_ascii=False)


def one_line(text: str) -> str:
    """Return a text that can stand in a comment.

    Raises:
        AnswerError: it would end the comment, or is no text.
    """
    if not readable_name(text):
        raise questions.AnswerError(
            f"{text!r} has a line break or another control character in it, or bytes that are no UTF-8. "
            "It cannot be written into an inventory: rename it."
        )
    return text
