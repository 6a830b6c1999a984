# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what real workers and a real beat answer, for the unit tests that read such answers.

usage: record_inspect.py PYTHON ...   PYTHON: one that has a Celery of a version, with redis, as by
       python -m venv V && V/bin/pip install 'celery[redis]==5.4.*' 'kombu==5.4.*'

Needs redis-server. Writes tests/unit/data/inspect/celery-X.Y.json for each.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "unit/data/inspect"
#: Two pools of one host, as units call their nodes.
POOLS = {
    "default.0a0a0a0a@recorder": [
        "--pool=prefork",
        "--concurrency=2",
        "--queues=celery,low",
        "--time-limit=40",
    ],
    "mails.1b1b1b1b@recorder": ["--pool=threads", "--concurrency=3", "--queues=mails"],
    "alone.2c2c2c2c@recorder": ["--pool=solo", "--queues=alone"],
    "more.3d3d3d3d@recorder": ["--pool=prefork", "--autoscale=4,1", "--queues=more"],
}
_APP = """
import celery

app = celery.Celery("recorded", broker="redis://127.0.0.1:{port}/0", backend="redis://127.0.0.1:{port}/1")
app.conf.broker_connection_retry_on_startup = True
app.conf.beat_schedule = {{"tick": {{"task": "recorded.tick", "schedule": 60.0}}}}


@app.task(rate_limit="9/s")
def tick():
    pass
"""
_ASK = """
import json, sys, time
import celery
from recorded import app

nodes = json.loads(sys.argv[1])
deadline = time.monotonic() + 60
while len(app.control.inspect(destination=nodes, timeout=1, limit=len(nodes)).ping() or {}) < len(nodes):
    assert time.monotonic() < deadline, "not all workers have started"
beats = []
while celery.VERSION[:2] >= (5, 7) and not beats:
    assert time.monotonic() < deadline, "beat does not answer"
    beats = [n for a in app.control.ping(timeout=1) for n in a if n.startswith("celerybeat@")]
inspect = app.control.inspect(destination=nodes, timeout=5, limit=len(nodes))
found = {name: getattr(inspect, name)() for name in ("ping", "registered", "stats", "active_queues")}
print(json.dumps({"celery": celery.__version__, **found, "everybody": app.control.ping(timeout=1)}))
"""


@contextlib.contextmanager
def running(*words: str, folder: str) -> Iterator[None]:
    """Runs a program for the time of the context."""
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def record(python: str) -> Path:
    """Records the answers of the Celery that an interpreter has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as started:
        Path(folder, "recorded.py").write_text(_APP.format(port=port), encoding="utf-8")
        redis = ["redis-server", "--port", str(port), "--save", "", "--dir", folder]
        started.enter_context(running(*redis, folder=folder))
        celery = [python, "-m", "celery", "-A", "recorded"]
        for node, words in POOLS.items():
            started.enter_context(running(*celery, "worker", f"--hostname={node}", *words, folder=folder))
        beat = [*celery, "beat", "--schedule", f"{folder}/beat"]
        version = subprocess.run(
            [python, "-c", "import celery; print(celery.__version__)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        short = ".".join(version.split(".")[:2])
        if tuple(map(int, short.split("."))) >= (5, 7):
            started.enter_context(running(*beat, "--enable-remote-control", folder=folder))
        asked = subprocess.run(
            [python, "-c", _ASK, json.dumps(list(POOLS))],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    DATA.mkdir(parents=True, exist_ok=True)
    file = DATA / f"celery-{short}.json"
    answers = json.loads(asked.stdout)
    answers["everybody"] = [
        # A beat has the name of the machine that recorded it.
        {("celerybeat@recorder" if node.startswith("celerybeat@") else node): said}
        for answer in answers["everybody"]
        for node, said in answer.items()
    ]
    file.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    for python in sys.argv[1:]:
        print(record(python))
