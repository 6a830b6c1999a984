# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory says is offered again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.plugin_utils._init import earlier, inventory, questions

PROJECT = Project(
    path="/home/me/shop",
    base="/home/me/shop",
    package="shop",
    package_path="/home/me/shop/shop",
    settings="shop.settings",
    settings_file="/home/me/shop/shop/settings.py",
    settings_source="manage.py:8",
    installed_apps=["django.contrib.admin", "orders"],
    apps={"orders": "/home/me/shop/orders", "catalog": "/home/me/shop/catalog"},
    database="sqlite3",
)


def written(found: questions.Found, values: questions.Values) -> dict[str, Any]:
    """Returns what the files of these answers stand for."""
    files = inventory.render(found, values)
    return earlier.read(files[inventory.INVENTORY], files[inventory.SETTINGS])


def answers(known: dict[str, Any], **variables: Any) -> dict[str, questions.Value]:
    """Returns the answers where Enter is all that is typed."""
    found = questions.Found(PROJECT, {}, variables)
    settled = questions.settle(found, lambda _text: "", lambda question: earlier.offered(question, known))
    return questions.values_of(settled)


@given(
    hosts=st.sampled_from([["localhost"], ["app1"], ["app1", "app2"]]),
    broker=st.sampled_from(["redis", "valkey", "rabbitmq", "url"]),
    database=st.sampled_from(["postgresql", "url"]),
    periodic=st.booleans(),
    scheduler=st.sampled_from(["database", "file", "redbeat", "shop.beat.Scheduler"]),
    results=st.sampled_from(["django-db", "none", "django-cache"]),
    apps=st.lists(st.sampled_from(["orders", "catalog"]), unique=True),
)
def test_enter_gives_the_answers_of_before(**chosen: Any) -> None:
    variables = {
        "celery_init_hosts": chosen["hosts"],
        "celery_init_host_path": "/opt/shop",
        "celery_init_broker": chosen["broker"],
        "celery_init_database": chosen["database"],
        "celery_init_periodic": chosen["periodic"],
        "celery_beat_scheduler": chosen["scheduler"],
        "celery_result_backend": chosen["results"],
        "celery_project_sample_apps": chosen["apps"],
    }
    found = questions.Found(PROJECT, {}, variables)
    before = questions.values_of(questions.settle(found, None))
    assert answers(written(found, before)) == before


def test_what_discovery_was_told_comes_back() -> None:
    told = {"celery_project_name": "store", "celery_project_settings": "shop.settings.live"}
    found = questions.Found(PROJECT, {}, told)
    known = written(found, questions.values_of(questions.settle(found, None)))
    assert {name: known[name] for name in told} == told


def test_a_url_of_the_vault_is_asked_for_anew() -> None:
    found = questions.Found(PROJECT, {}, {"celery_result_backend": "database"})
    known = written(found, questions.values_of(questions.settle(found, None)))
    assert "celery_result_backend" not in known


def test_an_answer_that_can_no_longer_be_gives_way() -> None:
    known = {"celery_init_hosts": ["app1", "app2"], "celery_project_sample_apps": ["gone"]}
    assert answers({**known, "celery_init_database": "sqlite"})["celery_init_database"] == "postgresql"
    assert answers(known)["celery_project_sample_apps"] == []


@pytest.mark.parametrize(
    ("settings", "found"), [("", {}), ("- a list", {}), ("celery_project_path: /srv/shop", {})]
)
def test_without_both_files_nothing_is_known(settings: str, found: dict[str, Any]) -> None:
    assert earlier.read("", settings) == found


def test_a_file_that_somebody_broke_is_named() -> None:
    with pytest.raises(earlier.EarlierError, match=r"celery\.yml, line 2"):
        earlier.read("all: {}", "a: 1\nb: : c\n")


def test_a_secret_within_is_not_read() -> None:
    text = "celery_result_backend: !vault |\n  $ANSIBLE_VAULT\ncelery_project_name: store\n"
    known = earlier.read("all: {children: {celery_worker: {hosts: {app1: }}}}", text)
    assert known["celery_project_name"] == "store"
    assert "celery_result_backend" not in known


# To and fro


def talk(*typed: str, **variables: Any) -> tuple[dict[str, questions.Value], list[str]]:
    """Returns the answers where these lines are typed, and what was shown."""
    lines, told = iter(typed), []

    def ask(text: str) -> str:
        told.append(text)
        return next(lines, "")

    settled = questions.settle(questions.Found(PROJECT, {}, variables), ask)
    return questions.values_of(settled), told


def test_one_can_go_back_and_what_was_said_is_offered() -> None:
    values, told = talk("app1", "/opt/shop", "url", "<", "<", "", "redis")
    assert values["celery_init_broker"] == "redis"
    assert values["celery_init_host_path"] == "/opt/shop"
    assert "Enter keeps url" in told[6]


def test_another_answer_can_change_the_questions() -> None:
    values, _told = talk("app1 app2", "/opt/shop", "<", "<", "localhost")
    assert "celery_init_host_path" not in values
    assert values["celery_init_broker"] == "embedded"


def test_before_the_first_question_there_is_none() -> None:
    values, told = talk("<", "app1")
    assert told[1].startswith("This is the first question.")
    assert values["celery_init_hosts"] == ["app1"]
    _values, told = talk("<", celery_init_hosts=["app1"], celery_init_host_path="/opt/shop")
    assert told[1].startswith("This is the first question.")


def test_from_the_end_the_last_question_is_asked_again() -> None:
    found = questions.Found(PROJECT, {}, {})
    before = questions.settle(found, lambda _text: "")
    told: list[str] = []

    def ask(text: str) -> str:
        told.append(text)
        return "orders"

    after = questions.settle(found, ask, before=before)
    assert len(told) == 1
    assert questions.values_of(after) == {
        **questions.values_of(before),
        "celery_project_sample_apps": ["orders"],
    }


def test_a_name_with_a_user_says_where_that_goes() -> None:
    found = questions.Found(replace(PROJECT), {}, {"celery_init_hosts": ["deploy@app1"]})
    with pytest.raises(questions.AnswerError, match="ansible_user"):
        questions.settle(found, None)
    values, _told = talk("APP1", "/opt/shop", "REDIS")
    assert values["celery_init_broker"] == "redis"
