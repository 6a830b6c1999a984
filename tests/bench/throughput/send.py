# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure one round, in the environment of a contender.

`send.py rate TASK NUMBER` prints the seconds that so many tasks take. The worker stops listening, everything
is sent, and the worker listens again. The first and the last message note the time: between them, the worker
alone has worked.

`send.py waits RATE SECONDS` sends tasks of one query at a steady rate, and prints how many seconds each of
them was in the queue, as JSON.

`send.py mark KEY` sends one message that notes the time at which it is done.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

import redis
from celery.app.utils import find_app

#: Where the messages note what is measured, whichever broker they come by.
NOTES = "redis://:redis_molecule_password@127.0.0.1:6379/2"


def rate(app: Any, client: Any, name: str, number: int) -> str:
    """Send, wait, return the seconds between the first and the last."""
    key = f"bench-{uuid.uuid4()}"
    task, mark = app.tasks[f"demoapp.tasks.{name}"], app.tasks["demoapp.tasks.mark"]
    queue = app.conf.task_default_queue
    assert app.control.cancel_consumer(queue, reply=True, timeout=10, limit=1)
    with app.pool.acquire(block=True) as connection:
        producer = app.amqp.Producer(connection)
        mark.apply_async((NOTES, key), producer=producer)
        for _number in range(number):
            task.apply_async(producer=producer)
        mark.apply_async((NOTES, key), producer=producer)
    assert app.control.add_consumer(queue, reply=True, timeout=10, limit=1)
    first, last = map(float, noted(client, key, 2))
    return f"seconds: {last - first:.3f}"


def waits(app: Any, client: Any, each_second: float, seconds: float) -> str:
    """Send at a steady rate, wait, return how long each was in the queue."""
    key = f"bench-{uuid.uuid4()}"
    task = app.tasks["demoapp.tasks.waited"]
    number = int(each_second * seconds)
    with app.pool.acquire(block=True) as connection:
        producer = app.amqp.Producer(connection)
        begin = time.monotonic()
        for count in range(number):
            time.sleep(max(0.0, begin + count / each_second - time.monotonic()))
            task.apply_async((NOTES, key, time.time()), producer=producer)
    return f"waits: {json.dumps([float(word) for word in noted(client, key, number)])}"


def noted(client: Any, key: str, number: int) -> list[bytes]:
    """Return what so many messages have noted."""
    deadline = time.monotonic() + 300
    while client.llen(key) < number:
        assert time.monotonic() < deadline, "the tasks were not done within 300 s"
        time.sleep(0.05)
    found: list[bytes] = client.lrange(key, 0, -1)
    client.delete(key)
    return found


def main() -> None:
    """Do what is asked for, and print."""
    what, *rest = sys.argv[1:]
    app = find_app("proj")
    app.loader.import_default_modules()
    with redis.Redis.from_url(NOTES) as client:
        if what == "rate":
            print(rate(app, client, rest[0], int(rest[1])))
        elif what == "waits":
            print(waits(app, client, float(rest[0]), float(rest[1])))
        else:
            app.tasks["demoapp.tasks.mark"].apply_async((NOTES, rest[0]))


if __name__ == "__main__":
    main()
