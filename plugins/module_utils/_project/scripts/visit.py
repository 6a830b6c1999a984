# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask in one start of Django what would differ inside of the project, and where nothing does, prove."""

from __future__ import annotations

from typing import Any

from . import migrate, periodic, prove


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Return in ``differs`` the first part whose question says so; empty: ``proofs`` has the proofs.

    Args:
        job: that of the script prove, or none of it, and then nothing is proven; ``questions``: each a
            part, the name of a module and its arguments.
    """
    for part, module, given in job["questions"]:
        if QUESTIONS[module](given):
            return {"differs": part, "proofs": []}
    proven: dict[str, Any] = prove.main(job) if "nodes" in job else {"proofs": []}
    return {"differs": "", **proven}


def migrations(given: dict[str, Any]) -> bool:
    """Tell whether there is something to migrate, or to say about it."""
    job = {"databases": given["databases"], "check": True, "timeout": 0, "forks": bool(given["prefork"])}
    answer = migrate.main(job)
    databases = answer["databases"]
    return bool(
        answer["problem"]
        or answer["pooled"]
        or any(databases.values())
        or any(migrate.marker(alias).exists() for alias in databases)
    )


def schedule(given: dict[str, Any]) -> bool:
    """Tell whether the tables of django-celery-beat would be changed."""
    answer = periodic.main({**given, "keep": [], "check": True})
    return bool(answer["problems"]) or answer["before"] != answer["after"]


#: By the module whose question it is.
QUESTIONS = {"celery_migration": migrations, "celery_periodic_task": schedule}
