# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of module_utils share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing on a busy machine.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")

#: What a path is: its kind, its mode, and its content or target.
Snapshot = dict[str, tuple[str, int, object]]


@pytest.fixture(scope="session")
def write_tree() -> Callable[[Path, Mapping[str, str | bytes]], Path]:
    """Writes files below a folder, by their relative path."""

    def write(top: Path, files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return top

    return write


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Path], Snapshot]:
    """Tells all that is below a folder, with modes, contents and the targets of links."""

    def take(top: Path) -> Snapshot:
        found: Snapshot = {}
        for folder, _folders, _files in os.walk(top):
            for entry in os.scandir(folder):
                name = os.path.relpath(entry.path, top)
                mode = entry.stat(follow_symlinks=False).st_mode
                if entry.is_symlink():
                    found[name] = ("link", 0, os.readlink(entry.path))
                elif entry.is_dir():
                    found[name] = ("folder", mode, None)
                else:
                    found[name] = ("file", mode, Path(entry.path).read_bytes())
        return found

    return take
