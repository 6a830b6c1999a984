# SPDX-License-Identifier: 0BSD
"""What the proof asks of a worker and of beat, and Celery itself has no answer to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from celery import Celery, Task

#: Known to each worker that is run as a service; it is no task of the project's.
TASK = "celeriac.proof"
#: What beat answers to, besides a ping.
SCHEDULE = "celeriac_schedule"


def answer(token: str, fail: bool = False) -> dict[str, Any]:
    """Return the token, and what this host takes for the time; or fail with the token, as a task may."""
    if fail:
        raise ValueError(token)
    return {"token": token, "time": time.time()}


def register(app: Celery) -> None:
    """Let a worker know the task. That it fails is expected: no log has it as an error."""
    app.task(
        name=TASK,
        base=Task,
        shared=False,
        throws=(ValueError,),
        ignore_result=False,
        acks_late=False,
    )(answer)


def tell_schedule(beat: Any) -> None:
    """Let beat tell what it has in its memory, where it can be asked at all: since Celery 5.7.

    Args:
        beat: the module ``celery.beat``.
    """
    theirs = getattr(beat, "BeatPidbox", None)
    if theirs is None:
        return

    class Pidbox(theirs):  # type: ignore[misc, valid-type] # known when it runs
        """One that answers to one question more."""

        def __init__(self, service: Any) -> None:
            super().__init__(service)
            self.node.handlers[SCHEDULE] = self._schedule

        def _schedule(self, state: Any, **_arguments: Any) -> dict[str, Any]:
            return {"ok": entries(self.service.scheduler)}

    beat.BeatPidbox = Pidbox


def entries(scheduler: Any) -> dict[str, dict[str, Any]]:
    """Return what a scheduler runs, as far as it keeps that in memory: no table, no file is read for it."""
    # Asked in another thread than that of the scheduler, which replaces these and does not change them.
    kept = (getattr(scheduler, name, None) for name in ("_schedule", "old_schedulers", "data"))
    found: Mapping[str, Any] = next((one for one in kept if isinstance(one, Mapping) and one), {})
    # The newest, but for one that is sent just now.
    newest = {event.entry.name: event.entry for event in list(getattr(scheduler, "_heap", None) or ())}
    return {str(name): _told(newest.get(name, entry)) for name, entry in list(found.items())}


def _told(entry: Any) -> dict[str, Any]:
    try:
        left = entry.schedule.remaining_estimate(entry.last_run_at).total_seconds()
    except Exception:  # noqa: BLE001 - a schedule of the project's own may be anything
        left = None
    return {"task": str(entry.task), "when": str(entry.schedule), "next": left}
