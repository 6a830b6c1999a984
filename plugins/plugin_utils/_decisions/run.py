# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run of a playbook this is, and whether another one of this controller is over."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path

_PROC = Path("/proc")


def token(process: int) -> str:
    """Return what tells the run of a process from all others, on all controllers."""
    return f"{_controller()}:{process}:{_started(process)}"


def who(process: int, playbooks: Sequence[str]) -> str:
    """Return for people whose run it is."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    named = ", ".join(os.path.basename(name) for name in playbooks) or "a playbook"
    return f"{user}@{socket.gethostname()}, {named}, process {process}, seen at {time.strftime('%F %T %z')}"


def is_over(other: str) -> bool:
    """Tell whether the run of a token was one of this controller, and is known to have ended."""
    controller, _colon, rest = other.partition(":")
    process, _colon, started = rest.partition(":")
    return controller == _controller() and process.isdecimal() and _started(int(process)) != started


def _controller() -> str:
    """Return what tells this controller from others, as far as processes have numbers of their own there."""
    parts = [socket.gethostname()]
    for name in ("sys/kernel/random/boot_id", "self/ns/pid"):
        try:
            place = _PROC / name
            parts.append(os.readlink(place) if place.is_symlink() else place.read_text(encoding="ascii"))
        except OSError:
            parts.append("")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _started(process: int) -> str:
    """Return when a process was started, empty where there is none; numbers are given again."""
    try:
        # The name of the program may hold anything, brackets too.
        fields = (_PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        state, _parent, *rest = fields[2].split()
    except (OSError, ValueError):
        return _runs(process)
    return "" if state in ("Z", "X") else rest[17]


def _runs(process: int) -> str:
    if _PROC.is_dir():
        return ""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
