# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run waits for another one, tells so once, and takes the turn of one that is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.celeriac.django.plugins.action import celery_deployment

Look = Callable[..., dict[str, Any]]
FOUND = {"project": "shop"}
ARGUMENTS = {"variables": {"project_path": "/srv/shop"}, "run": {"token": "me:5:5", "who": "me"}}


def held(token: str, begun: bool = True) -> dict[str, Any]:
    """Returns what a module answers whose host another run has its turn at."""
    return {"held": {"mine": False, "token": token, "who": "ann@laptop, integrate.yml", "begun": begun}}


@pytest.fixture
def told() -> list[str]:
    """What people were told."""
    return []


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> Look:
    """Looks at a host whose module gives these answers in turn, and the last one again and again."""

    def run(*answers: dict[str, Any], hosts: int = 1, gone: frozenset[str] = frozenset()) -> dict[str, Any]:
        left = list(answers)
        run.given = []  # type: ignore[attr-defined]

        def execute(self: object, module_args: dict[str, Any], task_vars: object) -> dict[str, Any]:
            run.given.append(list(module_args["gone"]))  # type: ignore[attr-defined]
            return dict(left.pop(0) if len(left) > 1 else left[0])

        monkeypatch.setattr(celery_deployment.ActionModule, "_execute_module", execute)
        monkeypatch.setattr(celery_deployment.display, "warning", told.append)
        monkeypatch.setattr(celery_deployment._run, "is_over", lambda token: token in gone)
        monkeypatch.setattr(celery_deployment, "PAUSE", 0.0)
        names = ("task", "connection", "play_context", "loader", "templar", "shared_loader_obj")
        action = celery_deployment.ActionModule(**{name: MagicMock() for name in names})
        return action._look(ARGUMENTS, {}, hosts)

    return run


def test_a_turn_that_is_free_is_taken_at_once(look: Look, told: list[str]) -> None:
    assert look(FOUND) == FOUND
    assert told == []


def test_who_waits_is_told_for_whom_and_once(look: Look, told: list[str]) -> None:
    assert look(held("ann:1:1"), held("ann:1:1"), held("ann:1:1"), FOUND) == FOUND
    assert len(told) == 1
    assert "Another run changes /srv/shop (ann@laptop, integrate.yml). This one waits" in told[0]


def test_a_run_that_is_over_is_named_to_the_host(look: Look, told: list[str]) -> None:
    assert look(held("ann:1:1"), FOUND, gone=frozenset({"ann:1:1"})) == FOUND
    assert look.given == [[], ["ann:1:1"]]  # type: ignore[attr-defined]
    assert told == []


def test_a_module_of_a_killed_run_that_is_still_at_work_is_waited_for(look: Look, told: list[str]) -> None:
    busy = held("ann:1:1")
    assert look(busy, busy, busy, FOUND, gone=frozenset({"ann:1:1"})) == FOUND
    assert len(told) == 1


def test_nobody_waits_for_ever(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_deployment, "PATIENCE", 0.0)
    answer = look(held("ann:1:1"))
    assert answer["failed"]
    assert "(ann@laptop, integrate.yml), and has not ended within 0 s. Nothing was changed." in answer["msg"]


@pytest.mark.parametrize(
    ("token", "begun", "hosts", "refused"),
    [
        ("an:1:1", False, 2, True),
        # Who is before the other waits, or two would go.
        ("zoe:1:1", False, 2, False),
        # A run that has all of its hosts ends some time.
        ("an:1:1", True, 2, False),
        ("an:1:1", False, 1, False),
    ],
)
def test_two_runs_that_have_just_begun_on_several_hosts_do_not_wait_for_each_other(
    token: str, begun: bool, hosts: int, refused: bool, look: Look
) -> None:
    answer = look(held(token, begun), FOUND, hosts=hosts)
    assert answer.get("failed", False) == refused
    if refused:
        assert "Run again when it has ended" in answer["msg"]
