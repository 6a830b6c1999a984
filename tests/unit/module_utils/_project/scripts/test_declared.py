# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether periodic tasks are what was declared: each thing that can be wrong is broken once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import declared
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts.declared import Around, Entry

NIGHTLY = Entry("nightly", "orders.tasks.send", "<crontab: 0 4 * * *>", "celery", next=3600.0)
MAIL = Entry("mail", "mails.tasks.mail", "<freq: 5.00 minutes>", "mails", next=60.0)
AROUND = Around({"orders.tasks.send": 1, "mails.tasks.mail": 1}, ("celery", "mails"))
RUNNING: dict[str, dict[str, Any]] = {
    "nightly": {"task": "orders.tasks.send", "when": "<crontab: 0 4 * * *>", "next": 3500.0},
    "mail": {"task": "mails.tasks.mail", "when": "<freq: 5.00 minutes>", "next": 30.0},
    "celery.backend_cleanup": {"task": "celery.backend_cleanup", "when": "<crontab: 0 4 * * *>", "next": 9.0},
}


def test_a_schedule_that_runs_as_declared() -> None:
    found = declared.verdict([NIGHTLY, MAIL], RUNNING, AROUND)
    assert found.ok
    assert found.text == "2 periodic tasks; next celery.backend_cleanup in 9 s"


def test_a_beat_that_cannot_be_asked_is_told() -> None:
    found = declared.verdict([NIGHTLY, MAIL], None, AROUND)
    assert found.ok
    assert found.text == "2 periodic tasks, and beat cannot be asked; next mail in 60 s"


def test_what_is_switched_off_is_told_and_not_run() -> None:
    running = {name: one for name, one in RUNNING.items() if name != "mail"}
    off = Entry("mail", MAIL.task, MAIL.when, MAIL.queue, enabled=False)
    found = declared.verdict([NIGHTLY, off], running, AROUND)
    assert found.ok
    assert found.text.endswith("switched off: mail")


@pytest.mark.parametrize(
    ("entries", "running", "around", "words"),
    [
        ([Entry("x", "of.nobody", "w")], None, AROUND, "x: no task of.nobody is registered"),
        (
            [Entry("x", MAIL.task, "w", "lost")],
            None,
            AROUND,
            "x goes to the queue lost, which no pool serves",
        ),
        ([Entry("x", MAIL.task, "w", next=-900.0)], None, AROUND, "x is 900 s late"),
        ([NIGHTLY, MAIL], {"nightly": RUNNING["nightly"]}, AROUND, "beat does not run mail"),
        ([NIGHTLY], RUNNING, AROUND, "beat runs mail, which nobody declares"),
        (
            [NIGHTLY, Entry("mail", MAIL.task, "<freq: 1.00 minute>", "mails")],
            RUNNING,
            AROUND,
            "beat runs mail as mails.tasks.mail <freq: 5.00 minutes>, and it is mails.tasks.mail <freq: 1",
        ),
        ([], None, Around((), different=["x is not in the tables"]), "x is not in the tables"),
    ],
)
def test_what_is_wrong_is_told(
    entries: list[Entry], running: dict[str, Any] | None, around: Around, words: str
) -> None:
    found = declared.verdict(entries, running, around)
    assert not found.ok
    assert words in found.text
    assert "; " not in found.text


def test_the_canary_is_late_by_design() -> None:
    canary = Entry("canary", "orders.tasks.send", "w", next=-86400.0)
    assert not declared.verdict([canary], None, AROUND).ok
    around = Around(AROUND.tasks, AROUND.served, quick=("canary",))
    found = declared.verdict([canary], None, around)
    assert (found.ok, found.text) == (True, "1 periodic tasks, and beat cannot be asked")


def test_without_entries_no_table_is_asked() -> None:
    assert declared.differences("shop", []) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (600, "10 min"), (83_823, "23 h"), (604_800, "7 days")]
)
def test_a_time_is_told_as_people_say_it(seconds: float, text: str) -> None:
    assert declared._span(seconds) == text


def test_a_schedule_that_shows_its_place_in_memory_is_the_same() -> None:
    assert declared._plain("<Once object at 0x7f26827bae90>") == declared._plain("<Once object at 0x7f00>")
    assert declared._plain("<crontab: 0 4 * * *>") != declared._plain("<crontab: 1 4 * * *>")


def test_a_crontab_that_is_not_due_soon_is_in_nobodys_memory() -> None:
    far = Entry("far", "orders.tasks.send", "<crontab: 0 4 * * *>", loaded=False)
    assert declared.verdict([far], {"mail": RUNNING["mail"]}, Around(AROUND.tasks)).text == (
        "beat runs mail, which nobody declares"
    )
