# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project's own Celery app lacks is said with the place where it can be mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project
from ansible_collections.celeriac.django.plugins.module_utils._project import review

APP = App("shop.celery", "app", "shop/celery.py", place="shop/celery.py:9", configured="shop/celery.py:10")
PROJECT = Project(
    path="/srv/shop",
    base="/srv/shop",
    package="shop",
    package_path="/srv/shop/shop",
    settings="shop.settings",
    settings_file="/srv/shop/shop/settings.py",
    settings_source="manage.py:8",
    celery_app=APP,
    celery_settings={
        "CELERY_BROKER_URL": "shop/settings.py:40",
        "CELERY_BROKER_UR": "shop/settings.py:41",
    },
    tasks={"orders.tasks.send": "orders/tasks.py:5"},
)
FINE: dict[str, Any] = {
    "version": "5.7.0",
    "namespace": "CELERY",
    "broker": "redis://host:6379/0",
    "wanted_broker": "",
    "results": True,
    "late": False,
    "unknown": [],
    "immediate": [],
}


def lacks(delivery: str = "at_most_once", **answer: Any) -> list[str]:
    """Returns what is lacking for an app that differs from a good one."""
    return review.lacks(PROJECT, {**FINE, **answer}, delivery)


def test_a_good_app_lacks_nothing() -> None:
    assert lacks() == []
    assert lacks("at_least_once", late=True) == []
    assert lacks(wanted_broker=FINE["broker"]) == []
    assert lacks(version="5.10.1") == []


@pytest.mark.parametrize(
    ("answer", "place", "words"),
    [
        ({"version": "5.6.3"}, "Celery 5.6.3", "Raise the requirement"),
        ({"namespace": ""}, "shop/celery.py:10", 'namespace="CELERY"'),
        ({"results": False}, "shop/celery.py:9", "CELERY_RESULT_BACKEND"),
        ({"wanted_broker": "redis://other:6379/0"}, "shop/settings.py:40", "redis://other:6379/0"),
        ({"delivery": "at_least_once"}, "shop/celery.py:9", "CELERY_TASK_ACKS_LATE"),
        ({"unknown": ["CELERY_BROKER_UR"]}, "shop/settings.py:41", "CELERY_BROKER_UR,"),
        ({"unknown": ["CELERY_FROM_A_LIBRARY"]}, "shop.settings", "CELERY_FROM_A_LIBRARY"),
        ({"immediate": ["orders.tasks.send"]}, "orders/tasks.py:5", "DjangoTask"),
        ({"immediate": ["a.b", "orders.tasks.send"]}, "shop/celery.py:9", "a.b and 1 others"),
    ],
)
def test_each_lack_has_its_place_and_a_way_out(answer: dict[str, Any], place: str, words: str) -> None:
    (text,) = lacks(**answer)
    assert text.startswith(place)
    assert words in text


def test_before_delay_on_commit_the_requirement_is_what_to_raise() -> None:
    _old, text = lacks(version="5.3.6", immediate=["a.b", "orders.tasks.send"])
    assert "came with Celery 5.4: raise the requirement" in text
    assert "DjangoTask" not in text
    assert "DjangoTask" in lacks(version="5.4.0", immediate=["a.b"])[1]


def test_a_base_class_of_all_tasks_is_where_it_is_named() -> None:
    app = replace(APP, task_class="shop/celery.py:7")
    answer = {**FINE, "immediate": ["orders.tasks.send"]}
    (text,) = review.lacks(replace(PROJECT, celery_app=app), answer, "at_most_once")
    assert text.startswith("shop/celery.py:7: ")


# Queues of an app of the project's own


def test_a_default_queue_that_nobody_serves_is_told_with_its_line_and_the_task() -> None:
    project = replace(PROJECT, celery_settings={"CELERY_TASK_DEFAULT_QUEUE": "shop/settings.py:7"})
    text = review.unserved(project, {"orders.tasks.send": "jobs", "": "jobs"}, ["celery"])
    assert text.startswith(
        "No pool serves the queue jobs (the app's default queue, shop/settings.py:7), where "
        "orders.tasks.send (orders/tasks.py:5) go."
    )
    assert "[{name: default, queues: [celery, jobs]}]" in text


@pytest.mark.parametrize(
    ("queues", "served"),
    [
        ({"orders.tasks.send": "jobs", "": "jobs"}, ["jobs"]),
        ({"orders.tasks.send": "jobs", "": "celery"}, ["jobs"]),  # nothing goes to the default queue
        ({"orders.tasks.send": "jobs", "": "jobs"}, []),  # a host that runs no pool, of a fleet without
    ],
)
def test_queues_that_are_served_or_that_nothing_goes_to(queues: dict[str, str], served: list[str]) -> None:
    assert review.unserved(PROJECT, queues, served) == ""


def test_of_many_tasks_three_are_named() -> None:
    queues = {f"t{number}": "slow" for number in range(6)}
    text = review.unserved(PROJECT, {**queues, "": "celery"}, ["celery"])
    assert "No pool serves the queue slow, where t0, t1, t2 and 3 others go." in text


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"shop/settings.py": "CELERY_MAIL_QUEUE = 'x'\n"}, True),
        ({"shop/settings.py": "CELERY_MAIL_QUEUE: str = 'x'\nif X:\n    CELERY_MAIL_QUEUE = 'y'\n"}, True),
        ({"shop/settings.py": "CELERY_MAIL_QUEUE = 'x'\nROUTES = {'a': CELERY_MAIL_QUEUE}\n"}, False),
        ({"shop/settings.py": "CELERY_MAIL_QUEUE = 'x'\n", "a.py": "settings.CELERY_MAIL_QUEUE\n"}, False),
        (
            {"shop/settings.py": "CELERY_MAIL_QUEUE = 'x'\n", "a.py": "getattr(s, 'CELERY_MAIL_QUEUE')\n"},
            False,
        ),
    ],
)
def test_a_setting_that_the_project_reads_itself_is_no_slip(
    files: dict[str, str],
    told: bool,
    tmp_path: Path,
    write_tree: Callable[[Path, Mapping[str, str]], Path],
) -> None:
    write_tree(tmp_path, files)
    project = replace(PROJECT, base=str(tmp_path))
    assert review.unread(project.base, ["CELERY_MAIL_QUEUE"]) == (["CELERY_MAIL_QUEUE"] if told else [])
    # Of a package that sends mail by Celery.
    assert review.unread(project.base, ["CELERY_EMAIL_BACKEND"]) == []
