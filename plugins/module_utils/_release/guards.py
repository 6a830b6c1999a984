# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a release from running beside the one before: told, and refused where nobody has allowed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """What was found: what is refused, and what is only told."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def judge(
    answer: Mapping[str, Any],
    behind: Sequence[Mapping[str, str]],
    said: Mapping[str, str],
    place: str,
) -> Verdict:
    """Judge what the project's own Python has found.

    Args:
        answer: as of :mod:`_project.scripts.guard`.
        behind: what of the migrations that only the database has older code cannot bear.
        said: ``migrations`` and ``skew``, each with ``refuse``, ``warn`` or ``allow``.
        place: the folder of the release, which is left out of the places of files.
    """
    refused: list[str] = [
        f"{one}, a file inside of the release: each release would have its own, and no service may write "
        "there. Use a server, or a path outside of the checkout, such as one in celery_environment"
        for one in answer.get("inside", ())
    ]
    told: list[str] = []
    by_guard = {
        "migrations": [
            *(_migration(one, place) for one in answer.get("unsafe", ())),
            *(
                f"the database has {one['migration']}, which this release lacks, and its code cannot bear: "
                f"{one['operation']} ({one['why']})"
                for one in behind
            ),
        ],
        "skew": [_task(one) for one in answer.get("unknown", ())],
    }
    hints = {
        "migrations": "docs/deploy.md tells how to do it in two deploys; celery_release_migrations: warn or "
        "allow does it at once",
        "skew": "let them run out first, or keep the task for one release more; celery_release_skew: warn or "
        "allow deploys all the same",
    }
    for guard, found in by_guard.items():
        if not found or said[guard] == "allow":
            continue
        if said[guard] == "refuse":
            refused.append(f"{'; '.join(found)}: {hints[guard]}")
        else:
            told += found
    told += [f"Not looked at: {one}." for one in answer.get("blind", ()) if said["skew"] != "allow"]
    return Verdict(tuple(refused), tuple(told))


def _migration(one: Mapping[str, str], place: str) -> str:
    file = one["file"].removeprefix(place.rstrip("/") + "/")
    return f"{file}: {one['operation']}: {one['why']}"


def _task(one: Mapping[str, Any]) -> str:
    times = "once" if one["count"] == 1 else f"{one['count']} times"
    return f"the task {one['task']}, which this release does not know, waits {times} in {one['where']}"
