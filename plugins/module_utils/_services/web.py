# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site as units: a generation is asked on a socket of its own before it gets requests."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _owner as owner
from .. import _whole
from .._deployment import Deployment
from .systemd import Systemd, SystemdError, generation_of, instance

#: Seconds between two looks at something that is to come.
_PAUSE = 0.1
#: Seconds that an application gets to load, beside the time of a request.
_LOADING = 60
#: What a name of a host, and a header, may consist of: the site itself says them.
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}\Z")
_HEADER = re.compile(r"[A-Za-z0-9\-]{1,80}\Z")
_VALUE = re.compile(r"[\x21-\x7e]{1,200}\Z")
#: What the first lines of our units say.
MADE = "Made by the Ansible collection celeriac.django"
_LISTEN = re.compile(r"^ListenStream=(.*)$", re.MULTILINE)


class SiteError(Exception):
    """A generation of the site does not serve. The text says why."""


def listens(socket_text: str) -> str:
    """Return where a unit of a socket listens."""
    found = _LISTEN.search(socket_text)
    return found[1] if found else ""


@dataclass(frozen=True)
class Site:
    """How the site of a deployment is asked."""

    socket: str
    #: The unit's template.
    template: str
    #: The file that says which generation is proven.
    record: Path
    #: The folder below which each generation has one, with its own socket.
    folder: Path
    #: What is asked for; empty: ``/``, where each answer will do that is no error of the server.
    health_path: str
    #: Seconds that a request may take.
    timeout: int

    @classmethod
    def of(cls, deployment: Deployment) -> Site:
        """Return how the site of a deployment is asked."""
        return cls(
            socket=deployment.units.web_socket,
            template=deployment.units.web,
            record=Path(deployment.places.config, "web-generation"),
            folder=Path("/run", f"{deployment.name}-web"),
            health_path=deployment.web.health_path,
            timeout=deployment.web.timeout,
        )

    @classmethod
    def from_params(cls, given: Mapping[str, Any]) -> Site:
        """Return the same from what a module was given."""
        paths = {name: Path(given[name]) for name in ("record", "folder")}
        return cls(**{**given, **paths})

    def is_proven(self, unit: str) -> bool:
        """Tell whether a generation was proven."""
        return self._recorded() == generation_of(unit)

    def prove(self, unit: str, systemd: Systemd) -> None:
        """Ask a generation that runs, and let it have requests.

        Raises:
            SiteError: it did not answer as it has to, or does not accept.
            OwnerError: its folder is not what it should be.
        """
        deadline = time.monotonic() + _LOADING + self.timeout
        place = self.folder / generation_of(unit)
        self._wait(place / "ask", unit, systemd, deadline, "did not load")
        path = self.health_path or "/"
        try:
            # The socket is the service's own: what it leads to, its user has to be able to reach.
            status = owner.call(place, lambda _ask: ask(place, path, self.timeout), errors=[SiteError])
        except OSError as error:
            raise SiteError(f"{unit} did not answer GET {path}: {error}.") from error
        if not self.is_well(status):
            raise SiteError(f"{unit} answered GET {path} with {status}{self.hint}.")
        before = self._recorded()
        _whole.write(self.record, f"{generation_of(unit)}\n", 0o644)
        try:
            systemd.call("kill", "--signal=HUP", "--kill-who=main", unit)
            self._wait(place / "serves", unit, systemd, time.monotonic() + _LOADING, "takes no requests")
        except (SiteError, SystemdError) as error:
            _whole.write(self.record, f"{before}\n", 0o644)
            raise SiteError(str(error)) from error

    def is_well(self, status: int) -> bool:
        """Tell whether the status of an answer is what a site that works has."""
        return 200 <= status < 400 if self.health_path else status < 500

    @property
    def hint(self) -> str:
        """What to say beside a status that is wrong."""
        return "" if self.health_path else " (what else it can be asked for, celery_web_health_path names)"

    @property
    def proven(self) -> str:
        """The unit of the generation that was proven last, empty where none was."""
        recorded = self._recorded()
        return instance(self.template, recorded) if recorded else ""

    def ask_where_it_listens(self, listen: str) -> int:
        """Ask for the page where everybody does, and return the status of the answer.

        Args:
            listen: where it listens, as ListenStream= takes it.

        Raises:
            SiteError: it says something else than how to ask it.
            OSError: it does not answer.
        """
        place = self.folder / self._recorded()
        text = owner.call(place, lambda _ask: (place / "ask").read_text(encoding="utf-8"))
        host, headers = how_to_ask(text)
        return _get(_connection(listen, self.timeout), self.health_path or "/", host, headers)

    def _recorded(self) -> str:
        try:
            return self.record.read_text(encoding="ascii").strip()
        except OSError:
            return ""

    def _wait(self, file: Path, unit: str, systemd: Systemd, deadline: float, what: str) -> None:
        """Wait until a generation has written a file."""
        while not file.exists():
            state = systemd.states([unit]).get(unit, "inactive")
            if state not in ("active", "activating", "reloading"):
                raise SiteError(f"{unit} {what}: it is {state}.")
            if time.monotonic() > deadline:
                raise SiteError(f"{unit} {what} in time.")
            time.sleep(_PAUSE)


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is a file."""

    def __init__(self, place: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._place))


def _connection(listen: str, timeout: float) -> http.client.HTTPConnection:
    if listen.startswith("/"):
        return _Connection(Path(listen), timeout)
    address, _colon, port = listen.rpartition(":")
    # What listens on all addresses does on this one.
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104
    return http.client.HTTPConnection(
        everywhere.get(address, address.strip("[]")), int(port), timeout=timeout
    )


def ask(place: Path, path: str, timeout: float) -> int:
    """Ask a generation for a page, and return the status of its answer.

    Args:
        place: the folder of the generation.
        path: what is asked for.
        timeout: seconds until an answer has to be there.

    Raises:
        SiteError: it says something else than how to ask it.
        OSError: it does not answer.
    """
    host, headers = how_to_ask((place / "ask").read_text(encoding="utf-8"))
    return _get(_Connection(place / "own.sock", timeout), path, host, headers)


def _get(connection: http.client.HTTPConnection, path: str, host: str, headers: Mapping[str, str]) -> int:
    try:
        connection.request("GET", path, headers={"Host": host, "Connection": "close", **headers})
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"what it sent is no HTTP ({type(error).__name__})") from error
    finally:
        connection.close()


def how_to_ask(text: str) -> tuple[str, dict[str, str]]:
    """Return the name that a site answers to, and the headers that it wants.

    Raises:
        SiteError: these are none.
    """
    try:
        found = json.loads(text)
        host, headers = found["host"], dict(found["headers"])
        if _HOST.match(host) and all(_HEADER.match(k) and _VALUE.match(v) for k, v in headers.items()):
            return host, headers
    except (KeyError, TypeError, ValueError):
        pass
    raise SiteError(f"ALLOWED_HOSTS or SECURE_PROXY_SSL_HEADER cannot be used to ask the site: {text[:200]}")
