# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app whose tasks note how many clients of Redis their worker has made so far: for a pool in one process.

FOLDER in the environment has the package celeriac_service, and the notes; SERVICE is `ours`, if one is there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import redis
from celery import Celery

FOLDER = Path(os.environ["FOLDER"])
sys.path.insert(0, str(FOLDER))

if os.environ["SERVICE"] == "ours":
    import celeriac_service

    celeriac_service.install()

app = Celery("clients", broker=os.environ["BROKER"], set_as_current=False)
app.conf.broker_transport_options = {"global_keyprefix": "shop:"}
made = 0


def counted(init: Callable[..., None]) -> Callable[..., None]:
    """Count the calls of a class's __init__."""

    @wraps(init)
    def count(*args: Any, **kwargs: Any) -> None:
        global made  # noqa: PLW0603 - a worker has one module
        made += 1
        init(*args, **kwargs)

    return count


redis.Redis.__init__ = counted(redis.Redis.__init__)


@app.task(name="clients.note")
def note(name: str) -> None:
    """Note how many there were."""
    part = FOLDER / f".{name}"
    part.write_text(str(made))
    part.rename(FOLDER / name)
