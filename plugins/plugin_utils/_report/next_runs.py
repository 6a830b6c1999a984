# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When periodic tasks run next, as far as the inventory tells."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

from ansible_collections.celeriac.django.plugins.module_utils import _schedule

#: The hours that a report shows.
SPAN = timedelta(hours=24)
#: How many runs of one entry are listed; what runs more often is a band.
MOST = 48


def next_runs(entry: _schedule.Entry, start: datetime, project_timezone: str = "") -> list[datetime]:
    """Return the runs of an entry in the time that a report shows, :data:`MOST` at the most.

    Of an interval, the first is not known: it counts from the last run. It is taken to begin at *start*.

    Args:
        entry: it.
        start: where the time begins, with a timezone.
        project_timezone: that of crontabs without one of their own; empty where only the project knows it.
    """
    if entry.absent or not entry.enabled:
        return []
    if entry.kind == "interval":
        step = timedelta(seconds=int(entry.when["seconds"]))
        runs = _every(start, step)
    elif entry.kind == "clocked":
        moment = datetime.fromisoformat(str(entry.when["moment"]))
        runs = iter([moment] if start <= moment < start + SPAN else [])
    elif entry.kind == "crontab":
        zone = _zone(entry.timezone or project_timezone)
        runs = _crontab(entry, start, zone)
    else:
        return []  # the sun's: the library that knows it is on the hosts
    return list(islice(runs, MOST))


def _zone(name: str) -> timezone | zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name) if name else UTC
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _every(start: datetime, step: timedelta) -> Iterator[datetime]:
    moment = start + step
    while moment < start + SPAN:
        yield moment
        moment += step


def _crontab(
    entry: _schedule.Entry, start: datetime, zone: timezone | zoneinfo.ZoneInfo
) -> Iterator[datetime]:
    fields = {name: _schedule.values(str(entry.when[name]), name) for name in _schedule.FIELDS}
    moment = start.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = start + SPAN
    while moment < end:
        local = moment.astimezone(zone)
        if (
            local.minute in fields["minute"]
            and local.hour in fields["hour"]
            and local.day in fields["day_of_month"]
            and local.month in fields["month_of_year"]
            # As Celery has it: Sunday is 0.
            and (local.weekday() + 1) % 7 in fields["day_of_week"]
        ):
            yield moment
        moment += timedelta(minutes=1)
