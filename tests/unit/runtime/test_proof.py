# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker and beat answer to the proof."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from .conftest import Load


class Schedule:
    """A schedule that has some time left."""

    def __init__(self, text: str, left: float | None) -> None:
        self.text = text
        self.left = left

    def __str__(self) -> str:
        return self.text

    def remaining_estimate(self, last_run_at: str) -> timedelta:
        """Returns the time that is left, as Celery's do; one of somebody else's may not know."""
        assert last_run_at == "then"
        if self.left is None:
            raise NotImplementedError
        return timedelta(seconds=self.left)


def entry(name: str, task: str, text: str, left: float | None = 60) -> Any:
    """Returns an entry of a scheduler."""
    return SimpleNamespace(name=name, task=task, schedule=Schedule(text, left), last_run_at="then")


def test_the_task_says_what_the_clock_says_or_fails(load: Load) -> None:
    proof = load("proof")
    before = time.time()
    said = proof.answer("token")
    assert "token" in said.values()
    assert before <= said["time"] <= time.time()
    with pytest.raises(ValueError, match="token"):
        proof.answer("token", fail=True)


def test_no_log_has_its_failure_as_an_error(load: Load) -> None:
    app = mock.Mock()
    load("proof").register(app)
    _arguments, how = app.task.call_args
    assert how["throws"] == (ValueError,)
    assert not how["ignore_result"]


@pytest.mark.parametrize("kept", ["_schedule", "old_schedulers", "data"])
def test_what_a_scheduler_keeps_is_told(kept: str, load: Load) -> None:
    entries = {"nightly": entry("nightly", "orders.send", "<4:00>"), "odd": entry("odd", "x", "<?>", None)}
    scheduler = SimpleNamespace(**{kept: entries}, _heap=[])
    assert load("proof").entries(scheduler) == {
        "nightly": {"task": "orders.send", "when": "<4:00>", "next": 60.0},
        "odd": {"task": "x", "when": "<?>", "next": None},
    }


def test_the_newest_entry_says_when_it_is_next(load: Load) -> None:
    old, new = entry("a", "t", "<1 h>", -5), entry("a", "t", "<1 h>", 3595)
    event = SimpleNamespace(entry=new)
    scheduler = SimpleNamespace(old_schedulers={"a": old}, _heap=[event])
    assert load("proof").entries(scheduler)["a"]["next"] == 3595


def test_a_scheduler_that_keeps_nothing_tells_nothing(load: Load) -> None:
    assert load("proof").entries(SimpleNamespace(data={}, _heap=None)) == {}


def test_beat_answers_to_one_question_more(load: Load) -> None:
    proof = load("proof")

    class Pidbox:
        def __init__(self, service: Any) -> None:
            self.service = service
            self.node = SimpleNamespace(handlers={"ping": None})

    beat = SimpleNamespace(BeatPidbox=Pidbox)
    proof.tell_schedule(beat)
    scheduler = SimpleNamespace(data={"a": entry("a", "t", "<1 h>")})
    made = beat.BeatPidbox(SimpleNamespace(scheduler=scheduler))
    assert list(made.node.handlers) == ["ping", proof.SCHEDULE]
    assert made.node.handlers[proof.SCHEDULE]({})["ok"]["a"]["task"] == "t"


def test_before_celery_5_7_beat_has_no_such_thing(load: Load) -> None:
    beat = SimpleNamespace()
    load("proof").tell_schedule(beat)
    assert vars(beat) == {}
    load("proof").tell_schedule(None)


@pytest.mark.parametrize(
    ("headers", "done"), [({"task": "celeriac.proof"}, 1), ({"task": "other"}, 0), (None, 0)]
)
def test_a_letter_of_the_proof_is_done_as_a_task(headers: Any, done: int, load: Load) -> None:
    letters = object.__new__(load("self_check").Letters)
    letters.consumer = mock.Mock()
    message = SimpleNamespace(headers=headers)
    letters._received(message)
    assert letters.consumer.task_consumer.on_message.call_args_list == [mock.call(message)] * done
