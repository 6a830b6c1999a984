# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project's lines do to a deployment is refused or told, unless a variable settles it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Finding, Project
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import findings
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import Variables, read

PROJECT = Project(
    "/srv/shop", "/srv/shop", "shop", "/srv/shop/shop", "shop.settings", "settings.py", "wsgi.py:3"
)


@pytest.fixture
def variables(options: dict[str, Any]) -> Variables:
    """What the inventory says where it says nothing."""
    return read(options)


def of(**finding: Any) -> Project:
    """Returns a project with one finding."""
    plain: dict[str, Any] = {"text": "x.py:1: no", "refuses": True}
    return replace(PROJECT, findings=[Finding(**{**plain, **finding})])


def test_what_makes_the_proof_void_is_refused_with_its_text(
    variables: Variables, deployment: Deployment
) -> None:
    with pytest.raises(findings.FindingError, match=r"x\.py:1: no Nothing was changed"):
        findings.check(variables, of(), deployment)
    assert findings.warnings(variables, of(), deployment) == []


def test_what_works_all_the_same_is_told(variables: Variables, deployment: Deployment) -> None:
    findings.check(variables, of(refuses=False), deployment)
    assert findings.warnings(variables, of(refuses=False), deployment) == ["x.py:1: no"]


@pytest.mark.parametrize(
    ("finding", "differs", "integrate"),
    [
        ({"variable": "EAGER"}, {"environment": {"EAGER": "false"}}, True),
        ({"variable": "EAGER"}, {"secret_names": ["EAGER"]}, True),
        ({"variable": "+EAGER"}, {}, True),
        ({"option": "project_app"}, {"project_app": "shop.celery:app"}, True),
        ({"concerns": "own app"}, {}, True),
        ({"concerns": "integration"}, {}, False),
    ],
)
def test_what_is_settled_is_not_told(
    finding: dict[str, Any],
    differs: dict[str, Any],
    integrate: bool,
    variables: Variables,
    deployment: Deployment,
) -> None:
    given = replace(variables, **differs)
    decided = replace(deployment, code=replace(deployment.code, integrate=integrate))
    findings.check(given, of(**finding), decided)
    assert findings.warnings(given, of(**finding, refuses=False), decided) == []


def test_what_needs_something_running_is_no_matter_of_the_checkout_alone(
    variables: Variables, deployment: Deployment
) -> None:
    findings.check(variables, of(running=True), deployment, checkout_alone=True)
    with pytest.raises(findings.FindingError):
        findings.check(variables, of(running=True), deployment)


def test_a_note_names_the_tasks_that_are_left_out() -> None:
    assert findings.notes(PROJECT) == []
    (note,) = findings.notes(replace(PROJECT, doubtful_tasks={"a.b": "a.py:3: why"}))
    assert "a.b (a.py:3: why)" in note


@pytest.mark.parametrize(
    ("name", "specs", "refused"),
    [
        ("celery", ("celery>=5.7,<6",), True),
        ("kombu", ("celery>=5.7,<6",), True),
        ("redis", ("celery[redis]>=5.7,<6",), True),
        ("redis", ("celery>=5.7,<6",), False),  # nothing imports it
    ],
)
def test_a_module_in_the_place_of_a_library_is_refused_with_its_file(
    name: str, specs: tuple[str, ...], refused: bool, variables: Variables, deployment: Deployment
) -> None:
    project = replace(PROJECT, hiding={name: f"/srv/shop/{name}.py"})
    decided = replace(deployment, requirements=replace(deployment.requirements, specs=specs))
    if not refused:
        findings.check(variables, project, decided)
        return
    with pytest.raises(findings.FindingError, match=rf"^/srv/shop/{name}\.py has the name of the library"):
        findings.check(variables, project, decided)
    # Nothing runs.
    findings.check(variables, project, decided, checkout_alone=True)


@pytest.mark.parametrize(
    ("scheduler", "integrate", "refused"),
    [("database", True, True), ("file", True, False), ("database", False, False)],
)
def test_what_concerns_the_scheduler_matters_where_the_integration_has_it(
    scheduler: str, integrate: bool, refused: bool, variables: Variables, deployment: Deployment
) -> None:
    decided = replace(deployment, code=replace(deployment.code, integrate=integrate))
    chosen = replace(variables, beat_scheduler=scheduler)
    if refused:
        with pytest.raises(findings.FindingError):
            findings.check(chosen, of(concerns="database scheduler"), decided)
    else:
        findings.check(chosen, of(concerns="database scheduler"), decided)
