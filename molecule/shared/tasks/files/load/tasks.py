# SPDX-License-Identifier: GPL-3.0-or-later
"""The load: each task writes its number to the database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from celery import Task, shared_task
from celery.worker.control import control_command
from django.conf import settings
from django.db import InterfaceError, OperationalError

from .models import Done


@shared_task(
    bind=True,
    ignore_result=True,
    # As tasks on a database that restarts now and then should be.
    autoretry_for=(OperationalError, InterfaceError),
    max_retries=None,
    default_retry_delay=1,
)
def note(self: Task, number: int, seconds: float) -> None:
    """Work for some seconds, then write the number."""
    time.sleep(seconds)
    Done.objects.create(number=number, worker=self.request.hostname)


@shared_task
def everyday() -> str:
    """Do what tasks do, and return "fine"."""
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        Path(folder, "x").write_text("x")
        file.write(b"x")
    subprocess.run([sys.executable, "-c", "import ssl, ctypes"], check=True)
    subprocess.run(
        ["/bin/sh", "-c", "ls / | head -n 1; id; uname -a; nproc"], check=True, capture_output=True
    )
    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(len, ["x"] * 100)) == 100
    # A fork of a large process.
    memory = bytearray(200_000_000)
    child = os.fork()
    if not child:
        os._exit(len(memory) % 200)
    assert os.waitpid(child, 0)[1] == 0
    database = settings.DATABASES["default"]
    socket.create_connection((database["HOST"], int(database["PORT"] or 5432)), timeout=5).close()
    assert socket.getaddrinfo("localhost", 80)
    for path in (settings.BASE_DIR / "x", Path(sys.prefix, "x"), Path("/etc/x")):
        try:
            path.write_text("x")
        except OSError:
            continue
        raise AssertionError(f"{path} can be written to")
    return "fine"


@control_command()
def deafen(state: Any) -> dict[str, str]:
    """Have the worker receive no messages any more, while it answers, as after some lost connections."""
    channel = state.consumer.task_consumer.channel
    if hasattr(channel, "_brpop_start"):
        channel._brpop_start = lambda *_args, **_options: None
    else:
        for tag in list(channel.callbacks):
            channel.basic_cancel(tag)
    return {"ok": "deaf"}
