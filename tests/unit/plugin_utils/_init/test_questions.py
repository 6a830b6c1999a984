# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions have a recommendation that fits what was found, and an answer that cannot be is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project
from ansible_collections.celeriac.django.plugins.plugin_utils._init import questions

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
)
OWN_APP = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")


def find(
    versions: dict[str, str] | None = None, *, project: dict[str, Any] | None = None, **given: Any
) -> questions.Found:
    """Returns what is known: the plain project with these differences, and these variables."""
    return questions.Found(replace(PROJECT, **(project or {})), versions or {}, given)


def settle(found: questions.Found, *typed: str) -> dict[str, questions.Value]:
    """Returns the answers where these lines are typed; the rest is Enter."""
    lines: Iterator[str] = iter(typed)
    return questions.values_of(questions.settle(found, lambda _text: next(lines, "")))


# What is recommended


def test_a_plain_project_is_tried_on_this_machine() -> None:
    assert settle(find()) == {
        "celery_init_hosts": ["localhost"],
        "celery_init_broker": "embedded",
        "celery_init_database": "sqlite",
        "celery_init_periodic": True,
        "celery_beat_scheduler": "database",
        "celery_result_backend": "django-db",
        "celery_project_sample_apps": [],
    }


def test_other_hosts_get_a_redis() -> None:
    values = settle(find(celery_init_hosts=["web1"]))
    assert (values["celery_init_broker"], values["celery_init_host_path"]) == ("redis", "/srv/shop")


@pytest.mark.parametrize(
    ("project", "versions", "why"),
    [
        ({"installed_apps": ["django.contrib.admindocs", "orders"]}, {}, "no admin"),
        ({}, {"django": "6.1.3"}, "Django 6.1.3"),
        ({}, {"django": "10.0"}, "Django 10.0"),
    ],
)
def test_schedules_stay_in_the_code(project: dict[str, Any], versions: dict[str, str], why: str) -> None:
    answers = questions.settle(find(versions, project=project), None)
    (answer,) = (answer for answer in answers if answer.question.variable == "celery_beat_scheduler")
    assert answer.value == "file"
    assert why in answer.question.reason


def test_an_older_django_keeps_its_schedules_in_the_database() -> None:
    assert settle(find({"django": "5.2.19"}))["celery_beat_scheduler"] == "database"


def test_every_recommendation_is_an_answer() -> None:
    for hosts in (["localhost"], ["web1"], ["web1", "web2"]):
        for answer in questions.settle(find(celery_init_hosts=hosts), None):
            question = answer.question
            assert question.reason
            assert question.read(question, questions.shown(question.recommended)) == question.recommended


# What is asked


def test_what_is_set_is_not_asked() -> None:
    texts: list[str] = []

    def ask(text: str) -> str:
        texts.append(text)
        return ""

    answers = questions.settle(find(celery_result_backend="none", celery_init_periodic=False), ask)
    sources = {answer.question.variable: answer.source for answer in answers}
    assert sources["celery_result_backend"] == sources["celery_init_periodic"] == "given"
    assert sources["celery_init_hosts"] == "recommended"
    assert not any("celery_result_backend" in text or "celery_init_periodic" in text for text in texts)


def test_a_prompt_has_the_choices_and_the_reason() -> None:
    texts: list[str] = []
    questions.settle(find(), lambda text: texts.append(text) or "")  # type: ignore[func-returns-value]
    (text,) = (text for text in texts if "celery_result_backend" in text)
    assert "database   another database" in text
    assert "Recommended: django-db." in text
    assert max(len(line) for line in text.splitlines()) <= 110


def test_a_wrong_answer_is_asked_again() -> None:
    texts: list[str] = []
    lines = iter(["", "carrot", "url"])

    def ask(text: str) -> str:
        texts.append(text)
        return next(lines, "")

    values = questions.values_of(questions.settle(find(), ask))
    assert values["celery_init_broker"] == "url"
    assert "'carrot'" in texts[2]
    assert "embedded, url, redis" in texts[2]


def test_nobody_is_asked_twice_where_there_is_no_terminal() -> None:
    count = 0

    def ask(_text: str) -> str:
        nonlocal count
        count += 1
        raise questions.NoTerminalError

    answers = questions.settle(find(), ask)
    assert count == 1
    assert {answer.source for answer in answers} == {"recommended"}


def test_without_periodic_tasks_no_scheduler_is_asked_for() -> None:
    found = find(celery_init_periodic=False, celery_beat_scheduler="database")
    answers = questions.settle(found, None)
    assert "celery_beat_scheduler" not in questions.values_of(answers)
    assert questions.unused(found, answers) == ["celery_beat_scheduler"]


def test_a_project_with_its_own_app_is_asked_little() -> None:
    own = {"celery_app": OWN_APP}
    assert list(settle(find(project=own))) == ["celery_init_hosts", "celery_init_periodic"]
    # Several hosts need a broker that integrate.yml knows.
    hosts = settle(find(project=own, celery_init_hosts=["a1", "a2"]))
    assert hosts["celery_init_broker"] == "redis"
    # With ours beside it, everything is to be chosen again.
    assert "celery_result_backend" in settle(find(project=own, celery_project_integrate="always"))
    assert "celery_result_backend" in settle(find(project={**own, "integrated": True}))


def test_our_own_app_gets_no_samples() -> None:
    apps = {"shop.celery_ops": "/home/me/shop/shop/celery_ops"}
    assert "celery_project_sample_apps" not in settle(find(project={"apps": apps}))


# How answers are read


@pytest.mark.parametrize(
    ("variable", "typed", "value"),
    [
        ("celery_init_hosts", "app1.example, app2.example app1.example", ["app1.example", "app2.example"]),
        ("celery_init_hosts", ["10.0.0.1"], ["10.0.0.1"]),
        ("celery_init_periodic", "No", False),
        ("celery_init_periodic", True, True),
        ("celery_beat_scheduler", "redbeat", "redbeat"),
        ("celery_beat_scheduler", "shop.beat:Scheduler", "shop.beat:Scheduler"),
        ("celery_result_backend", "redis://results.example/1", "redis://results.example/1"),
        ("celery_project_sample_apps", "orders,catalog", ["catalog", "orders"]),
        ("celery_project_sample_apps", "none", []),
        ("celery_project_sample_apps", [], []),
    ],
)
def test_answers(variable: str, typed: Any, value: questions.Value) -> None:
    assert settle(find(**{variable: typed}))[variable] == value


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"celery_init_hosts": []}, "empty"),
        ({"celery_init_hosts": ["web1:22"]}, "cannot name a host"),
        ({"celery_init_hosts": ["-oProxyCommand=x"]}, "cannot name a host"),
        ({"celery_init_hosts": ["all"]}, "cannot name a host"),
        ({"celery_init_hosts": ["localhost", "web1"]}, "stands alone"),
        ({"celery_init_hosts": ["web1"], "celery_init_host_path": "shop"}, "absolute"),
        ({"celery_init_hosts": ["web1"], "celery_init_host_path": "/srv/{{ x }}"}, "expression"),
        (
            {"celery_init_hosts": ["a1", "a2"], "celery_init_broker": "embedded"},
            "Allowed: redis, valkey, rabbitmq, url",
        ),
        ({"celery_broker_url": "redis://mq.example", "celery_init_broker": "redis"}, "Allowed: url"),
        ({"celery_broker_url": "carrot://x"}, "not supported"),
        ({"celery_init_periodic": "maybe"}, "neither yes nor no"),
        ({"celery_beat_scheduler": "cron tab"}, "database, file, redbeat"),
        ({"celery_result_backend": "postgres"}, "django-db"),
        ({"celery_result_backend": "redis"}, "django-db, database, none, django-cache, a URL"),
        ({"celery_result_backend": "redis", "celery_broker_url": "amqp://mq.example"}, "Allowed: django-db"),
        (
            {"celery_result_backend": "redis", "celery_init_broker": "rabbitmq"},
            "Allowed: django-db, database",
        ),
        ({"celery_project_sample_apps": ["order"]}, "catalog, orders, none"),
    ],
)
def test_what_cannot_be_names_what_is_allowed(variables: dict[str, Any], why: str) -> None:
    with pytest.raises(questions.AnswerError, match=why) as caught:
        questions.settle(find(**variables), None)
    assert any(name in str(caught.value) for name in variables)


def test_an_error_tells_no_password() -> None:
    url = f"REDIS://:{PASSWORD}@x"
    with pytest.raises(questions.AnswerError) as caught:
        questions.settle(find(celery_result_backend=url), None)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "otherwise", "agreed"),
    [("", True, True), ("", False, False), ("Y", False, True), ("no", True, False), ("perhaps", True, None)],
)
def test_consent(typed: str, otherwise: bool, agreed: bool | None) -> None:
    assert questions.agrees(typed, otherwise) is agreed
