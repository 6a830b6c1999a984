# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role compares of a host before it changes a server there: packages, units, files, ways, certificate.

One look at all of it. Whether something differs is decided where it is known what is wanted.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import _command
from . import certificate as _certificate
from . import reach as _reach

#: The options that the modules have in common, as AnsibleModule takes them.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
    "paths": {"type": "list", "elements": "path", "default": []},
    "certificate": {"type": "path", "default": ""},
    "key": {"type": "path", "default": "", "no_log": False},
    "reach": {
        "type": "dict",
        "default": {},
        "options": {
            "hosts": {"type": "dict", "default": {}},
            "networks": {"type": "list", "elements": "str", "default": []},
            "variable": {"type": "str", "default": ""},
            "clients": {"type": "str", "default": ""},
            "tls": {"type": "str", "default": ""},
        },
    },
}
_TIMEOUT = 60


class LookError(Exception):
    """What is asked of a host cannot be told. The text says why, and what to do."""


@dataclass(frozen=True)
class Seen:
    """What a host has."""

    #: Whether the look was root's; if not, nothing else was looked at.
    root: bool
    #: The installed packages, with their versions.
    packages: dict[str, str] = field(default_factory=dict)
    #: The units that are enabled and run.
    units: list[str] = field(default_factory=list)
    #: What is there, by its path.
    paths: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Why a server could not use the certificate; empty if it can, or if there is none.
    certificate_problem: str = ""
    #: The addresses of each of the other hosts.
    addresses: dict[str, list[str]] = field(default_factory=dict)
    #: The addresses of this host that they use.
    local: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        """Return what a module answers; warnings go another way."""
        return {name: value for name, value in asdict(self).items() if name != "warnings"}


def look(given: Mapping[str, Any]) -> Seen:
    """Look at a host.

    Args:
        given: the options, as ``ARGUMENTS`` has them.

    Raises:
        LookError: it finds no way to the others.
    """
    if os.geteuid() != 0:
        return Seen(root=False)
    ways: Mapping[str, Any] = given["reach"]
    reached = _reach.look(ways.get("hosts") or {}, ways.get("networks") or ())
    if reached.unknown:
        raise LookError(_reach.unknown(reached, ways["variable"], ways["clients"]))
    problem = _certificate.problem(given["certificate"], given["key"]) if given["certificate"] else ""
    exposed = ways.get("tls") and reached.public
    return Seen(
        root=True,
        packages=installed(given["packages"]),
        units=running(given["units"]),
        paths={path: found for path in given["paths"] if (found := at(Path(path)))},
        certificate_problem=problem,
        addresses=reached.addresses,
        local=reached.local,
        warnings=[_reach.exposed(reached, ways["variable"], ways["tls"])] if exposed else [],
    )


def installed(patterns: Sequence[str]) -> dict[str, str]:
    """Return which packages of such names are installed, with their versions."""
    if not patterns:
        return {}
    shown = r"--showformat=${db:Status-Status} ${Package} ${Version}\n"
    # That one is not there is an answer too, and makes it end with another status than 0.
    done = _command.run(["dpkg-query", "--show", shown, *patterns], timeout=_TIMEOUT)
    lines = (line.split() for line in done.stdout.splitlines())
    return {words[1]: words[2] for words in lines if len(words) > 2 and words[0] == "installed"}


def running(units: Sequence[str]) -> list[str]:
    """Return which of these units are enabled and active."""
    if not units:
        return []
    show = ["systemctl", "show", "--property=Id,Names,ActiveState,UnitFileState", *units]
    done = _command.run(show, timeout=_TIMEOUT)
    found = []
    for paragraph in done.stdout.split("\n\n"):
        told = dict(line.partition("=")[::2] for line in paragraph.splitlines())
        if told.get("ActiveState") == "active" and told.get("UnitFileState") == "enabled":
            found += [unit for unit in units if unit in {told.get("Id"), *told.get("Names", "").split()}]
    return found


def at(path: Path) -> dict[str, str]:
    """Return what is at a path, empty if nothing is.

    That is its kind, owner, group and mode, and a digest of a file, also of one that a link leads to.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return {}
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}.get(stat.S_IFMT(status.st_mode), "other")
    return {
        "kind": kind,
        "owner": _name(path.owner, status.st_uid),
        "group": _name(path.group, status.st_gid),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
    }


def _name(ask: Any, number: int) -> str:
    try:
        return str(ask())
    except (KeyError, OSError):
        return str(number)
