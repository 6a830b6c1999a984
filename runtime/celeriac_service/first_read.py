# SPDX-License-Identifier: 0BSD
"""Ready means that something was read: who only says that it consumes may never get a task.

A worker asks for messages after it has told everybody that it is ready. A Redis answers that question
only then, and a user who may not ask it gets an error instead, again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any


class Answers:
    """The questions of a transport's channels that wait for their first answer."""

    def __init__(self, questions: set[tuple[int, str]], told: Callable[[], None]) -> None:
        """Take the questions, each with its channel's identity, and what is called after the last answer."""
        self.questions = questions
        self.told = told

    def came(self, channel: Any, question: str) -> None:
        """Note an answer that is no refusal."""
        if self.questions:
            self.questions.discard((id(channel), question))
            if not self.questions:
                self.told()


def wait(consumer: Any, told: Callable[[], None]) -> None:
    """Call *told* when the broker has answered a worker that has begun to ask for messages.

    RabbitMQ has answered by then: what it lets nobody consume, it has refused. A folder is read in the
    worker's loop, and so is a Redis, whose channels know of their own answers.
    """
    transport = consumer.connection.transport
    questions = getattr(transport, "questions", None)
    if questions is not None:
        asked = questions()
        transport.answers = Answers(asked, told)
        if asked:
            return
    elif consumer.hub is None and callable(getattr(getattr(transport, "cycle", None), "get", None)):
        _wait_for_a_look(transport.cycle, told)
        return
    told()


def _wait_for_a_look(cycle: Any, told: Callable[[], None]) -> None:
    """Call *told* when all queues were looked into once, or gave a message."""
    look = cycle.get

    def once() -> None:
        # Who has taken this function for good may call it again.
        if cycle.get is first:
            cycle.get = look
            told()

    def first(*args: Any, **kwargs: Any) -> Any:
        try:
            found = look(*args, **kwargs)
        except Empty:
            once()
            raise
        once()
        return found

    cycle.get = first
