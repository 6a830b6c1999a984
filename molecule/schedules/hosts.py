"""The hosts of this scenario: what they run, what beat has sent, and how the playbook is run on them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from engine import run

SCENARIO = Path(__file__).resolve().parent
DATABASE = "celeriac-schedules-database"
FILE = "celeriac-schedules-file"
#: The hosts that share a schedule in Redis.
REDBEAT = ("celeriac-schedules-beat1", "celeriac-schedules-beat2")
#: Scheduler to the hosts that run it.
DEPLOYMENTS = {"database": (DATABASE,), "file": (FILE,), "redbeat": REDBEAT}
#: The host and the database with the rows of a deployment.
_ROWS = {"database": (DATABASE, "shop"), "file": (FILE, "shop"), "redbeat": (FILE, "redbeat")}
_SHELL = (
    "cd /srv/shop && set -a && . /etc/shop-celery/environment && . /etc/shop-celery/secrets && set +a && "
    "exec runuser -u shop -- /var/lib/shop-celery/venv/bin/python manage.py shell -v 0 -c {}"
)


@dataclass(frozen=True)
class Tick:
    """An entry of the schedule came due. Times are seconds since the epoch."""

    name: str
    sent: float
    at: float
    #: Process and host of the beat that sent it.
    beat: str

    @property
    def host(self) -> str:
        """The host of the beat."""
        return self.beat.partition("@")[2]


def ticks(scheduler: str, since: float = 0.0, name: str = "") -> list[Tick]:
    """Return what beat has sent and a worker has done, in the order of sending."""
    host, database = _ROWS[scheduler]
    named = f" AND name = '{name}'" if name else ""
    # All of it is of this scenario's own.
    where = f"sent >= {since!r}{named}"
    query = f"SELECT name, sent, at, beat FROM ticks_tick WHERE {where} ORDER BY sent"  # noqa: S608 - our own
    rows = run(host, f'runuser -u postgres -- psql --no-psqlrc -At -F "|" {database} -c "{query}"')
    parts = [line.split("|") for line in rows.splitlines()]
    return [Tick(of, float(sent), float(at), beat) for of, sent, at, beat in parts]


def wait(what: str, seconds: float, ready: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds:.0f} s: {what}")
        time.sleep(1)


def integrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook; what it prints is in the answer, and so are its changes, by host."""
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"--inventory={SCENARIO / 'inventory'}",
            *arguments,
            "celeriac.django.integrate",
        ],
        cwd=SCENARIO.parents[1],
        env={**os.environ, "ANSIBLE_PIPELINING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )


def manage(host: str, code: str) -> Any:
    """Run a line of Python in the project, as its services do, and return what it prints as JSON."""
    return json.loads(run(host, _SHELL.format(shlex.quote(code))))


def beat_process(host: str) -> str:
    """Return the number of beat's main process, 0 where it does not run."""
    return run(host, "systemctl show -P MainPID shop-beat.service")
