# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy is about to do, and what releases there are, as lines of text."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from typing import Any

#: How many names a line lists.
_NAMES = 8


def plan(facts: Mapping[str, Any]) -> list[str]:
    """Return what will happen, a line for each matter that has something to say.

    Args:
        facts: as the role celery_release has them in plan.yml.
    """
    name, before = facts["name"], facts["before"]
    differs = facts["differs"] or {}
    files: Sequence[str] = differs.get("files") or ()
    rows: list[tuple[str, str]] = [
        (facts["what"], f"{name or 'a new release'} {facts['subject']}".strip()),
        ("runs now", before or "nothing of this collection's releases"),
    ]
    if name and name == before:
        rows.append(("release", "the same as now: only what differs besides is changed"))
    elif facts["there"]:
        rows.append(("release", "it is there already, and is not built again"))
    rows += [("commit", text) for text in differs.get("commits") or ()]
    rows += [("taken back", text) for text in differs.get("back") or ()]
    if files and facts["check"]:
        rows.append(("packages", _names([file for file in files if _is_of_packages(file)])))
        rows.append(("migrations", _names([file for file in files if "/migrations/" in f"/{file}"])))
    rows.append(("migrations", _names(facts["pending"])))
    old, new = (facts["old"] or {}).get("tasks") or {}, facts["tasks"] or {}
    if old and new:
        rows.append(("tasks come", _names(sorted({*new} - {*old}))))
        rows.append(("tasks go", _names(sorted({*old} - {*new}))))
    rows += [("allowed", text) for text in facts["told"]]
    rows += [(f"batch {number}", ", ".join(hosts)) for number, hosts in enumerate(facts["batches"], 1)]
    return table([row for row in rows if row[1]])


def _is_of_packages(file: str) -> bool:
    name = os.path.basename(file)
    return name in ("pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock", "setup.cfg") or (
        name.endswith((".txt", ".in")) and "requirements" in file
    )


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, in columns; the last column is as long as it is."""
    if not rows:
        return []
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def shown(look: Mapping[str, Any]) -> list[str]:
    """Return the releases of a host and its log.

    Args:
        look: the answer of the module celery_release, step ``look``.
    """
    releases = [
        (
            "->" if release["name"] == look["current"] else "  ",
            release["name"],
            release["version"] or "-",
            "" if release["proven"] else "never proven",
            release["subject"],
        )
        for release in look["releases"]
    ]
    log = [
        (
            str(line.get("time", "")),
            str(line.get("who", "")),
            f"{line.get('what', '')} {line.get('result', '')}",
            f"{line.get('seconds', '')} s",
            # The lines of a journal that follow are in the log.
            f"{line.get('release', '')} {line.get('cause', '')}".strip().partition("\n")[0],
        )
        for line in look["log"]
    ]
    return [*(table(releases) or ["no release yet"]), *([""] if log else []), *table(log)]
