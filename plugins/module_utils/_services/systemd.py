# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd, as far as the services need it: a thin layer over systemctl and journalctl."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .. import _command

#: Where an administrator's units are (systemd.unit(5)).
UNITS = Path("/etc/systemd/system")


class SystemdError(Exception):
    """systemd refused. The text holds its own message."""


def instance(template: str, name: str) -> str:
    """Return the instance *name* of a template such as ``shop-worker-default@.service``."""
    return template.replace("@.", f"@{name}.")


def is_instance(unit: str) -> bool:
    """Tell whether that is an instance of a template."""
    return "@" in unit and "@." not in unit


def generation_of(unit: str) -> str:
    """Return the generation of an instance such as ``shop-worker-default@1f0c9a2b.service``."""
    return unit.partition("@")[2].rpartition(".")[0]


class Systemd:
    """The service manager of this host."""

    def __init__(self, folder: Path = UNITS) -> None:
        self.folder = folder

    def call(self, *arguments: str) -> str:
        """Run systemctl.

        Raises:
            SystemdError: it failed.
        """
        done = _command.run(["systemctl", "--no-pager", *arguments])
        if done.returncode != 0:
            raise SystemdError(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def states(self, patterns: Iterable[str]) -> dict[str, str]:
        """Return the loaded units of these patterns with their state, such as ``active``."""
        output = self.call("list-units", "--all", "--plain", "--no-legend", "--full", *patterns)
        found = {}
        for line in output.splitlines():
            fields = line.split(None, 4)
            if len(fields) >= 4 and fields[2] not in ("inactive",):
                found[fields[0]] = fields[2]
        return found

    def journal(self, unit: str, lines: int) -> str:
        """Return the last lines that a unit wrote since its last start."""
        done = _command.run(
            ["journalctl", "--no-pager", "--quiet", "-o", "cat", "-n", str(lines), "-u", unit]
        )
        return done.stdout.strip()

    def last_error(self, unit: str) -> str:
        """Return the last error that a unit has told since its last start, shortened; empty without one."""
        done = _command.run(["systemctl", "show", "--property=InvocationID", "--value", unit])
        invocation = done.stdout.strip()
        if not invocation:
            return ""
        found = _command.run(
            [
                *("journalctl", "--no-pager", "--quiet", "-o", "cat", "-n", "1", "-p", "err"),
                f"_SYSTEMD_INVOCATION_ID={invocation}",
            ]
        )
        lines = found.stdout.strip().splitlines()
        # Of a traceback, the first line says what was done, and the last one what went wrong.
        return " … ".join(dict.fromkeys(line.strip() for line in (*lines[:1], *lines[-1:])))

    def wanted_by(self, target: str) -> set[str]:
        """Return the units that are enabled for a target."""
        folder = self.folder / f"{target}.wants"
        return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
