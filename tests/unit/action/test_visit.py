# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A visit asks what the roles' own tasks would do, and the playbook skips what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.celeriac.django.plugins.action import celery_visit
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import visit as inside
from ansible_collections.celeriac.django.plugins.module_utils._visit import steps, visit

ROOT = Path(__file__).resolve().parents[3]


def tasks_of(part: str) -> list[dict[str, Any]]:
    """Return the tasks of a part."""
    text = (ROOT / "roles" / celery_visit.PARTS[part]).read_text()
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


def test_the_role_knows_the_same_parts_in_the_same_order() -> None:
    variables = yaml.safe_load((ROOT / "roles/celery/vars/main.yml").read_text())
    assert variables["__celery_parts"] == list(celery_visit.PARTS)


@pytest.mark.parametrize("part", celery_visit.PARTS)
def test_each_task_of_a_part_can_be_asked_or_is_done(part: str) -> None:
    asked = {*steps.ON_HOST, *visit.INSIDE, visit.PROOF}
    for task in tasks_of(part):
        # A block would hide its tasks, and a loop would be one task alone.
        module = celery_visit.action_of(task)
        assert module in celery_visit._TELL or "loop" not in task, task
        name = module.removeprefix("celeriac.django.")
        assert name in asked or name == module or module in celery_visit._TELL, f"{name} cannot be asked"
    assert set(inside.QUESTIONS) == set(visit.INSIDE)


def test_the_last_part_is_the_proof() -> None:
    (proof,) = [task for task in tasks_of("proof") if celery_visit.action_of(task) not in celery_visit._TELL]
    assert celery_visit.action_of(proof) == f"celeriac.django.{visit.PROOF}"
    assert list(celery_visit.PARTS)[-1] == "proof"


def test_each_part_is_skipped_where_nothing_is_to_be_done() -> None:
    """In the playbook, in the role's table of contents, or by the task: somewhere it says so, and once."""
    texts = [(ROOT / "playbooks/integrate.yml").read_text()]
    texts += [file.read_text() for file in (ROOT / "roles").glob("*/tasks/*.yml")]
    for part in celery_visit.PARTS:
        assert sum(text.count(f"'{part}' in __celery_todo") for text in texts) == 1, part
