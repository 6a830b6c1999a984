# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts ask of an app."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import common

PLACES = {"CELERY_TASK_ALWAYS_EAGER": "shop/settings.py:9", "BROKER_URL": "shop/settings.py:10"}


def void(**conf: object) -> list[str]:
    """Returns what keeps tasks from the workers of an app with these settings."""
    values = {"task_always_eager": False, "broker_write_url": None, "broker_url": "redis://host/0", **conf}
    return common.void(SimpleNamespace(conf=SimpleNamespace(**values)), PLACES)


def test_tasks_that_go_to_a_server_reach_workers() -> None:
    assert void() == []
    assert void(broker_url=None) == []


@pytest.mark.parametrize(
    ("conf", "begins"),
    [
        ({"task_always_eager": True}, "shop/settings.py:9: CELERY_TASK_ALWAYS_EAGER is on"),
        ({"broker_url": "memory://"}, "shop/settings.py:10: BROKER_URL is memory://"),
        (
            {"broker_url": "redis://h", "broker_write_url": "memory://"},
            "shop/settings.py:10: BROKER_URL is mem",
        ),
    ],
)
def test_what_keeps_tasks_from_workers_is_told_with_its_place(conf: dict[str, object], begins: str) -> None:
    (text,) = void(**conf)
    assert text.startswith(begins)


def test_a_setting_without_a_place_is_named() -> None:
    (text,) = common.void(
        SimpleNamespace(conf=SimpleNamespace(task_always_eager=1, broker_write_url="", broker_url="")), {}
    )
    assert text.startswith("CELERY_TASK_ALWAYS_EAGER is on")


@pytest.mark.parametrize(
    ("line", "named"),
    [("import no_such_package", True), ("raise ValueError('x')", False)],
)
def test_a_package_that_lacks_another_is_named_by_its_line(
    line: str, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "venv/lib/forms/fields.py"
    file.parent.mkdir(parents=True)
    file.write_text(f"\n{line}\n")
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setattr(common.sys, "prefix", str(tmp_path / "venv"))
    with pytest.raises((ImportError, ValueError)) as caught:
        exec(compile(file.read_text(), str(file), "exec"))  # noqa: S102 - it is the test's own
    assert common.own_line(caught.value) == (f"{file}:2" if named else "")
