# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do where a row of the proof fails."""

from __future__ import annotations

#: By the beginning of the row's name; the first that fits counts.
_ADVICE = (
    (
        "settings loaded",
        "Set celery_project_settings to the module that production runs with, and run integrate.yml.",
    ),
    ("apps and tables migrated", "Run integrate.yml: it applies what is pending before workers start."),
    ("tasks reach workers", "Take the setting out of what production reads, then run integrate.yml."),
    ("units of pool", "Look at the unit's last lines: NAME-celery logs, or journalctl -u 'NAME-worker-*'."),
    ("workers answer", "Look whether the unit runs and reaches the broker: NAME-celery status on the host."),
    (
        "tasks registered",
        "Name the module tasks.py, or import it from one, and put its app into INSTALLED_APPS; a worker that "
        "runs old code is renewed by integrate.yml.",
    ),
    (
        "round trip",
        "Look whether the pool consumes its queue, and whether the result backend can be written.",
    ),
    ("rolled-back transaction", "Send with delay_on_commit, and look which code sends inside a transaction."),
    ("committed transaction", "Send with delay_on_commit, and look whether the task's queue is served."),
    (
        "one beat answers",
        "Exactly one host runs beat: put it alone into the group celery_beat, and stop the others.",
    ),
    ("beat fired", "Look at beat's unit and its schedule: NAME-celery status, journalctl -u NAME-beat."),
    ("beat runs", "Start beat's unit: systemctl start NAME-beat."),
    ("last error", "It is the last that the process has told; mend it first."),
    ("last errors", "It is the last that the process has told; mend it first."),
)


def of(row: str, name: str) -> str:
    """Return what to do.

    Args:
        row: the name of the row that failed.
        name: the deployment's.
    """
    for begins, text in _ADVICE:
        if row.startswith(begins):
            return text.replace("NAME", name)
    return "Read the evidence, mend it, and run verify.yml again."
