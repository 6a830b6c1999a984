# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What celery_init documents is what its action takes, and what the roles take it takes too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.celeriac.django.plugins.action import celery_init as action
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.modules import celery_init as module
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import deployment, results
from ansible_collections.celeriac.django.plugins.plugin_utils._init import questions

ROLES = Path(__file__).parents[3] / "roles"


def options(role: str) -> dict[str, Any]:
    """Return the variables of a role, as its specs have them."""
    text = (ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
    specs: dict[str, Any] = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return specs


def test_the_documentation_is_that_of_the_action() -> None:
    """Sanity tests compare modules that run on hosts; this one has an action alone."""
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    facts = ("type", "default", "choices", "elements", "required")
    assert {
        name: {fact: option[fact] for fact in facts if fact in option} for name, option in documented.items()
    } == {
        name: {fact: option[fact] for fact in facts if fact in option}
        for name, option in action.ARGUMENTS.items()
    }


def test_the_role_offers_the_brokers_of_the_action() -> None:
    assert options("celery_init")["celery_init_broker"]["choices"] == action.ARGUMENTS["broker"]["choices"]


def test_every_server_of_the_role_is_one_of_the_brokers() -> None:
    assert set(questions.SERVERS) == set(options("celery_broker")["celery_broker_server"]["choices"])


@pytest.mark.parametrize(
    "backend", [*results.RESULT_BACKENDS, "cache+memcached://cache.example:11211/", "file:///srv/results"]
)
def test_every_result_backend_of_the_roles_is_taken(backend: str) -> None:
    found = {"celery_result_backend": backend, "celery_init_broker": "redis"}
    assert answers(found)["celery_result_backend"] == backend


@pytest.mark.parametrize("scheduler", [*deployment.SCHEDULERS, "shop.beat.Scheduler", "shop.beat:Scheduler"])
def test_every_scheduler_of_the_roles_is_taken(scheduler: str) -> None:
    assert answers({"celery_beat_scheduler": scheduler})["celery_beat_scheduler"] == scheduler


@pytest.mark.parametrize("broker", questions.SERVERS)
def test_every_server_is_taken(broker: str) -> None:
    assert answers({"celery_init_broker": broker})["celery_init_broker"] == broker


def answers(given: dict[str, Any]) -> dict[str, questions.Value]:
    """Return the answers for a plain project where these variables are set, and nobody is asked."""
    project = Project(
        path="/home/me/shop",
        base="/home/me/shop",
        package="shop",
        package_path="/home/me/shop/shop",
        settings="shop.settings",
        settings_file="/home/me/shop/shop/settings.py",
        settings_source="manage.py:8",
    )
    return questions.values_of(questions.settle(questions.Found(project, {}, given), None))
