# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers that an inventory of an earlier run stands for, to be offered again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from . import questions

#: What discovery was told, and has to be told again.
_OF_THE_PROJECT = (
    "celery_project_name",
    "celery_project_package",
    "celery_project_settings",
    "celery_project_integrate",
)
#: Variables that are answers themselves.
_ANSWERS = ("celery_result_backend", "celery_project_sample_apps")


class EarlierError(ValueError):
    """A file of an earlier run that is no longer one."""


class _Loader(yaml.SafeLoader):
    """Reads what Ansible reads, but no secret in it."""


def _hidden(_loader: yaml.SafeLoader, _tag: str, _node: yaml.Node) -> str:
    return "{{ hidden }}"


_Loader.add_multi_constructor("!", _hidden)


def read(inventory: str, settings: str) -> dict[str, Any]:
    """Return the answers by their variables, as far as the files tell them; and what discovery was told.

    Args:
        inventory: the text of inventory.yml; empty where there is none.
        settings: that of group_vars/all/celery.yml.

    Raises:
        EarlierError: a file is there, and cannot be read.
    """
    known, variables = _load("inventory.yml", inventory), _load("group_vars/all/celery.yml", settings)
    if not known or not variables:
        return {}
    groups = _groups(known)
    hosts = groups.get("celery_worker", [])
    found: dict[str, Any] = {
        name: variables[name]
        for name in (*_OF_THE_PROJECT, *_ANSWERS)
        if name in variables and not _is_computed(variables[name])
    }
    if hosts:
        found["celery_init_hosts"] = hosts
    if hosts != [questions.THIS_MACHINE]:
        found["celery_init_host_path"] = variables.get("celery_project_path")
    found["celery_init_broker"] = _broker(groups, variables)
    found["celery_init_database"] = _database(groups, variables)
    found["celery_init_periodic"] = bool(groups.get("celery_beat"))
    if found["celery_init_periodic"]:
        found["celery_beat_scheduler"] = variables.get("celery_beat_scheduler")
    found.setdefault("celery_project_sample_apps", [])
    return {name: value for name, value in found.items() if value is not None}


def _load(name: str, text: str) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise EarlierError(f"{name}{line} is no YAML that can be read here") from None
    return found if isinstance(found, dict) else {}


def _groups(inventory: Mapping[str, Any]) -> dict[str, list[str]]:
    children = (inventory.get("all") or {}).get("children") or {}
    return {
        str(name): [str(host) for host in (group or {}).get("hosts") or {}]
        for name, group in children.items()
    }


def _broker(groups: Mapping[str, list[str]], variables: Mapping[str, Any]) -> str:
    if groups.get("celery_broker"):
        return str(variables.get("celery_broker_server", "redis"))
    return "url" if variables.get("celery_broker_url") else "embedded"


def _database(groups: Mapping[str, list[str]], variables: Mapping[str, Any]) -> str:
    if groups.get("celery_database"):
        return "postgresql"
    return "url" if "DATABASE_URL" in (variables.get("celery_secrets") or {}) else "sqlite"


def _is_computed(value: Any) -> bool:
    """Tell whether a value is a variable of the vault: it is asked for anew."""
    return isinstance(value, str) and "{{" in value


def offered(question: questions.Question, earlier: Mapping[str, Any]) -> questions.Question:
    """Return a question that offers the answer of before, if it is still one."""
    value = earlier.get(question.variable)
    if value is None:
        return question
    try:
        return question.keeping(question.read(question, value))
    except questions.AnswerError:
        return question
