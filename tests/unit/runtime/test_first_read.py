# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready is told after the first answer of the broker, once. The real ones are in tests/integration."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest

from .conftest import Load


def worker(transport: Any, hub: object = None) -> Any:
    """A worker's consumer with this transport."""
    return SimpleNamespace(connection=SimpleNamespace(transport=transport), hub=hub)


def redis(*questions: str) -> Any:
    """A transport whose channel 1 asks a server."""
    return SimpleNamespace(answers=None, questions=lambda: {(id(one), text) for text in questions})


one = SimpleNamespace()


def test_all_questions_are_answered_first(load: Load) -> None:
    told: list[str] = []
    transport = redis("BRPOP", "LISTEN")
    load("first_read").wait(worker(transport, hub=object()), lambda: told.append("ready"))
    transport.answers.came(SimpleNamespace(), "BRPOP")  # of another channel
    transport.answers.came(one, "LISTEN")
    assert told == []
    for _again in range(2):
        transport.answers.came(one, "BRPOP")
    assert told == ["ready"]


def test_who_asks_nothing_is_ready_at_once(load: Load) -> None:
    told: list[str] = []
    wait = load("first_read").wait
    wait(worker(redis(), hub=object()), lambda: told.append("no queue"))
    # What RabbitMQ refuses, it has refused by then.
    wait(worker(SimpleNamespace(), hub=object()), lambda: told.append("amqp"))
    wait(worker(SimpleNamespace()), lambda: told.append("amqp without a loop"))
    assert told == ["no queue", "amqp", "amqp without a loop"]


def nothing() -> None:
    """Find no message."""
    raise Empty


def broken() -> None:
    """Find a folder that is none."""
    raise NotADirectoryError


@pytest.mark.parametrize(("look", "ready"), [(nothing, True), (lambda: "message", True), (broken, False)])
def test_a_folder_was_looked_into(look: Callable[[], object], ready: bool, load: Load) -> None:
    told: list[str] = []
    cycle = SimpleNamespace(get=look)
    load("first_read").wait(worker(SimpleNamespace(cycle=cycle)), lambda: told.append("ready"))
    assert told == []
    # As kombu does, which looks again and again by the function that it had first.
    get = cycle.get
    for _again in range(3):
        try:
            get()
        except (Empty, NotADirectoryError):
            continue
    assert len(told) == int(ready)
    assert (cycle.get is look) is ready
