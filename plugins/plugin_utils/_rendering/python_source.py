# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and schedules as the settings have them: Python source that black and ruff leave as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Route
from ansible_collections.celeriac.django.plugins.module_utils._schedule import Entry

_STEP = "    "
#: black's line length.
_LONGEST = 88


class Source(str):
    """Text that is source already."""

    __slots__ = ()


def literal(value: Any, depth: int = 0) -> str:
    """Return a value as Python source, each element of a list or a dict on a line of its own.

    Args:
        value: what JSON can hold, or a :class:`Source`.
        depth: how many steps the line is indented that the value begins in.
    """
    inside, end = _STEP * (depth + 1), _STEP * depth
    if isinstance(value, Source):
        return value.replace("\n", f"\n{end}")
    if isinstance(value, Mapping):
        lines = [f"{inside}{_text(str(key))}: {literal(item, depth + 1)},\n" for key, item in value.items()]
        return f"{{\n{''.join(lines)}{end}}}" if lines else "{}"
    if isinstance(value, list):
        lines = [f"{inside}{literal(item, depth + 1)},\n" for item in value]
        return f"[\n{''.join(lines)}{end}]" if lines else "[]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    """Return a text with the quotes that black prefers: those that it holds less of, else double ones."""
    inside = json.dumps(value, ensure_ascii=False)[1:-1]
    plain = inside.replace('\\"', '"')
    # An apostrophe needs no backslash within double quotes, and the other way round.
    if plain.count('"') > plain.count("'"):
        return "'" + plain.replace("'", "\\'") + "'"
    return f'"{inside}"'


def _sort_key(name: str) -> tuple[bool, bool, str]:
    """Sort constants first, then classes, then the rest."""
    return not (name.isupper() and len(name) > 1), name[0].islower(), name


def import_lines(wanted: Mapping[str, Sequence[str]]) -> str:
    """Return imports in the order and layout of isort and black.

    Args:
        wanted: module to the names that are imported from it.
    """
    lines = []
    for module in sorted(wanted, key=str.lower):
        names = sorted(wanted[module], key=_sort_key)
        line = f"from {module} import {', '.join(names)}"
        if len(line) > _LONGEST:
            line = "\n".join([f"from {module} import (", *(f"{_STEP}{name}," for name in names), ")"])
        lines.append(f"{line}\n")
    return "".join(lines)


def _call(name: str, **arguments: Any) -> Source:
    lines = [f"{_STEP}{key}={literal(value, 1)},\n" for key, value in arguments.items()]
    return Source(f"{name}(\n{''.join(lines)})")


@dataclass(frozen=True)
class Imports:
    """The lines that a schedule needs, by their section."""

    standard: str
    celery: str
    redbeat: str
    own: str


@dataclass(frozen=True)
class Schedule:
    """Periodic tasks as source."""

    imports: Imports
    #: Entries of CELERY_BEAT_SCHEDULE.
    source: str
    #: Whether they use our schedules.py.
    needs_module: bool


@dataclass(frozen=True)
class Routing:
    """Routes as source: each that of a dict, empty where there are none."""

    routes: str
    limits: str
    #: Whether any route has a priority.
    priorities: bool


def schedule(entries: Sequence[Entry], scheduler: str, prefix: str) -> Schedule:
    """Return the source of these periodic tasks.

    Args:
        entries: they.
        scheduler: ``file``, ``redbeat``, or a class.
        prefix: what the names of our modules begin with.
    """
    sources = {
        entry.name: _entry(entry, scheduler) for entry in entries if entry.enabled and not entry.absent
    }
    text = "".join(sources.values())
    ours = f"{prefix}celery_ops.schedules"
    names = [name for name in ("Crontab", "Once") if f"{name}(" in text]
    third = [name for name in ("crontab", "solar") if f": {name}(" in text]
    imports = Imports(
        standard=_datetime_import(text),
        celery=f"from celery.schedules import {', '.join(third)}\n" if third else "",
        redbeat="from redbeat.schedules import rrule\n" if " rrule(" in text else "",
        own=import_lines({ours: names}) if names else "",
    )
    lines = [f"{_STEP}{_text(name)}: {source},\n" for name, source in sources.items()]
    return Schedule(imports, "".join(lines), bool(names))


def _datetime_import(text: str) -> str:
    names = ["datetime"] if "datetime." in text else []
    names += ["timedelta", "timezone"] if "timedelta(" in text else []
    return f"from datetime import {', '.join(names)}\n" if names else ""


def _entry(entry: Entry, scheduler: str) -> str:
    data: dict[str, Any] = {"task": entry.task, "schedule": _when(entry, scheduler)}
    data |= {key: value for key, value in (("args", entry.args), ("kwargs", entry.kwargs)) if value}
    said = {"queue": entry.queue, "expires": entry.expires}
    if options := {key: value for key, value in said.items() if value}:
        data["options"] = options
    return literal(data, 1)


def _when(entry: Entry, scheduler: str) -> Any:
    kind, when = entry.kind, entry.when
    if kind == "interval":
        return float(when["seconds"])
    if kind == "solar":
        return _call("solar", event=when["event"], lat=when["latitude"], lon=when["longitude"])
    if kind == "clocked":
        moment = Source(f"datetime.fromisoformat({_text(when['moment'])})")
        if scheduler == "redbeat":
            return _call("rrule", freq="DAILY", count=1, dtstart=moment)
        return _call("Once", moment=moment)
    given = {name: text for name, text in when.items() if text != "*"}
    if entry.timezone:
        return _crontab_in(entry, given, scheduler)
    return _call("crontab", **given) if given else Source("crontab()")


def _crontab_in(entry: Entry, given: Mapping[str, str], scheduler: str) -> Source:
    """Return a crontab in a timezone of its own."""
    if scheduler == "redbeat":
        # What RedBeat keeps of a crontab has no timezone; a rule starts somewhere, and keeps that place's.
        # A day back: what was missed meanwhile is due at once; and at each look, all is counted from there.
        # Spelled without timezone.utc, for which linters want what Python 3.10 has not.
        start = Source("datetime.now(timezone(timedelta())) - timedelta(days=1)")
        minutes = sorted(_schedule.values(entry.when["minute"], "minute"))
        return _call("rrule", freq="HOURLY", dtstart=start, byminute=minutes, bysecond=0)
    return _call("Crontab", **given, zone=entry.timezone)


def routes(found: Sequence[Route]) -> Routing:
    """Return the source of what the settings say of routes."""
    to = {route.pattern: _route(route) for route in found if route.queue or route.priority is not None}
    limits = {route.pattern: route.rate_limit for route in found if route.rate_limit}
    return Routing(
        routes=literal(to) if to else "",
        limits=literal(limits) if limits else "",
        priorities=any(route.priority is not None for route in found),
    )


def _route(route: Route) -> dict[str, Any]:
    said = {"queue": route.queue or None, "priority": route.priority}
    return {key: value for key, value in said.items() if value is not None}
