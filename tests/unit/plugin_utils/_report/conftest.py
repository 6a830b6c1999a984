# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of deployments of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._report import build
from ansible_collections.celeriac.django.plugins.plugin_utils._report.data import Report

AT = datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
Make = Callable[..., Report]


@pytest.fixture
def make(decide_with: Any, options: dict[str, Any], found: dict[str, Any]) -> Make:
    """Returns a report of hosts with these rows of the proof."""

    def make(
        *rows: build.Row,
        hosts: int = 1,
        before: Report | None = None,
        tasks: dict[str, str] | None = None,
        served: tuple[str, ...] = (),
        **given: Any,
    ) -> Report:
        given.setdefault("broker_url", "redis://:s3cret@redis.example:6379/0")
        project = replace(found["project"], tasks=tasks) if tasks else found["project"]
        looked = {**found, "project": project}
        asked = []
        for index in range(hosts):
            duties = ["worker", "beat"] if index == 0 else ["worker"]
            decided = decide_with({**options, **given}, looked, duties, served=served)
            name = f"app{index + 1}"
            asked.append(build.Asked(name, project, decided, 4, rows, {"celery": "5.7.0", "django": "6.0"}))
        return build.build(asked, AT, before)

    return make


@pytest.fixture
def large(make: Make) -> Report:
    """A report of 50 hosts, 30 queues, 200 tasks, with a failure."""
    queues = [f"queue-{number}" for number in range(30)]
    workers = [
        {"name": f"pool-{number}", "queues": queues[number * 3 : number * 3 + 3]} for number in range(10)
    ]
    workers[0]["queues"] = ["celery", *queues[:3]]
    tasks = {
        f"orders.tasks.task_{number}_{'x' * (number % 40)}": f"orders/tasks.py:{number}"
        for number in range(200)
    }
    routes = {f"orders.tasks.task_{number}_*": queues[number % 30] for number in range(150)}
    schedule = [
        {"name": f"job {number}", "task": f"orders.tasks.task_{number * 40}_", "crontab": f"{number} 3 * * *"}
        for number in range(5)
    ]
    rows = (
        build.Row("settings loaded", True, "shop.settings.production"),
        build.Row("round trip, pool pool-3", False, "no result after 20 s through the queue queue-9"),
        build.Row(
            "workers, tasks and beat", True, "not asked: this run would replace the workers", skipped=True
        ),
    )
    return make(
        *rows,
        hosts=50,
        tasks=tasks,
        workers=workers,
        task_routes=routes,
        beat_schedule=schedule,
        web_connections=20,
        database_max_connections=5000,
    )
