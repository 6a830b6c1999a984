# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app whose one task begins when the broker is there, and ends when a file says so.

FOLDER in the environment has the package celeriac_service, and the files; CONSUMER is `ours` or Celery's own.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery, signals

FOLDER = Path(os.environ["FOLDER"])
sys.path.insert(0, str(FOLDER))

app = Celery("outage", broker=os.environ["BROKER"], backend=f"file://{FOLDER}/results", set_as_current=False)
app.conf.worker_hijack_root_logger = False


@signals.celeryd_init.connect
def use(conf: Any, **kwargs: Any) -> None:
    """Let the worker have our consumer."""
    if os.environ["CONSUMER"] == "ours":
        from celeriac_service import consumer

        consumer.use(conf)


@app.task(name="outage.work")
def work() -> str:
    """Work until told to end."""
    (FOLDER / "begun").touch()
    while not (FOLDER / "end").exists():
        time.sleep(0.05)
    (FOLDER / "ended").touch()
    return "done"
