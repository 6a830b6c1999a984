# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of a report, as SVG: the topology, the next runs, the times that have to fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from .data import Host, Pool, Queue, Report
from .next_runs import MOST, SPAN

#: Units of the topology: columns and rows.
_WIDTH, _ROW, _GAP, _PAD, _HEAD = 980, 26, 22, 12, 30
_SENDERS, _BROKER, _HOSTS = (0, 190), (270, 220), (580, 400)
#: Of the axis of time: the column of names, and a row.
_NAMES, _LINE = 300, 30
#: So many hosts are drawn each for itself; of more, those that run the same are one.
_FEW = 4


@dataclass
class _Svg:
    """Elements of a drawing, in their order."""

    parts: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """Draw a box with round corners."""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self.parts.append(f'<rect class={quoteattr(kind)} {place} rx="{min(8, width / 2, height / 2):g}"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """Write words."""
        self.parts.append(
            f'<text class={quoteattr(kind)} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def curve(self, start: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        """Draw an arrow that bends."""
        (x1, y1), (x2, y2) = start, end
        middle = (x1 + x2) / 2
        way = f"M{x1:g} {y1:g} C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
        self.parts.append(f'<path class={quoteattr(kind)} d="{way}" marker-end="url(#tip)"/>')

    def whole(self, width: float, height: float, name: str, title: str, told: str) -> str:
        """Return the drawing, which says to those who do not see it what it shows."""
        tip = (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
        )
        arrows = tip if any("url(#tip)" in part for part in self.parts) else ""
        return (
            f'<svg class="drawing" viewBox="0 0 {width:g} {height:g}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc">'
            f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(told)}</desc>'
            f"{arrows}{''.join(self.parts)}</svg>"
        )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _place(addresses: Sequence[str]) -> str:
    """Return where a server is, without its port: the port is what everybody knows."""
    hosts = list(dict.fromkeys(re.sub(r":[0-9]+$", "", address) for address in addresses))
    return f"on {hosts[0]}" if len(hosts) == 1 else f"on {len(hosts)} hosts"


@dataclass(frozen=True)
class Group:
    """Hosts that run the same."""

    names: tuple[str, ...]
    host: Host

    @property
    def label(self) -> str:
        """What they are called."""
        first, count = self.names[0], len(self.names)
        return first if count == 1 else f"{first} and {count - 1} more"


def groups(hosts: Sequence[Host]) -> list[Group]:
    """Return hosts that run the same as one, in their order; those that run no pool are left out."""
    found: dict[tuple[str, tuple[Pool, ...]], list[Host]] = {}
    working = [host for host in hosts if host.pools]
    for host in working:
        alone = host.name if len(working) <= _FEW else ""
        found.setdefault((alone, host.pools), []).append(host)
    return [
        Group(
            tuple(host.name for host in same),
            replace(same[0], healthy=all(host.healthy for host in same)),
        )
        for same in found.values()
    ]


def topology(report: Report) -> str:
    """Return who sends where, and who serves which queue."""
    svg = _Svg()
    together = groups(report.hosts)
    rows = _queue_rows(report.queues)
    top = 8.0
    height = _HEAD + len(rows) * _ROW + _PAD
    lanes: dict[str, float] = {}
    broker = next(server for server in report.servers if server.role == "broker")
    edges: list[tuple[tuple[float, float], tuple[float, float], str]] = []

    # The broker, with its queues.
    left, width = _BROKER
    svg.box(left, top, width, height, "server")
    svg.text(left + _PAD, top + 20, _short(broker.kind, 30), "head")
    if broker.addresses:
        place = _place(broker.addresses)
        svg.text(
            left + width - _PAD, top + 20, _short(place, max(0, 30 - len(broker.kind))), "small faint", "end"
        )
    for index, queue in enumerate(rows):
        y = top + _HEAD + index * _ROW
        lanes[queue.name] = y + _ROW / 2 - 4
        svg.box(left + 8, y, width - 16, _ROW - 6, "queue" if queue.pools else "queue bad")
        svg.text(left + 16, y + 14, _short(queue.name, 22), "small")
        svg.text(left + width - 16, y + 14, f"{queue.tasks}", "small faint", "end")

    # Who sends.
    senders = ["Web, shell, scripts", *(f"beat on {host.name}" for host in report.hosts if host.beat)]
    left_of, sender_width = _SENDERS
    for index, sender in enumerate(senders[:6]):
        y = top + index * 46
        svg.box(left_of, y, sender_width, 34, "sender")
        svg.text(left_of + _PAD, y + 21, _short(sender, 26), "small")
        edges.append(((left_of + sender_width, y + 17), (left - 2, top + 16 + index * 6), "edge"))
    bottom = max(top + height, top + len(senders[:6]) * 46)

    # Who serves.
    host_left, host_width = _HOSTS
    y = top
    for group in together:
        box = _HEAD + len(group.host.pools) * _ROW + _PAD - 4
        svg.box(host_left, y, host_width, box, "host" if group.host.healthy else "host bad")
        svg.text(host_left + _PAD, y + 20, _short(group.label, 44), "head")
        for index, pool in enumerate(group.host.pools):
            line = y + _HEAD + index * _ROW
            svg.box(host_left + 8, line, host_width - 16, _ROW - 6, "pool" if pool.healthy else "pool bad")
            svg.text(host_left + 16, line + 14, _short(pool.name, 24), "small")
            what = f"{pool.kind}, {pool.at_once} at once"
            svg.text(host_left + host_width - 16, line + 14, what, "small faint", "end")
            kind = "edge" if pool.healthy else "edge bad"
            edges += [
                ((left + width - 8, lanes[queue]), (host_left + 6, line + 10), kind)
                for queue in pool.queues
                if queue in lanes
            ]
        y += box + _GAP
    bottom = max(bottom, y - _GAP)

    # What all of them use.
    for index, server in enumerate(one for one in report.servers if one.role != "broker"):
        x = left + index * 360
        svg.box(x, bottom + _GAP, 330, 36, "server")
        words = _short(f"{server.role.capitalize()}: {server.kind}", 46)
        svg.text(x + _PAD, bottom + _GAP + 22, words, "small")
    for start, end, kind in edges:
        svg.curve(start, end, kind)
    return svg.whole(_WIDTH, bottom + _GAP + 44, "topology", "Topology", _topology_told(report, together))


def _queue_rows(queues: Iterable[Queue]) -> list[Queue]:
    """Return the queues, those that nobody serves last, with numbers in their order."""

    def key(queue: Queue) -> tuple[bool, list[tuple[int, str]]]:
        parts = re.findall(r"[0-9]+|[^0-9]+", queue.name)
        return not queue.pools, [(int(part), "") if part.isdigit() else (-1, part) for part in parts]

    return sorted(queues, key=key)


def _topology_told(report: Report, together: Sequence[Group]) -> str:
    served = "; ".join(
        f"{group.label}: "
        + ", ".join(f"{pool.name} serves {' and '.join(pool.queues)}" for pool in group.host.pools)
        for group in together
    )
    beats = ", ".join(host.name for host in report.hosts if host.beat) or "no host"
    return f"{served}. Beat runs on {beats}."


def timeline(report: Report) -> str:
    """Return the next runs of each periodic task on an axis of time."""
    start = datetime.fromisoformat(report.at)
    entries = [entry for entry in report.schedule if entry.enabled]
    svg = _Svg()
    axis = _WIDTH - _NAMES - 20
    bottom = 34 + len(entries) * _LINE

    def place(moment: datetime) -> float:
        return _NAMES + axis * ((moment - start) / SPAN)

    hour = start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while hour < start + SPAN:
        if hour.hour % 3 == 0:
            svg.box(place(hour), 24, 1, bottom - 24, "tick")
            svg.text(place(hour), 16, hour.strftime("%H:%M"), "small faint", "middle")
        hour += timedelta(hours=1)
    for index, entry in enumerate(entries):
        y = 34 + index * _LINE
        svg.text(0, y + 14, _short(entry.name, 40), "small")
        if len(entry.runs) >= MOST:
            svg.box(_NAMES, y, axis, 20, "band")
            svg.text(_NAMES + 10, y + 14, f"{entry.when}: more often than shown here", "on")
        elif not entry.runs:
            told = f"{entry.when}: not in these 24 hours, or only the host can tell"
            svg.text(_NAMES + 8, y + 14, told, "small faint")
        for run in entry.runs if len(entry.runs) < MOST else ():
            svg.box(place(datetime.fromisoformat(run)) - 3, y + 2, 6, 16, "run")
    told = "; ".join(f"{entry.name}: {entry.when}" for entry in entries) or "There are none."
    return svg.whole(_WIDTH, bottom + 8, "timeline", "Next runs of periodic tasks in 24 hours, UTC", told)


def limits(report: Report) -> str:
    """Return the chain of times of each pool: task, stop of its unit, patience of the broker."""
    pools = {pool.name: pool for host in report.hosts for pool in host.pools}
    times = [pool.stop_timeout for pool in pools.values()] + [pool.time_limit or 0 for pool in pools.values()]
    longest = max([report.patience, *times, 1])
    svg = _Svg()
    room = _WIDTH - _NAMES - 110
    y = 6.0
    for pool in pools.values():
        bars = [
            ("a task may take", pool.time_limit, "bar"),
            ("its unit gets to stop", pool.stop_timeout, "bar second"),
            ("the broker waits", report.patience or None, "bar third"),
        ]
        svg.text(0, y + 15, _short(pool.name, 24), "head")
        for what, seconds, kind in bars:
            svg.text(150, y + 15, what, "small faint")
            if seconds:
                width = max(3, room * seconds / longest)
                svg.box(_NAMES, y + 4, width, 14, kind)
                svg.text(_NAMES + width + 8, y + 15, f"{seconds} s", "small")
            else:
                svg.text(_NAMES, y + 15, "no limit", "small")
            y += 22
        y += 12
    told = "; ".join(
        f"{pool.name}: a task {pool.time_limit or 'without limit'} s, stop {pool.stop_timeout} s"
        for pool in pools.values()
    )
    return svg.whole(_WIDTH, y, "limits", "Times that have to fit", told or "No pools.")
