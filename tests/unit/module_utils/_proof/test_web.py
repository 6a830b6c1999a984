# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of the web's entry point are compared with the workers'."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._project.python import (
    WEB,
    ProjectError,
    ProjectPython,
)
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import web as inside
from ansible_collections.celeriac.django.plugins.module_utils._proof import web

HERE = {"default": ["sqlite", "", "", "/srv/shop/dev.sqlite3"]}
THERE = {"default": ["postgresql", "db", "5432", "shop"]}


@pytest.fixture
def served(deployment: Deployment) -> Deployment:
    """A deployment whose project has a wsgi.py."""
    return replace(deployment, code=replace(deployment.code, web="shop.wsgi", settings="shop.settings"))


def answer(databases: dict[str, list[str]]) -> dict[str, Any]:
    """What a process of the web has."""
    return {"settings": "shop.settings", "databases": databases}


def test_the_same_is_proven(served: Deployment) -> None:
    assert web.compare(served, HERE, answer(HERE)) == {
        "name": "web's databases",
        "ok": True,
        "detail": "sqlite /srv/shop/dev.sqlite3, as shop.wsgi has it",
    }
    two = {**HERE, "old": THERE["default"]}
    assert web.compare(served, two, answer(two))["detail"] == "2 as shop.wsgi has them"


def test_another_one_is_told_with_both_places(served: Deployment) -> None:
    found = web.compare(served, HERE, {**answer(THERE), "settings": "shop.live"})
    assert not found["ok"]
    assert "postgresql shop at db:5432 there, sqlite /srv/shop/dev.sqlite3 here" in found["detail"]
    assert "(settings shop.live)" in found["detail"]


@pytest.mark.parametrize("there", [{}, {**HERE, "more": THERE["default"]}])
def test_a_database_that_only_one_has_is_told(there: dict[str, list[str]], served: Deployment) -> None:
    assert not web.compare(served, HERE, answer(there))["ok"]


def test_an_entry_point_that_does_not_load_proves_nothing_and_is_no_fault(served: Deployment) -> None:
    found = web.compare(served, HERE, {"error": "ModuleNotFoundError: newrelic"})
    assert (found["ok"], found["skipped"]) == (True, True)
    assert "newrelic" in found["detail"]


@pytest.mark.parametrize("given", [False, True])
def test_the_entry_point_decides_what_is_its_own(
    given: bool, served: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names in the files that it loads, and the settings, unless the inventory names them."""
    (tmp_path / ".env").write_text("DATABASE_URL=x\n")
    files = json.dumps([["dotenv.load_dotenv", str(tmp_path / ".env"), False]])
    environment = {"CELERY_ENTRY_FILES": files, "DATABASE_URL": "y", "SECRET_KEY": "z"}
    seen: list[ProjectPython] = []

    def run(self: ProjectPython, script: ModuleType, job: Any, _timeout: float, role: Any) -> Any:
        assert (script, role, job) == (inside, WEB, {"module": "shop.wsgi"})
        seen.append(self)
        raise ProjectError("no")

    monkeypatch.setattr(ProjectPython, "run", run)
    project = ProjectPython("/venv/bin/python", "/srv/shop", "shop.settings", 1, 1, environment)
    chosen = replace(served, code=replace(served.code, settings_given=given))
    assert web.ask(project, chosen) == {"error": "no"}
    assert seen[0].environment == {"SECRET_KEY": "z"}
    assert ("DJANGO_SETTINGS_MODULE" in seen[0].environ()) is given
