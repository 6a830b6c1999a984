# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to pools and to single workers, and what comes back."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import messages


class TimeoutOfCeleryError(Exception):
    """Celery's, where it is installed."""


class Channel:
    """A channel of a broker that has some queues."""

    def __init__(self, code: int) -> None:
        self.code = code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def queue_declare(self, queue: str, passive: bool) -> None:
        """Refuses as RabbitMQ does."""
        assert passive
        assert queue == "celeriac.default.0a@web1"
        if self.code:
            error = OSError(queue)
            error.reply_code = self.code  # type: ignore[attr-defined]
            raise error


class Broker:
    """The part of an app that sends, and notes what."""

    def __init__(self, kind: str = "redis", code: int = 0, result: Any = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.result = result
        transport = SimpleNamespace(driver_type=kind)
        self.connection = SimpleNamespace(
            transport=transport, channel=lambda: Channel(code), channel_errors=(OSError,)
        )
        self.amqp = SimpleNamespace(create_task_message=self.created)
        self.backend = SimpleNamespace(on_task_call=lambda _producer, token: self.sent.append({"for": token}))
        self.producer_pool = self

    @staticmethod
    def created(token: str, name: str, args: Any, kwargs: Any, expires: int) -> Any:
        """Returns a message as Celery makes it."""
        assert (name, expires) == (messages.OWN_TASK, 60)
        return SimpleNamespace(
            body=(args, kwargs), headers={"id": token}, properties={"correlation_id": token}
        )

    @contextlib.contextmanager
    def acquire(self, block: bool) -> Iterator[Broker]:
        """Gives itself as a producer."""
        assert block
        yield self

    def publish(self, body: Any, **how: Any) -> None:
        """Takes a message."""
        self.sent.append({"body": body, **how})

    def AsyncResult(self, token: str) -> Any:  # noqa: N802 - Celery's name
        """Returns the result that was given."""

        def get(timeout: float, interval: float, propagate: bool) -> Any:
            assert (timeout, interval, propagate) == (3.0, 0.02, False)
            if self.result is None:
                raise TimeoutOfCeleryError
            return self.result

        return SimpleNamespace(get=get, forget=lambda: self.sent.append({"forgot": token}))


@pytest.fixture(autouse=True)
def celery(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is imported of Celery."""
    module = ModuleType("celery.exceptions")
    module.TimeoutError = TimeoutOfCeleryError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celery", ModuleType("celery"))
    monkeypatch.setitem(sys.modules, "celery.exceptions", module)


@pytest.mark.parametrize(
    ("kind", "code", "there"), [("redis", 404, True), ("amqp", 404, False), ("amqp", 405, True)]
)
def test_a_message_to_one_worker(kind: str, code: int, there: bool) -> None:
    """RabbitMQ says of another's queue that it is locked or not there: it would lose the message."""
    broker = Broker(kind, code)
    sent = messages.Messages(broker, 3.0).send_to("default.0a@web1", fail=True)
    assert (sent is not None) is there
    if sent:
        begun, message = broker.sent
        assert begun == {"for": sent.token}
        assert message["body"] == ((sent.token,), {"fail": True})
        assert (message["exchange"], message["routing_key"]) == ("", "celeriac.default.0a@web1")


@pytest.mark.parametrize(
    ("result", "arrived", "failed"), [(None, False, False), ("x", True, False), (ValueError("x"), True, True)]
)
def test_what_comes_back(result: Any, arrived: bool, failed: bool) -> None:
    broker = Broker(result=result)
    asked = messages.Messages(broker, 3.0)
    answer = asked.wait(asked.begun("token"))
    assert (answer.arrived, answer.failed, answer.value) == (arrived, failed, result)
    assert broker.sent == [{"forgot": "token"}]
    assert answer.took_text.endswith(" ms")
