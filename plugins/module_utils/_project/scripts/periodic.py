# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write periodic tasks into the tables of django-celery-beat, as its admin would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from .common import unregistered

#: Tells our entries from those that people made.
MARK = "Made by celeriac.django: change the variable celery_beat_schedule instead."
#: How many seconds a unit of an interval has, the longest first.
UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}

#: What was written is looked at again so many times in a row, so often, and no more often than that.
CALM, LOOK_EACH, MOST_LOOKS = 2, 0.5, 20


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Make the tables hold the entries, or only tell what would change.

    Args:
        job: ``app``: what ``celery -A`` takes; ``entries``: each as data of :class:`_schedule.Entry`;
            ``exclusive``: whether entries of others go; ``keep``: names that stay
            then; ``check``: change nothing.

    Returns:
        ``problems``: what is wrong, and then nothing was changed; ``before`` and ``after``: the entries that
        change, name to what is said of them.
    """
    import django

    django.setup()
    from celery.app.utils import find_app
    from django.conf import settings
    from django.db import router, transaction

    new: dict[str, Any] = {"problems": [], "before": {}}
    installed = "django_celery_beat" in settings.INSTALLED_APPS
    if job["check"] and not installed:
        return {**new, "after": all_new(job["entries"])}
    if not installed:
        text = "django_celery_beat is not in INSTALLED_APPS, so there are no tables for periodic tasks"
        return {"problems": [text], "before": {}, "after": {}}
    app = find_app(job["app"])
    # In check mode, tasks and tables may be those that this run would have made by now.
    problems = [] if job["check"] else unknown_tasks(app, job["entries"])
    if problems:
        return {"problems": problems, "before": {}, "after": {}}
    keep = {*job["keep"], *app.conf.beat_schedule, "celery.backend_cleanup"}
    from django_celery_beat.models import PeriodicTask

    if job["check"] and not has_tables(PeriodicTask):
        return {**new, "after": all_new(job["entries"])}

    def write() -> tuple[dict[str, Any], dict[str, Any]]:
        with transaction.atomic(using=router.db_for_write(PeriodicTask)):
            before, after = plan(PeriodicTask, job["entries"], keep, job["exclusive"])
            if not job["check"]:
                apply(PeriodicTask, before, after)
        return before, after

    before, after = write()
    if not job["check"] and before != after:
        settle(write)
    return {"problems": [], "before": before, "after": after}


def settle(write: Callable[[], tuple[Any, Any]]) -> None:
    """Write again what a running beat has undone.

    It notes each run of an entry by reading the row and saving it whole. Where the row is changed or
    deleted in between, that brings the old one back. It knows better from its next look at the tables on.
    """
    calm, looks = 0, 0
    while calm < CALM and looks < MOST_LOOKS:
        time.sleep(LOOK_EACH)
        before, after = write()
        calm, looks = calm + 1 if before == after else 0, looks + 1


def unknown_tasks(app: Any, entries: list[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the tasks of the entries: those that no worker would know."""
    asked = [entry for entry in entries if not entry["absent"]]
    return unregistered(app, {entry["task"]: f"celery_beat_schedule ({entry['name']})" for entry in asked})


def all_new(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what empty tables are to say."""
    said = {entry["name"]: wanted(entry, None) for entry in entries if not entry["absent"]}
    return {name: value for name, value in said.items() if value}


def has_tables(model: Any) -> bool:
    """Tell whether the tables are there, without making a database of SQLite by looking."""
    import os

    from django.db import connections, router

    connection = connections[router.db_for_read(model)]
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and ":memory:" not in name and not os.path.exists(name):
        return False
    return model._meta.db_table in connection.introspection.table_names()


def plan(
    model: Any, entries: list[dict[str, Any]], keep: set[str], exclusive: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the entries that change, before and after; what is in one alone comes or goes."""
    there = {task.name: task for task in model.objects.select_for_update().order_by("pk")}
    now = {name: stated(task) for name, task in there.items()}
    then: dict[str, Any] = {}
    for entry in entries:
        if not entry["absent"] and (said := wanted(entry, now.get(entry["name"]))):
            then[entry["name"]] = said
    absent = {entry["name"] for entry in entries if entry["absent"]}
    for name, said in now.items():
        ours = said["description"] == MARK
        if name not in then and name not in absent and (name in keep or not (ours or exclusive)):
            then[name] = said
    changed = [name for name in {**now, **then} if now.get(name) != then.get(name)]
    return (
        {name: now[name] for name in changed if name in now},
        {name: then[name] for name in changed if name in then},
    )


def stated(task: Any) -> dict[str, Any]:
    """Return what the tables say of a periodic task; what we never set is left out."""
    return {
        "task": task.task,
        "schedule": schedule_of(task),
        "args": json.loads(task.args or "[]"),
        "kwargs": json.loads(task.kwargs or "{}"),
        "queue": task.queue or "",
        "expires": task.expire_seconds or 0,
        "enabled": task.enabled,
        "one_off": task.one_off,
        "description": task.description,
    }


def schedule_of(task: Any) -> dict[str, Any]:
    """Return when a periodic task runs."""
    if task.crontab:
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return {
            "crontab": {name: getattr(task.crontab, name).replace(" ", "") for name in fields},
            "timezone": str(task.crontab.timezone),
        }
    if task.interval:
        # Whatever unit somebody has chosen: 60 seconds are a minute.
        unit = UNITS.get(task.interval.period)
        return {"seconds": task.interval.every * unit if unit else f"{task.interval}"}
    if task.solar:
        place = task.solar
        return {
            "solar": place.event,
            "latitude": float(place.latitude),
            "longitude": float(place.longitude),
        }
    return {"clocked": moment_of(task.clocked)} if task.clocked else {}


def moment_of(clocked: Any) -> str:
    """Return a moment in UTC, also where USE_TZ is off."""
    from django.utils.timezone import is_naive, make_aware

    moment = clocked.clocked_time
    if is_naive(moment):
        moment = make_aware(moment)
    return str(moment.astimezone(timezone.utc).isoformat())  # noqa: UP017 - Python 3.10 has no UTC


def wanted(entry: dict[str, Any], now: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the tables are to say of an entry; None for a moment that is past, and was never there."""
    when, enabled = dict(entry["when"]), entry["enabled"]
    if entry["kind"] == "crontab":
        from django.conf import settings

        zone = entry["timezone"] or getattr(settings, "CELERY_TIMEZONE", None) or settings.TIME_ZONE
        schedule: dict[str, Any] = {"crontab": when, "timezone": str(zone)}
    elif entry["kind"] == "interval":
        schedule = when
    elif entry["kind"] == "solar":
        # As the table keeps them.
        schedule = {
            "solar": when["event"],
            "latitude": round(when["latitude"], 6),
            "longitude": round(when["longitude"], 6),
        }
    else:
        schedule = {"clocked": when["moment"]}
        if datetime.fromisoformat(when["moment"]) <= datetime.now(timezone.utc):  # noqa: UP017 - as above
            if now is None:
                return None
            # Beat switches it off when it has run: to switch it on would run it again.
            enabled = now["enabled"]
    return {
        "task": entry["task"],
        "schedule": schedule,
        "args": entry["args"],
        "kwargs": entry["kwargs"],
        "queue": entry["queue"],
        "expires": entry["expires"],
        "enabled": enabled,
        "one_off": entry["kind"] == "clocked",
        "description": MARK,
    }


def apply(model: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Write the entries, one by one, so that beat's own signals see them."""
    for name in before:
        if name not in after:
            model.objects.get(name=name).delete()
    for name, said in after.items():
        task = model.objects.filter(name=name).first() or model(name=name)
        task.task, task.queue, task.enabled = said["task"], said["queue"] or None, said["enabled"]
        task.args, task.kwargs = json.dumps(said["args"]), json.dumps(said["kwargs"])
        task.expires, task.expire_seconds = None, said["expires"] or None
        task.one_off, task.description = said["one_off"], said["description"]
        if before.get(name, {}).get("schedule") != said["schedule"]:
            task.crontab = task.interval = task.solar = task.clocked = None
            kind, row = row_of(said["schedule"])
            setattr(task, kind, row)
        task.full_clean()
        task.save()


def row_of(schedule: dict[str, Any]) -> tuple[str, Any]:
    """Return the kind of a schedule, and its row, which entries share."""
    from django.conf import settings
    from django.utils.timezone import make_naive
    from django_celery_beat import models

    if "crontab" in schedule:
        return "crontab", first(models.CrontabSchedule, **schedule["crontab"], timezone=schedule["timezone"])
    if "seconds" in schedule:
        unit, length = next((u, s) for u, s in UNITS.items() if schedule["seconds"] % s == 0)
        return "interval", first(models.IntervalSchedule, every=schedule["seconds"] // length, period=unit)
    if "solar" in schedule:
        place = {key: schedule[key] for key in ("latitude", "longitude")}
        return "solar", first(models.SolarSchedule, event=schedule["solar"], **place)
    moment = datetime.fromisoformat(schedule["clocked"])
    return "clocked", first(
        models.ClockedSchedule, clocked_time=moment if settings.USE_TZ else make_naive(moment)
    )


def first(model: Any, **fields: Any) -> Any:
    """Return a row with these values; the tables may hold several, or none."""
    return model.objects.filter(**fields).order_by("pk").first() or model.objects.create(**fields)
