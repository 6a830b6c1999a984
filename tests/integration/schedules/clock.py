# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run beat's scheduler through a span of time in no time, and tell when each task was sent.

Run in the project's folder: clock.py APP START HOURS, with the time in UTC. The answer is JSON: the name
of each entry, with the times of its firings in UTC.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import time_machine

#: Beat sleeps no shorter, so that this ends some day, and no longer.
SHORTEST, LONGEST = 20.0, 60.0
#: And it is late, as a process may be.
LATE = 0.4


def run(app_path: str, start: datetime, hours: float) -> dict[str, list[str]]:
    """Tick as celery.beat.Service does, but with a clock that jumps to the next tick."""
    import django

    fired: dict[str, list[str]] = {}
    now = start
    end = start + timedelta(hours=hours)
    with time_machine.travel(start, tick=False) as traveller:
        django.setup()
        from celery.app.utils import find_app
        from celery.signals import beat_init

        app = find_app(app_path)
        app.loader.import_default_modules()
        app.finalize()
        service = app.Beat(max_interval=None, quiet=True).Service
        made = service(app=app, scheduler_cls=app.conf.beat_scheduler, schedule_filename=filename(app))
        scheduler = made.scheduler

        def note(entry: Any, **_: Any) -> None:
            scheduler.reserve(entry)
            fired.setdefault(entry.name, []).append(datetime.now(UTC).isoformat())

        if type(scheduler).__name__ == "RedBeatScheduler":
            beat_init.send(sender=made)
        with mock.patch.object(scheduler, "apply_async", note):
            while now < end:
                pause = scheduler.tick() or 0.0
                scheduler.sync()
                now += timedelta(seconds=min(max(pause, SHORTEST), LONGEST) + LATE)
                traveller.move_to(now, tick=False)
        scheduler.close()
    return fired


def filename(app: Any) -> str:
    """Return where the scheduler keeps its file, if it does."""
    return str(app.conf.beat_schedule_filename)


if __name__ == "__main__":
    sys.path.insert(0, ".")
    answer = run(sys.argv[1], datetime.fromisoformat(sys.argv[2]), float(sys.argv[3]))
    print("answer:" + json.dumps(answer))
