# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a scenario: running lines on them, running code in the project there, waiting."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any

#: The Python of the project on a host.
PYTHON = "/var/lib/shop-celery/venv/bin/python"
#: Prints which ports of an address take a connection.
_SCAN = """
import concurrent.futures, socket, sys
def opened(port):
    try:
        socket.create_connection((sys.argv[1], port), 3).close()
    except OSError:
        return 0
    return port
with concurrent.futures.ThreadPoolExecutor(64) as threads:
    print(sorted({*threads.map(opened, range(1, 65536))} - {0}))
"""


def run(host: str, script: str, check: bool = True) -> str:
    """Run a line on a host as root, and return what it printed.

    Raises:
        RuntimeError: If it ended with another status than 0, unless it is not to be checked.
    """
    done = subprocess.run(
        ["podman", "exec", "--interactive", host, "bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{host}: {script}: status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def in_project(command: str, more: str = "") -> str:
    """Return the line that runs a command in the checkout as services do; `more` sets variables besides."""
    files = "set -a; . /etc/shop-celery/environment; . /etc/shop-celery/secrets"
    return f"cd /srv/shop && {files}; {more or ':'}; set +a; exec runuser -u shop -- {command}"


def code_in_project(code: str, more: str = "") -> str:
    """Return the line that runs Python in the project, with its settings."""
    return in_project(f"{PYTHON} manage.py shell -v 0 -c {shlex.quote(code)}", more)


def ask(host: str, code: str) -> Any:
    """Run Python in the project, and return what it prints as JSON."""
    return json.loads(run(host, code_in_project(code)))


def sql(host: str, database: str, query: str) -> str:
    """Ask PostgreSQL on a host as its superuser: a row on each line, its columns separated by `|`."""
    psql = f'psql --no-psqlrc -qAtF "|" --set ON_ERROR_STOP=1 {database} -c {shlex.quote(query)}'
    return run(host, f"cd / && runuser -u postgres -- {psql}")


def open_ports(host: str, seen_from: str) -> list[int]:
    """Return all TCP ports on which a host answers another one.

    By its address: names are not known for a moment whenever any host of the network comes or goes.
    """
    networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    inspect = ["podman", "inspect", "--format", networks, host]
    [address] = subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.split()
    ports: list[int] = json.loads(run(seen_from, f"python3 -c {shlex.quote(_SCAN)} {address}"))
    return ports


def wait(what: str, seconds: float, ready: Callable[[], object]) -> None:
    """Wait until something is so.

    Raises:
        RuntimeError: If it is not within so many seconds; `what` says what is wrong then.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds:.0f} s: {what}")
        time.sleep(0.5)


def settle(seconds: float, ready: Callable[[], object]) -> None:
    """Wait until something is so, or so many seconds are over."""
    deadline = time.monotonic() + seconds
    while not ready() and time.monotonic() < deadline:
        time.sleep(2)


def booted(host: str) -> bool:
    """Tell whether a host is up."""
    return run(host, "systemctl is-system-running", check=False) in ("running", "degraded")
