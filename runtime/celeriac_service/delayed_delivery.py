# SPDX-License-Identifier: 0BSD
"""ETAs on RabbitMQ: their queues are made on the server that the worker is connected to."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import delayed_delivery
from kombu.utils.url import parse_url


class DelayedDelivery(delayed_delivery.DelayedDelivery):
    """Celery's step, which does its work at one server of the list.

    Celery 5.7 goes to each address at each start and after each loss of a connection, and
    three times to one that is away: 10 to 15 s in which no task begins. The nodes of a
    cluster all have what one was told, and a server that is no part of it is told when a
    worker connects to it.
    """

    def start(self, c: Any) -> None:
        """Make the exchanges and the queues, and bind those of the tasks."""
        self.server = (c.connection.hostname, c.connection.port)
        super().start(c)

    def _validate_broker_urls(self, broker_urls: Any) -> set[str]:
        urls: set[str] = super()._validate_broker_urls(broker_urls)
        # Where none fits, such as with addresses of their own for reading, all are right.
        return {url for url in urls if self._is_here(url)} or urls

    def _is_here(self, url: str) -> bool:
        parts = parse_url(url)
        host, port = self.server
        return parts["hostname"] == host and parts["port"] in (None, port)
