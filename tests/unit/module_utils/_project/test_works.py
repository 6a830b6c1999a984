# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that does not work with a change is told with Django's own message, and what to do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project import works
from ansible_collections.celeriac.django.plugins.module_utils._project.python import ProjectError


class FakeProject:
    """Stands in for ProjectPython: answers, or raises, what it was given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.base = "/nonexistent"
        self.roles: list[str] = []

    def run(self, _script: ModuleType, _job: Mapping[str, object], role: Sequence[str]) -> Any:
        """Answers a script."""
        self.roles.append(role[1])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_project_without_problems_passes() -> None:
    works.see(FakeProject({"problems": []}), {}, "It fails")  # type: ignore[arg-type]


class NeedsTables(FakeProject):
    """Reads its tables unless it is run by ``manage.py migrate``, and they are not there yet."""

    def run(self, script: ModuleType, job: Mapping[str, object], role: Sequence[str]) -> Any:
        """Answers a script."""
        answer = super().run(script, job, role)
        if role[1] != "migrate":
            raise ProjectError("apps.py:9: OperationalError: no such table", "OperationalError")
        return answer


def test_a_project_that_only_migrate_can_load_is_checked_by_that() -> None:
    project = NeedsTables({"problems": []})
    works.see(project, {}, "It fails")  # type: ignore[arg-type]
    assert project.roles == ["check", "migrate"]


def test_what_migrate_cannot_load_either_is_told_as_the_check_told_it() -> None:
    project = FakeProject(ProjectError("OperationalError: no server", "OperationalError"))
    with pytest.raises(works.WorksError, match="no server"):
        works.see(project, {}, "It fails")  # type: ignore[arg-type]
    assert project.roles == ["check", "migrate"]


def test_problems_are_told_together() -> None:
    problems = [{"text": "no broker"}, {"text": "no database"}]
    with pytest.raises(works.WorksError, match=r"^It fails: no broker; no database$"):
        works.see(FakeProject({"problems": problems}), {}, "It fails")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pooled", "prefork", "words"),
    [
        (["default", "logs"], ["fast"], "is in DATABASES['default'], DATABASES['logs']"),
        (["default"], [], ""),
        ([], ["fast"], ""),
    ],
)
def test_what_django_pools_is_not_for_forked_processes(
    pooled: list[str], prefork: list[str], words: str
) -> None:
    project = FakeProject({"problems": [], "pooled": pooled})
    with pytest.raises(works.WorksError, match=re.escape(words)) if words else contextlib.nullcontext():
        works.see(project, {"prefork": prefork}, "It fails")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("KeyError", "celery_environment"),
        ("ImproperlyConfigured", "celery_secrets"),
        ("ModuleNotFoundError", "celery_requirements"),
        ("ZeroDivisionError", None),
    ],
)
def test_an_error_of_the_project_comes_with_advice(error: str, advice: str | None) -> None:
    project = FakeProject(ProjectError(f"settings.py:3: {error}: text", error, "settings.py:3"))
    with pytest.raises(works.WorksError) as caught:
        works.see(project, {}, "It fails")  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"It fails: settings.py:3: {error}: text.")
    assert (advice or "") in str(caught.value)
    assert ("celery_" in str(caught.value)) == (advice is not None)


def test_a_driver_that_is_missing_is_no_fault_of_the_environment() -> None:
    text = "ImproperlyConfigured: Error loading MySQLdb module.\nDid you install mysqlclient?"
    project = FakeProject(ProjectError(text, "ImproperlyConfigured"))
    with pytest.raises(works.WorksError, match=r"mysqlclient\. If a package is missing, add it"):
        works.see(project, {}, "It fails")  # type: ignore[arg-type]
