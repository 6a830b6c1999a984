# SPDX-License-Identifier: GPL-3.0-or-later
"""Steady requests to the site of hosts, and counting what became of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

#: Sends ten requests a second, one after the other has begun, until somebody ends it; else it ends by itself.
#: Its argument is where the site listens: a socket that is a file, or a name and a port.
_SENDER = """
import concurrent.futures, http.client, json, socket, sys, threading, time
place = sys.argv[1]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
def one():
    connection = http.client.HTTPConnection("127.0.0.1" if place.startswith("/") else place, timeout=40)
    try:
        if place.startswith("/"):
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(40)
            connection.sock.connect(place)
        connection.request("GET", "/", headers={"Host": "shop.example.com"})
        answer = connection.getresponse()
        answer.read()
        return "" if answer.status == 200 else str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
deadline, sent = time.monotonic() + float(sys.argv[2]), []
with concurrent.futures.ThreadPoolExecutor(32) as threads:
    while not ended.wait(0.1) and time.monotonic() < deadline:
        sent.append(threads.submit(one))
told = [one.result() for one in sent]
print(json.dumps({"answered": told.count(""), "failed": [one for one in told if one]}))
"""


@dataclass
class Requests:
    """What became of the requests of one host."""

    answered: int
    failed: list[str]

    def __str__(self) -> str:
        """Return the end of a trial's line."""
        return f"requests {self.answered + len(self.failed)} failed {len(self.failed)}"


@contextmanager
def requests(
    hosts: Sequence[str], place: str = "127.0.0.1", seconds: float = 900
) -> Iterator[dict[str, Requests]]:
    """Send requests on all hosts, a steady number of them, for as long as the block runs.

    Args:
        hosts: where they are sent, and to.
        place: where the site listens there, or the server in front of it.
        seconds: after which they end in any case.
    """
    running = {
        host: subprocess.Popen(
            ["podman", "exec", "--interactive", host, "python3", "-c", _SENDER, place, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for host in hosts
    }
    found: dict[str, Requests] = {}
    try:
        yield found
    finally:
        for host, process in running.items():
            told = json.loads(process.communicate("end\n", timeout=120)[0])
            found[host] = Requests(**told)
            print(f"{host}: {found[host]}")


def none_failed(found: dict[str, Requests]) -> bool:
    """Tell whether each host had answers, and no failure."""
    return all(one.answered > 50 and not one.failed for one in found.values())
