# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How deep queues are, as each kind of broker tells it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import waiting


class RefusedError(Exception):
    """What a broker says of a queue that is not there."""


class Channel:
    """A channel to queues of these depths."""

    def __init__(self, depths: dict[str, int]) -> None:
        self.depths = depths
        self.asked: list[str] = []

    def _size(self, queue: str) -> int:
        self.asked.append("size")
        return self.depths.get(queue, 0)

    def queue_declare(self, queue: str, passive: bool) -> Any:
        """Tells of a queue, and makes none."""
        assert passive
        self.asked.append("declare")
        if queue not in self.depths:
            raise RefusedError
        return SimpleNamespace(message_count=self.depths[queue])


@pytest.mark.parametrize(
    ("kind", "asked", "missing"), [("redis", "size", 0), ("amqp", "declare", None), ("sqs", "declare", None)]
)
def test_a_broker_is_asked_for_what_its_user_may_know(kind: str, asked: str, missing: int | None) -> None:
    connection = SimpleNamespace(transport=SimpleNamespace(driver_type=kind), channel_errors=(RefusedError,))
    channel = Channel({"celery": 3})
    assert waiting.depth(connection, channel, "celery") == 3
    assert waiting.depth(connection, channel, "gone") == missing
    assert channel.asked == [asked, asked]
