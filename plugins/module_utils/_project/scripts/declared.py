# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the periodic tasks are those that were declared, can be done, and are not late."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import periodic
from .answers import Verdict, listed

#: Seconds that a run may be late: beat writes the last ones to its tables every three minutes.
LATE = 300.0
#: Since 2.8, django-celery-beat keeps a crontab in beat's memory from two hours before its hour to two hours
#: after it (``_get_crontab_exclude_query`` of its schedulers.py). It counts them without daylight saving: the
#: last hour is sure.
SOON = 3600.0


@dataclass(frozen=True)
class Entry:
    """A periodic task, as the tables or the settings have it."""

    name: str
    task: str
    when: str
    #: Empty where the routes decide.
    queue: str = ""
    enabled: bool = True
    #: Seconds until the next run; None: not known.
    next: float | None = None
    #: Whether beat has to have it in its memory now, and not only shortly before it is due.
    loaded: bool = True


def entries(app: Any, scheduler: str) -> list[Entry]:
    """Return the periodic tasks that beat is to have.

    Args:
        app: the Celery app.
        scheduler: the class of the scheduler, empty for Celery's own.
    """
    name = scheduler or str(app.conf.beat_scheduler)
    return of_tables() if "django_celery_beat" in name else of_settings(app)


def of_settings(app: Any) -> list[Entry]:
    """Return those of CELERY_BEAT_SCHEDULE."""
    from celery.schedules import maybe_schedule

    return [
        Entry(
            str(name),
            str(entry["task"]),
            str(maybe_schedule(entry["schedule"], app=app)),
            str((entry.get("options") or {}).get("queue") or ""),
        )
        for name, entry in (app.conf.beat_schedule or {}).items()
    ]


def of_tables() -> list[Entry]:
    """Return those of django-celery-beat, those that people have switched off too."""
    from django_celery_beat.models import PeriodicTask

    found = []
    for row in PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked").order_by(
        "name"
    ):
        loaded = True
        try:
            schedule = row.schedule
            # What has never run is due from now on, as beat has it (``ModelEntry`` of its schedulers.py).
            left = schedule.remaining_estimate(row.last_run_at or schedule.now())
            when, rest = str(schedule), left.total_seconds()
            if row.crontab_id is not None:
                loaded = schedule.remaining_estimate(schedule.now()).total_seconds() < SOON
            elif row.clocked_id is not None:
                # Read with the five minutes in which it is due.
                loaded = False
        except Exception as error:  # noqa: BLE001 - a row that no beat could read either
            when, rest = f"no schedule ({error})", None
        found.append(Entry(row.name, row.task, when, row.queue or "", bool(row.enabled), rest, loaded))
    return found


def differences(app: str, declared: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the tables of django-celery-beat have otherwise than the inventory, in words.

    Args:
        app: what ``celery -A`` takes.
        declared: the entries of the inventory, as data of :class:`_schedule.Entry`.
    """
    if not declared:
        return []
    job = {"app": app, "entries": declared, "exclusive": False, "keep": [], "check": True}
    answer = periodic.main(job)
    before, after = answer["before"], answer["after"]
    return [
        f"{name} is {'another one in the tables' if name in before else 'not in the tables'}"
        for name in after
    ] + [f"{name} is still in the tables" for name in before if name not in after]


@dataclass(frozen=True)
class Around:
    """What periodic tasks are judged by."""

    #: Those that are registered.
    tasks: Collection[str]
    #: The queues that somebody serves; empty: not known.
    served: Collection[str] = ()
    #: What the tables have otherwise than the inventory.
    different: Sequence[str] = ()
    #: Entries whose lateness is no matter of this row.
    quick: Collection[str] = ()


def verdict(
    found: Sequence[Entry], running: Mapping[str, Mapping[str, Any]] | None, around: Around
) -> Verdict:
    """Judge the periodic tasks.

    Args:
        found: those that beat is to have.
        running: what it has, by its own answer: name to ``task``, ``when`` and ``next``; None: nobody could
            ask it.
        around: what they are judged by.
    """
    wrong = list(around.different)
    wrong += [
        f"{entry.name}: no task {entry.task} is registered"
        for entry in found
        if entry.task not in around.tasks
    ]
    wrong += [
        f"{entry.name} goes to the queue {entry.queue}, which no pool serves"
        for entry in found
        if entry.queue and around.served and entry.queue not in around.served
    ]
    active = [entry for entry in found if entry.enabled]
    left = {entry.name: entry.next for entry in active if entry.next is not None}
    if running is not None:
        wrong += other(found, running)
        left.update({name: one["next"] for name, one in running.items() if one.get("next") is not None})
    wrong += [
        f"{name} is {-seconds:.0f} s late"
        for name, seconds in sorted(left.items())
        if seconds < -LATE and name not in around.quick
    ]
    off = [entry.name for entry in found if not entry.enabled]
    texts = [f"{len(active)} periodic tasks" + ("" if running is not None else ", and beat cannot be asked")]
    coming = [name for name in left if name not in around.quick]
    if coming:
        name = min(coming, key=lambda one: left[one])
        texts.append(f"next {name} in {_span(max(0.0, left[name]))}")
    if off:
        texts.append(f"switched off: {listed(off)}")
    return Verdict(not wrong, "; ".join(wrong or texts))


def patience(app: Any) -> float:
    """Return the seconds after which beat has read what changed in its tables.

    django-celery-beat looks with each turn of beat's loop: 5 seconds, or ``beat_max_loop_interval``
    (``DEFAULT_MAX_INTERVAL`` of its schedulers.py). Where somebody made that long, nobody waits for it.
    """
    return min(float(app.conf.beat_max_loop_interval or 5), 10.0) + 2.0


def other(found: Sequence[Entry], running: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what beat has in its memory otherwise than it should.

    Args:
        found: the periodic tasks that it is to have.
        running: what it has, as :func:`verdict` takes it.
    """
    texts = []
    active = [entry for entry in found if entry.enabled]
    for entry in active:
        has = running.get(entry.name)
        if has is None:
            if entry.loaded:
                texts.append(f"beat does not run {entry.name}")
        elif (has["task"], _plain(has["when"])) != (entry.task, _plain(entry.when)):
            texts.append(
                f"beat runs {entry.name} as {has['task']} {has['when']}, and it is {entry.task} {entry.when}"
            )
    names = {entry.name for entry in active}
    texts += [
        f"beat runs {name}, which nobody declares"
        for name, has in running.items()
        # Celery's own, which the scheduler adds.
        if name not in names and not str(has["task"]).startswith("celery.")
    ]
    return texts


def _plain(when: str) -> str:
    """Return how a schedule shows itself, without its place in memory: each process has another one."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", when)


def _span(seconds: float) -> str:
    """Return a time as people say it."""
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
