# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the proof as text for a terminal: columns, and a colour for each state."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import advice

#: No line is longer, where it can be broken.
SCREEN = 100
#: As wide are the names of two hosts at the most; otherwise the first one stands for both.
_NAMES = 30
#: The marks of the states, and their colours, as Ansible names them.
_OK, _FAILED, _WARNED, _SKIPPED = "ok", "FAILED", "WARN", "-"
_COLOURS = {_OK: "green", _FAILED: "red", _WARNED: "bright purple", _SKIPPED: "dark gray"}


@dataclass(frozen=True)
class Line:
    """A line, and the colour that it has at a terminal; empty: none."""

    text: str
    colour: str = ""


def mark(row: Mapping[str, Any]) -> str:
    """Return the mark of a row, as the module celery_proof answers it."""
    if row.get("skipped"):
        return _SKIPPED
    if not row["ok"]:
        return _FAILED
    return _WARNED if row.get("warned") else _OK


def table(hosts: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> list[Line]:
    """Return the rows of hosts in columns. A row that is the same on several of them is there once.

    Args:
        hosts: the rows by host.
        name: the deployment's, for what to do where a row failed.
    """
    together: dict[tuple[str, str, str], list[str]] = {}
    for host, rows in hosts.items():
        for row in rows:
            together.setdefault((mark(row), str(row["name"]), str(row["detail"])), []).append(host)
    # As the proof has them, those of one name one below the other.
    order = {row: number for number, row in enumerate(dict.fromkeys(row for _mark, row, _text in together))}
    found = sorted(together.items(), key=lambda one: order[one[0][1]])
    about = {key: _about(names, len(hosts)) for key, names in found}
    width = max((len(key[1]) for key, _names in found), default=0)
    second = max(map(len, about.values()), default=0)
    lines: list[Line] = []
    for key, _names in found:
        state, name_of_row, text = key
        hosts_column = f"{about[key]:<{second}}  " if second else ""
        head = f"  {state:<6}  {name_of_row:<{width}}  {hosts_column}"
        lines += [Line(line, _COLOURS[state]) for line in wrapped(text, head)]
        if state in (_FAILED, _WARNED):
            todo = f"to do: {advice.of(name_of_row, name)}"
            lines += [Line(line, _COLOURS[state]) for line in wrapped(todo, " " * len(head))]
    return [*lines, *_sum(found, len(hosts))]


def _about(names: Sequence[str], hosts: int) -> str:
    """Return which hosts a row is about, where there are several."""
    if hosts == 1:
        return ""
    if len(names) == hosts:
        return "all hosts"
    both = ", ".join(names)
    if len(names) <= 2 and len(both) <= _NAMES:
        return both
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _sum(found: Sequence[tuple[tuple[str, str, str], list[str]]], hosts: int) -> Iterator[Line]:
    """Yield the last line: how many rows there are, and how they came out."""
    numbers = {state: sum(len(names) for key, names in found if key[0] == state) for state in _COLOURS}
    if not sum(numbers.values()):
        return
    words = {_OK: "ok", _FAILED: "failed", _WARNED: "with a warning", _SKIPPED: "not asked"}
    texts = [f"{number} {words[state]}" for state, number in numbers.items() if number]
    where = f" on {hosts} hosts" if hosts > 1 else ""
    state = next((one for one in (_FAILED, _WARNED) if numbers[one]), _OK)
    yield Line(f"  {sum(numbers.values())} checks{where}: {', '.join(texts)}", _COLOURS[state])


def wrapped(text: str, first: str) -> list[str]:
    """Return a text in lines; no path is broken."""
    return textwrap.wrap(
        text,
        max(SCREEN, len(first) + 40),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
