# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first part that differs is found, and where none does, the proofs count."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._project.python import (
    ProjectError,
    ProjectPython,
)
from ansible_collections.celeriac.django.plugins.module_utils._visit import visit

PARTS = {
    "packages": "celery_virtualenv",
    "checkout": "celery_project",
    "environment": "celery_environment",
    "migrations": "celery_migration",
    "workers": "celery_service",
    "schedule": "celery_periodic_task",
}
GIVEN: dict[str, Any] = {
    "databases": [],
    "prefork": [],
    "app": "shop",
    "schedule": [],
    "exclusive": False,
    "timezone": "",
}
PROOFS = [{"name": "settings loaded", "ok": True, "detail": "shop.settings"}]


class FakeProject:
    """Stands in for the project's Python: answers as it is told."""

    def __init__(self, differs: str = "", proofs: list[dict[str, Any]] | Exception | None = None) -> None:
        self.differs = differs
        self.proofs = PROOFS if proofs is None else proofs
        self.asked: list[list[str]] = []

    def run(self, _script: object, job: Mapping[str, Any], **_how: object) -> Any:
        """Answers, and notes what it was asked."""
        self.asked.append([part for part, _module, _given in job["questions"]])
        if isinstance(self.proofs, Exception):
            raise self.proofs
        return {"differs": self.differs, "proofs": [] if self.differs else self.proofs}


@pytest.fixture
def steps(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> list[visit.Step]:
    """All steps of a run; those on the host differ where they are given ``differs``."""

    def differs(given: Mapping[str, Any], _secrets: Mapping[str, Any]) -> bool:
        if given.get("raises"):
            raise PermissionError("somebody else's")
        return bool(given.get("differs"))

    monkeypatch.setattr(visit._steps, "ON_HOST", dict.fromkeys(visit._steps.ON_HOST, differs))
    monkeypatch.setattr(visit._proof, "_running_units", lambda *_given: {"u": ("default.0a", "celery")})
    monkeypatch.setattr(visit._proof.Systemd, "last_error", lambda *_given: "")
    alone = replace(deployment, code=replace(deployment.code, web=""))
    last = {
        "deployment": alone.as_data(),
        "hostname": "web1",
        "timeout": 1,
        "ignored_tasks": [],
        "checks": [],
        "fleet": {},
        "wanted": {},
    }
    found = [visit.Step(part, module, dict(GIVEN)) for part, module in PARTS.items()]
    return [*found, visit.Step("proof", "celery_proof", last)]


def look(steps: list[visit.Step], project: FakeProject) -> visit.Found:
    """Looks at the host of these steps."""

    def run(_self: ProjectPython, script: object, job: Mapping[str, Any], *_how: object) -> Any:
        return project.run(script, job)

    with mock.patch.object(ProjectPython, "run", run):
        return visit.look(steps, ProjectPython("python", "/srv/shop", "shop.settings", 0, 0), {}, False)


def test_a_run_that_changes_nothing_starts_the_project_once(steps: list[visit.Step]) -> None:
    project = FakeProject()
    assert look(steps, project) == visit.Found("", PROOFS)
    assert project.asked == [["migrations", "schedule"]]


@pytest.mark.parametrize("why", ["differs", "raises"])
@pytest.mark.parametrize("part", ["packages", "checkout", "environment"])
def test_what_differs_before_anything_of_the_project_starts_it_not(
    part: str, why: str, steps: list[visit.Step]
) -> None:
    next(step for step in steps if step.part == part).given[why] = True  # type: ignore[index]
    project = FakeProject()
    assert look(steps, project).differs == part
    assert project.asked == []


def test_what_comes_before_what_differs_and_was_not_asked_is_done(steps: list[visit.Step]) -> None:
    next(step for step in steps if step.part == "workers").given["differs"] = True  # type: ignore[index]
    assert look(steps, FakeProject()).differs == "migrations"


@pytest.mark.parametrize("part", ["migrations", "schedule"])
def test_what_differs_in_the_project_is_named(part: str, steps: list[visit.Step]) -> None:
    assert look(steps, FakeProject(part)) == visit.Found(part)


def test_a_proof_that_fails_is_made_again(steps: list[visit.Step]) -> None:
    failed = [{"name": "workers answer", "ok": False, "detail": "0 of 1"}]
    assert look(steps, FakeProject(proofs=failed)).differs == "proof"


def test_a_project_that_does_not_load_is_for_the_first_that_asks_it(steps: list[visit.Step]) -> None:
    assert look(steps, FakeProject(proofs=ProjectError("KeyError: 'SECRET_KEY'"))).differs == "migrations"
    without = [step for step in steps if step.part not in ("migrations", "schedule")]
    assert look(without, FakeProject(proofs=ProjectError("no"))).differs == "proof"


def test_a_module_that_nobody_can_ask_differs(steps: list[visit.Step]) -> None:
    unknown = visit.Step("packages", "ansible.builtin.user", {})
    assert look([unknown, *steps], FakeProject()).differs == "packages"


def test_an_earlier_part_wins(steps: list[visit.Step]) -> None:
    """Whatever else differs, the run begins at the first one, and nothing that differs is skipped."""
    on_host = [step for step in steps if step.module in visit._steps.ON_HOST]
    order = [step.part for step in steps]
    for chosen in itertools.chain.from_iterable(
        itertools.combinations(on_host, number) for number in range(1, len(on_host) + 1)
    ):
        for step in on_host:
            step.given["differs"] = step in chosen  # type: ignore[index]
        found = look(steps, FakeProject("schedule")).differs
        assert order.index(found) <= order.index(chosen[0].part)
