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
    ("host runs tasks", "When the maintenance is over: NAME-celery resume on that host."),
    ("units of pool", "Look at the unit's last lines: NAME-celery logs, or journalctl -u 'NAME-worker-*'."),
    ("workers answer", "Look whether the unit runs and reaches the broker: NAME-celery status on the host."),
    (
        "settings known",
        "Correct the name in the settings, or take the line out: Celery ignores what it does not know.",
    ),
    ("variables set", "Put the value into celery_environment or celery_secrets, and run integrate.yml."),
    (
        "secrets kept",
        "Read it with os.environ in the settings, put a new value into celery_secrets, and run "
        "integrate.yml.",
    ),
    (
        "limits fit",
        "Lower the task's time_limit, or raise the pool's stop_timeout or celery_visibility_timeout.",
    ),
    (
        "pools as declared",
        "Run integrate.yml: it starts the pools as declared. What somebody did by remote control ends "
        "with the worker.",
    ),
    (
        "whole fleet",
        "Start what is silent (NAME-celery status on its host); stop a stranger, or give it a queue or a "
        "broker of its own.",
    ),
    (
        "queues consumed",
        "Add the queue to a pool in celery_workers, or correct the route that sends there.",
    ),
    ("no other tasks", "Run integrate.yml on that host: its worker runs other code than the checkout has."),
    ("each node works", "Look at the worker's last lines: NAME-celery logs on its host. Then restart it."),
    ("clocks agree", "Let systemd-timesyncd or chrony set the clock of that host."),
    (
        "errors come back",
        "Look whether the result backend can be written, and whether settings change how errors are kept.",
    ),
    (
        "schedule as declared",
        "Run integrate.yml, which starts beat with what is declared; correct the entry in the admin.",
    ),
    (
        "tasks registered",
        "The evidence names the cause, task by task. Mend it, and run integrate.yml.",
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
    ("site serves", "Look at its unit's last lines: journalctl -u 'NAME-web@*'. Then run integrate.yml."),
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
