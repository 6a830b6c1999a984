# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of this host that serve a checkout as a web site: whether they would find the workers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .systemd import Systemd, SystemdError

_SERVERS = re.compile(r"\b(gunicorn|uvicorn|uwsgi|daphne|hypercorn|granian|waitress-serve|runserver)\b")
#: What tells a process where tasks go.
_BROKER = "CELERY_BROKER_URL"
_PROPERTIES = (
    "Id",
    "WorkingDirectory",
    "ExecStart",
    "EnvironmentFiles",
    "Environment",
    "MainPID",
)


@dataclass(frozen=True)
class Server:
    """A unit that serves the checkout. It tells no value of its environment: these can be secret."""

    unit: str
    #: The environment files that it reads.
    files: list[str]
    #: Whether it is told the broker in another way.
    has_broker: bool
    #: The virtual environment that its program is in, empty where it is in none.
    venv: str
    #: Whether Celery is in there.
    has_celery: bool


def look(checkout: str, systemd: Systemd | None = None) -> list[Server]:
    """Return the units that serve a checkout; none where systemd does not run."""
    try:
        output = (systemd or Systemd()).call("show", f"--property={','.join(_PROPERTIES)}", "*.service")
    except (SystemdError, OSError):
        return []
    return [server for unit in _units(output) if (server := _server(unit, Path(checkout).resolve()))]


def _units(output: str) -> Iterator[dict[str, list[str]]]:
    for block in output.split("\n\n"):
        found: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, _equals, value = line.partition("=")
            found.setdefault(name, []).append(value)
        yield found


def _server(unit: dict[str, list[str]], checkout: Path) -> Server | None:
    commands = [
        match[1] for text in unit.get("ExecStart", ()) if (match := re.search(r"argv\[\]=(.*?) ;", text))
    ]
    command = next((text for text in commands if _SERVERS.search(text)), "")
    places = [*unit.get("WorkingDirectory", ()), *re.findall(r"(?:^|[\s=])(/\S+)", command)]
    if not command or not any(_is_inside(place.lstrip("!-"), checkout) for place in places):
        return None
    venv = _venv_of(command.split()[0])
    return Server(
        unit=unit.get("Id", [""])[0],
        files=[text.rpartition(" (")[0] or text for text in unit.get("EnvironmentFiles", ()) if text],
        has_broker=_tells_broker(unit),
        venv=venv,
        has_celery=not venv or any(Path(venv).glob("lib/python3*/site-packages/celery/__init__.py")),
    )


def _is_inside(place: str, checkout: Path) -> bool:
    # Not resolved first: a program in a virtual environment is a link that leads out of it.
    paths = (Path(os.path.normpath(place)), Path(place).resolve())
    return place.startswith("/") and any(path == checkout or checkout in path.parents for path in paths)


def _venv_of(program: str) -> str:
    folder = Path(program).parent.parent
    return str(folder) if (folder / "pyvenv.cfg").is_file() else ""


def _tells_broker(unit: dict[str, list[str]]) -> bool:
    """Tell whether the unit's own lines or its running process have the broker in the environment."""
    if any(re.search(rf'(^|[\s"]){_BROKER}=', text) for text in unit.get("Environment", ())):
        return True
    process = unit.get("MainPID", ["0"])[0]
    try:
        environment = Path(f"/proc/{int(process)}/environ").read_bytes()
    except (OSError, ValueError):
        return False
    return any(entry.startswith(f"{_BROKER}=".encode()) for entry in environment.split(b"\0"))
