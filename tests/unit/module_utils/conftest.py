# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of module_utils share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

#: A user and a group that nothing else belongs to.
STRANGER = 12345

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


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A folder that every user gets through to; those of pytest are for who runs it alone."""
    top = Path(tempfile.mkdtemp(prefix="celeriac-test-"))
    top.chmod(0o755)
    yield top
    shutil.rmtree(top)


@pytest.fixture
def give_away() -> Callable[[Path], Path]:
    """Gives a folder with all that is in it to a user that has no name."""

    def give(top: Path) -> Path:
        for folder, folders, files in os.walk(top):
            for name in (".", *folders, *files):
                os.lchown(os.path.join(folder, name), STRANGER, STRANGER)
        return top

    return give


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
