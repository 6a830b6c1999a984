# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure one round, in the environment of a contender: `send.py TASK NUMBER`; prints seconds.

The worker stops listening, everything is sent, and the worker listens again. The first and the last message
note the time: between them, the worker alone has worked.
"""

from __future__ import annotations

import sys
import time
import uuid

import redis
from celery.app.utils import find_app


def main() -> None:
    """Send, wait, print."""
    app = find_app("proj")
    app.loader.import_default_modules()
    url = app.conf.broker_url
    key = f"bench-{uuid.uuid4()}"
    number = int(sys.argv[2])
    task = app.tasks[f"demoapp.tasks.{sys.argv[1]}"]
    mark = app.tasks["demoapp.tasks.mark"]
    queue = app.conf.task_default_queue
    assert app.control.cancel_consumer(queue, reply=True, timeout=10, limit=1)
    with app.pool.acquire(block=True) as connection, redis.Redis.from_url(url) as client:
        producer = app.amqp.Producer(connection)
        mark.apply_async((url, key), producer=producer)
        for _number in range(number):
            task.apply_async(producer=producer)
        mark.apply_async((url, key), producer=producer)
        assert app.control.add_consumer(queue, reply=True, timeout=10, limit=1)
        deadline = time.monotonic() + 300
        while client.llen(key) < 2:
            assert time.monotonic() < deadline, "the tasks were not done within 300 s"
            time.sleep(0.05)
        first, last = map(float, client.lrange(key, 0, 1))
        client.delete(key)
    print(f"seconds: {last - first:.3f}")


if __name__ == "__main__":
    main()
