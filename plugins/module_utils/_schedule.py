# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Periodic tasks as data: what ``celery_beat_schedule`` says, checked and completed.

All of it is checked before anything is written; only whether a task of another
package is registered has to wait for the project's own interpreter.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

KINDS = ("crontab", "interval", "solar", "clocked")
KEYS = frozenset(
    {"name", "task", *KINDS, "args", "kwargs", "queue", "expires", "enabled", "timezone", "state"}
)
#: What celery.schedules.solar knows.
SOLAR_EVENTS = (
    *(f"{when}_{how}" for when in ("dawn", "dusk") for how in ("astronomical", "nautical", "civil")),
    *("sunrise", "solar_noon", "sunset"),
)
#: Names that Celery and the collection use themselves.
_OWN_NAMES = ("celery.backend_cleanup",)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_INTERVAL = re.compile(r"(\d+)\s*([smhd]?)\Z")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: The fields of a crontab in their order: least and greatest value, and names, the first for the least value.
FIELDS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "minute": (0, 59, ()),
    "hour": (0, 23, ()),
    "day_of_month": (1, 31, ()),
    "month_of_year": (1, 12, _MONTHS),
    "day_of_week": (0, 6, _DAYS),
}
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?:(?P<star>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\w+))?\Z")


class ScheduleError(ValueError):
    """A periodic task that cannot be. The text names it and says what to change."""


@dataclass(frozen=True)
class Entry:
    """A periodic task."""

    name: str
    task: str
    #: One of :data:`KINDS`; empty where the task is to be absent.
    kind: str
    #: The fields of a crontab; ``seconds``; ``event``, ``latitude``, ``longitude``; or ``moment`` in UTC.
    when: dict[str, Any]
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    queue: str = ""
    #: Seconds, 0 where a message never expires.
    expires: int = 0
    enabled: bool = True
    #: Of a crontab; empty where it is that of the project.
    timezone: str = ""
    absent: bool = False

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def complete(entries: Sequence[Mapping[str, Any]], project_timezone: str = "") -> list[Entry]:
    """Check the periodic tasks and fill in what was left out.

    Args:
        entries: the variable ``celery_beat_schedule``.
        project_timezone: ``celery_timezone``, empty where it is left to the project.

    Raises:
        ScheduleError: something is missing, malformed, there twice, or cannot be.
    """
    check_timezone("celery_timezone", project_timezone)
    found: list[Entry] = []
    for index, data in enumerate(entries):
        where = f"celery_beat_schedule[{index}]"
        if not isinstance(data, Mapping):
            raise ScheduleError(f"{where} has to have keys, such as name, task and crontab, not {data!r}.")
        entry = _entry(where, data, project_timezone)
        if any(other.name == entry.name for other in found):
            raise ScheduleError(f"{where}: there are two entries named {entry.name!r}. Rename one of them.")
        found.append(entry)
    return found


def _entry(where: str, data: Mapping[str, Any], project_timezone: str) -> Entry:
    name = _text(where, data, "name", 200)
    where = f"{where} ({name})"
    unknown = sorted(set(map(str, data)) - KEYS)
    if unknown:
        raise ScheduleError(f"{where}: there is no key {unknown[0]}; there are {', '.join(sorted(KEYS))}.")
    if name in _OWN_NAMES:
        raise ScheduleError(f"{where}: Celery has an entry of that name itself. Choose another name.")
    state = data.get("state") or "present"
    if state not in ("present", "absent"):
        raise ScheduleError(f"{where}: state is {state!r}; it is present or absent.")
    if state == "absent":
        return Entry(name, "", "", {}, absent=True)
    task = _text(where, data, "task", 200)
    kinds = [kind for kind in KINDS if data.get(kind) is not None]
    if len(kinds) != 1:
        raise ScheduleError(
            f"{where}: an entry has one of {', '.join(KINDS)}; this one has "
            f"{' and '.join(kinds) or 'none of them'}."
        )
    kind, value = kinds[0], data[kinds[0]]
    zone = str(data.get("timezone") or "")
    check_timezone(f"{where}: timezone", zone)
    if zone and kind not in ("crontab", "clocked"):
        raise ScheduleError(f"{where}: a timezone belongs to crontab and clocked; {kind} has none.")
    when: dict[str, Any]
    if kind == "crontab":
        when = crontab(where, value)
        zone = _fitting_timezone(when, zone or project_timezone) or zone
    elif kind == "interval":
        when = {"seconds": seconds(where, "interval", value)}
    elif kind == "solar":
        when = _solar(where, value)
    else:
        when, zone = _clocked(where, value, zone or project_timezone), ""
    return Entry(
        name,
        task,
        kind,
        when,
        args=_json(where, "args", data.get("args"), list),
        kwargs=_json(where, "kwargs", data.get("kwargs"), dict),
        queue=str(data.get("queue") or ""),
        expires=seconds(where, "expires", data["expires"]) if data.get("expires") is not None else 0,
        enabled=_bool(where, data.get("enabled", True)),
        timezone=zone,
    )


def _text(where: str, data: Mapping[str, Any], key: str, longest: int) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ScheduleError(f"{where} has no {key}. Give it one, such as {_EXAMPLES[key]}.")
    if len(value) > longest:
        raise ScheduleError(f"{where}: {key} is {len(value)} characters long, and {longest} is the most.")
    return value


_EXAMPLES = {"name": "name: remind customers", "task": "task: orders.tasks.remind"}


def _bool(where: str, value: Any) -> bool:
    """Return a truth that Ansible may have left a text."""
    texts = {"true": True, "yes": True, "false": False, "no": False}
    known = texts.get(str(value).lower())
    if known is None:
        raise ScheduleError(f"{where}: enabled is {value!r}, it has to be true or false.")
    return known


def _json(where: str, key: str, value: Any, kind: type) -> Any:
    """Return what goes into a message, as JSON has it.

    Through text, as values of Ansible's are of classes of its own.
    """
    if value is None:
        return kind()
    if not isinstance(value, kind):
        what = "a list, such as [1, two]" if kind is list else "keys and values, such as {number: 1}"
        raise ScheduleError(f"{where}: {key} has to be {what}, not {value!r}.")
    try:
        # Without NaN and Infinity, which are no JSON.
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ScheduleError(
            f"{where}: {key} is no JSON, as messages are ({error}). Write dates and the like as texts."
        ) from None


def seconds(where: str, key: str, value: Any) -> int:
    """Return a time such as ``90``, ``90s``, ``15m``, ``2h`` or ``1d`` in seconds.

    Raises:
        ScheduleError: it is none, or less than a second.
    """
    found = _INTERVAL.match(str(value)) if not isinstance(value, bool) else None
    number = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    if number < 1:
        raise ScheduleError(
            f"{where}: {key} is {value!r}; it has to be whole seconds, or a number with its unit, as "
            "30s, 15m, 2h or 1d."
        )
    return number


def check_timezone(where: str, name: str) -> None:
    """See that there is a timezone of that name, where this machine knows any.

    Raises:
        ScheduleError: there is none.
    """
    if not name:
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if zoneinfo.available_timezones():
            raise ScheduleError(
                f"{where}: there is no timezone {name!r}. The IANA's have names such as Europe/Berlin."
            ) from None


def crontab(where: str, value: Any) -> dict[str, str]:
    """Return the five fields of a crontab, from a line of crontab(5) or from its fields by name.

    Raises:
        ScheduleError: a field does not parse, or the date never comes.
    """
    if isinstance(value, Mapping):
        unknown = sorted(set(map(str, value)) - set(FIELDS))
        if unknown:
            raise ScheduleError(f"{where}: a crontab has no field {unknown[0]}; it has {', '.join(FIELDS)}.")
        given = {name: str(value.get(name, "*")) for name in FIELDS}
    else:
        parts = str(value).split()
        if len(parts) != len(FIELDS):
            raise ScheduleError(
                f"{where}: the crontab {value!r} has {len(parts)} fields, and not the five of minute, hour, "
                "day of month, month and day of week, as in '30 3 * * mon-fri'."
            )
        given = dict(zip(FIELDS, parts, strict=True))
    values = {name: _values(where, name, text) for name, text in given.items()}
    if all(
        day > _DAYS_IN_MONTH[month - 1] for month in values["month_of_year"] for day in values["day_of_month"]
    ):
        raise ScheduleError(
            f"{where}: the crontab names day {given['day_of_month']} of month {given['month_of_year']}, "
            "which no year has."
        )
    return {name: text.replace(" ", "") for name, text in given.items()}


def values(text: str, name: str) -> set[int]:
    """Return the values that a field of a crontab stands for, which was checked."""
    return _values("", name, text)


def _values(where: str, name: str, text: str) -> set[int]:
    found: set[int] = set()
    for part in text.replace(" ", "").lower().split(","):
        match = _PART.match(part)
        if not match or (match["step"] and not match["star"] and not match["last"]):
            raise ScheduleError(
                f"{where}: the {name} {text!r} of the crontab does not parse at {part!r}: it is *, */5, 1, "
                "1-5, 1-5/2, or several of these with commas."
            )
        least, greatest, _names = FIELDS[name]
        step = 1
        if match["step"]:
            step = int(match["step"]) if match["step"].isdecimal() else 0
            if step < 1:
                raise ScheduleError(f"{where}: the {name} {text!r} of the crontab has no step to go by.")
        if match["star"]:
            found.update(range(least, greatest + 1, step))
            continue
        first = _number(where, name, match["first"])
        last = _number(where, name, match["last"] or match["first"])
        whole = list(range(first, last + 1))
        if last < first:  # over the end, as in fri-mon
            whole = [*range(first, greatest + 1), *range(least, last + 1)]
        found.update(whole[::step])
    return found


def _number(where: str, name: str, text: str) -> int:
    least, greatest, names = FIELDS[name]
    if text[:3] in names:
        return names.index(text[:3]) + least
    number = int(text) if text.isdecimal() else -1
    if not least <= number <= greatest:
        hint = " Sunday is 0." if name == "day_of_week" else ""
        raise ScheduleError(
            f"{where}: {text!r} is no {name} of a crontab: it is a number from {least} to {greatest}"
            f"{' or a name such as ' + names[1] if names else ''}.{hint}"
        )
    return number


def _fitting_timezone(when: Mapping[str, str], zone: str) -> str:
    """Return UTC for what runs in each hour of each day, where that makes no other difference.

    When clocks are set back, Celery's crontab (5.7) passes over the hour that comes twice; UTC has
    no such hour. The minutes are the same where the timezone is whole hours from UTC.
    """
    if any(when[name] != "*" for name in FIELDS if name != "minute"):
        return ""
    if zone:
        try:
            known = zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            return ""
        year = datetime.now(UTC).year
        offsets = [
            datetime(year, month, 15, tzinfo=known).utcoffset() or timedelta() for month in range(1, 13)
        ]
        return "" if any(offset % timedelta(hours=1) for offset in offsets) else "UTC"
    # The project's own timezone is not known here: every minute of the hour is the same in each.
    return "UTC" if _same_in_each(when["minute"]) else ""


def _same_in_each(minute: str) -> bool:
    """Tell whether minutes stay the same when clocks differ by a quarter of an hour."""
    values = _values("", "minute", minute)
    return {(value + 15) % 60 for value in values} == values


def _solar(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or set(value) != {"event", "latitude", "longitude"}:
        raise ScheduleError(f"{where}: solar has event, latitude and longitude, and nothing else.")
    if value["event"] not in SOLAR_EVENTS:
        raise ScheduleError(
            f"{where}: there is no solar event {value['event']!r}; there are {', '.join(SOLAR_EVENTS)}."
        )
    degrees = {}
    for key, most in (("latitude", 90), ("longitude", 180)):
        try:
            degrees[key] = float(value[key])
        except (TypeError, ValueError):
            degrees[key] = float("nan")
        if not -most <= degrees[key] <= most:
            raise ScheduleError(f"{where}: {key} is {value[key]!r}, it has to be from -{most} to {most}.")
    return {"event": str(value["event"]), **degrees}


def _clocked(where: str, value: Any, zone: str) -> dict[str, Any]:
    """Return one moment, in UTC. YAML may have made a datetime of it, which says the same as a text."""
    try:
        moment = datetime.fromisoformat(str(value) if ":" in str(value) else "")
    except ValueError:
        raise ScheduleError(
            f"{where}: clocked is {value!r}; it is a date with a time, such as '2027-01-31 06:00+01:00'."
        ) from None
    if moment.tzinfo is None:
        if not zone:
            raise ScheduleError(
                f"{where}: clocked is {value!r}: in which timezone? Add its offset, as +01:00, or timezone."
            )
        moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return {"moment": moment.astimezone(UTC).isoformat()}


def describe(entry: Mapping[str, Any]) -> str:
    """Return when a periodic task runs, for people."""
    when = entry["when"]
    if entry["kind"] == "crontab":
        return f"crontab {' '.join(when[name] for name in FIELDS)} {entry['timezone']}".rstrip()
    return f"{entry['kind']} {' '.join(str(value) for value in when.values())}"
