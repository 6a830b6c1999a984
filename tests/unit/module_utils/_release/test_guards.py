# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found is refused, told or passed over, as the inventory has it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._release import guards

UNSAFE = {
    "file": "/srv/r/shop/migrations/0002.py",
    "operation": "Remove field a",
    "why": "older code reads it",
}
UNKNOWN = {"task": "shop.tasks.gone", "where": "the queue celery", "count": 3}
FOUND: dict[str, Any] = {"unsafe": [UNSAFE], "unknown": [UNKNOWN], "blind": [], "inside": []}


@pytest.mark.parametrize(
    ("migrations", "skew", "problems", "warnings"),
    [
        ("refuse", "refuse", 2, 0),
        ("warn", "refuse", 1, 1),
        ("refuse", "warn", 1, 1),
        ("allow", "warn", 0, 1),
        ("allow", "allow", 0, 0),
    ],
)
def test_each_guard_is_its_own(migrations: str, skew: str, problems: int, warnings: int) -> None:
    verdict = guards.judge(FOUND, [], {"migrations": migrations, "skew": skew}, "/srv/r")
    assert (len(verdict.problems), len(verdict.warnings)) == (problems, warnings)


def test_the_texts_say_what_where_and_what_to_do() -> None:
    verdict = guards.judge(FOUND, [], {"migrations": "refuse", "skew": "refuse"}, "/srv/r/")
    migration, task = verdict.problems
    assert migration.startswith("shop/migrations/0002.py: Remove field a: older code reads it")
    assert "celery_release_migrations" in migration
    assert "the task shop.tasks.gone, which this release does not know, waits 3 times in the queue" in task
    assert "celery_release_skew" in task


def test_a_database_inside_of_a_release_is_always_refused() -> None:
    found = {"inside": ["DATABASES['default'] is /srv/r/db.sqlite3"]}
    verdict = guards.judge(found, [], {"migrations": "allow", "skew": "allow"}, "/srv/r")
    assert len(verdict.problems) == 1


def test_what_a_rollback_cannot_bear_is_refused() -> None:
    behind = [{**UNSAFE, "migration": "shop.0002"}]
    verdict = guards.judge({}, behind, {"migrations": "refuse", "skew": "refuse"}, "/srv/r")
    assert "the database has shop.0002, which this release lacks" in verdict.problems[0]


def test_what_could_not_be_looked_at_is_told() -> None:
    found = {"blind": ["what waits in the queues"]}
    verdict = guards.judge(found, [], {"migrations": "refuse", "skew": "refuse"}, "/srv/r")
    assert (verdict.problems, len(verdict.warnings)) == ((), 1)
