# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What settings and environment cannot mean."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import configured


@pytest.mark.parametrize(
    "value",
    [
        "change-me",
        "changeme",
        "ChangeMe please",
        "replace_me",
        "<your key>",
        "${MAIL_KEY}",
        "TODO",
        "your-key",
        "xxx",
        "redis://:change-me@redis/0",
        "postgres://shop:shop_production_your_key_here@db/shop",
    ],
)
def test_a_placeholder(value: str) -> None:
    found = configured.variables({"KEY": "shop/settings.py:3"}, (), {"KEY": value})
    assert not found.ok
    assert found.text == "KEY is still a placeholder (shop/settings.py:3)"


@pytest.mark.parametrize(
    "value", ["", "a real one", "redis://:secret@redis/0", "https://x/<y>", "exchange", "[::1"]
)
def test_no_placeholder(value: str) -> None:
    assert configured.variables({"KEY": "p"}, ["OTHER"], {"KEY": value, "OTHER": value}).text == "2 are set"


def test_a_variable_that_is_missing() -> None:
    found = configured.variables({"KEY": "shop/settings.py:3"}, (), {})
    assert (found.ok, found.text) == (False, "KEY is missing, which shop/settings.py:3 wants")


@given(st.text())
def test_no_value_is_told(value: str) -> None:
    found = configured.variables({"KEY": "p"}, (), {"KEY": f"change-me {value} of nobody else"})
    assert "of nobody else" not in found.text


class Settings(SimpleNamespace):
    """Django's settings."""

    DATABASES: dict[str, Any] = {}  # noqa: RUF012 - each test has its own


def test_secrets_in_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "settings.py"
    file.write_text(
        'SECRET_KEY = "in the source"\nMAIL = {"x": "mail password"}\n'
        'BROKER = "redis://:broker-password@r/0"\nDATABASES = {"default": {"PASSWORD": "of the database"}}\n'
        'OTHER = "from the environment"\n',
        encoding="utf-8",
    )
    values = {
        "SECRET_KEY": "in the source",
        "EMAIL_HOST_PASSWORD": "mail password",
        "CELERY_BROKER_URL": "redis://:broker-password@r/0",
        "API_TOKEN": "from the environment",
        "AUTH_PASSWORD_VALIDATORS": ["django.contrib.auth"],
        "PASSWORD_RESET_TIMEOUT": 3,
        "DATABASES": {"default": {"PASSWORD": "of the database"}},
    }
    settings = Settings(**values)
    found = configured.secrets(settings, [str(file)], {"API_TOKEN": "from the environment"})
    assert found.ok
    assert found.warns
    for place in (
        "settings.py:1 has SECRET_KEY",
        "settings.py:2 has EMAIL_HOST_PASSWORD",
        "settings.py:3 has CELERY_BROKER_URL",
        "settings.py:4 has DATABASES['default']",
    ):
        assert place in found.text
    assert "API_TOKEN" not in found.text
    assert "password@" not in found.text


def test_no_secret_in_the_source(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text('import os\nSECRET_KEY = os.environ["SECRET_KEY"]\n', encoding="utf-8")
    environment = {"SECRET_KEY": "of the environment"}
    settings = Settings(**environment)
    found = configured.secrets(settings, [str(file), "gone.py"], environment)
    assert (found.ok, found.warns, found.text) == (True, False, "none in 2 files of the settings")


def test_the_files_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file in {
        "shop.settings": "shop/settings/__init__.py",
        "shop.settings.base": "shop/settings/base.py",
        "shop.models": "shop/models.py",
        "elsewhere.settings": "/usr/lib/elsewhere/settings.py",
    }.items():
        module = ModuleType(name)
        module.__file__ = file if file.startswith("/") else str(tmp_path / file)
        monkeypatch.setitem(sys.modules, name, module)
    found = configured.files_of_settings("shop.settings.base")
    assert found == [str(tmp_path / "shop/settings/__init__.py"), str(tmp_path / "shop/settings/base.py")]


# The chain of times

POOL = {"name": "default", "delivery": "at_most_once", "time_limit": 300, "stop_timeout": 330}


def app(kind: str = "redis", task_limit: int | None = None, late: bool = False, **conf: Any) -> Any:
    """Returns an app with one task."""
    task = SimpleNamespace(name="orders.tasks.send", time_limit=task_limit, acks_late=late)
    defaults = {
        "task_time_limit": None,
        "task_soft_time_limit": None,
        "task_acks_late": False,
        "broker_transport_options": {"visibility_timeout": 3600},
    }
    transport = SimpleNamespace(driver_type=kind)
    return SimpleNamespace(
        conf=SimpleNamespace(**{**defaults, **conf}),
        tasks={task.name: task},
        connection_for_write=lambda: SimpleNamespace(transport=transport),
    )


def job(**values: Any) -> dict[str, Any]:
    """Returns what was decided of times."""
    decided = {"pools": [POOL], "visibility": 3600, "consumer": 1800, "own_app": False, "counts": True}
    return {**decided, **values}


def test_the_chain_has_its_numbers() -> None:
    found = configured.limits(app(), job())
    assert found.ok
    assert found.text == "default: task 300 s, stop 330 s, visibility timeout of Redis 3600 s"
    found = configured.limits(app("filesystem"), job(pools=[{**POOL, "time_limit": None}], counts=False))
    assert found.text == "default: task without a limit, stop 330 s"


@pytest.mark.parametrize(
    ("given", "decided", "words"),
    [
        (
            app(task_limit=400),
            job(),
            "send may run for 400 s (its time_limit), but the unit of the pool default",
        ),
        (app(task_limit=5000, late=True), job(), "it would run twice"),
        (
            app(broker_transport_options={"visibility_timeout": 60}),
            job(),
            "the settings have a visibility timeout of 60 s, and the pools need 3600 s",
        ),
        (
            app(task_soft_time_limit=90, task_time_limit=60),
            job(),
            "the soft limit 90 s is not below the hard one 60 s",
        ),
    ],
)
def test_a_limit_that_does_not_fit(given: Any, decided: dict[str, Any], words: str) -> None:
    found = configured.limits(given, decided)
    assert not found.ok
    assert words in found.text


def test_how_all_tasks_are_delivered_is_the_pools_to_say() -> None:
    """That the app acknowledges late is of the deployment; a pool that does not may have longer tasks."""
    pool = {**POOL, "time_limit": 5000, "stop_timeout": 5000}
    assert configured.limits(app(late=True, task_acks_late=True), job(pools=[pool])).ok
