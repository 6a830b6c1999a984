# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that workers and beat are started with, where no service manager runs them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import ownership


def left_over(wanted: Iterable[Path]) -> list[Path]:
    """Return the modules that are in the packages among these files, and belong to an older version."""
    files = set(wanted)
    packages = [path.parent for path in files if path.name == "__init__.py"]
    return sorted(path for package in packages for path in package.glob("*.py") if path not in files)


def put(wanted: Mapping[Path, str], owner: str, check: bool) -> tuple[bool, str]:
    """See that these files are there, and no older ones beside them.

    Returns whether that changed (or would change) anything, and the difference.

    Args:
        wanted: the files, each with its text. Their folders are made; the folders above these are there.
        owner: who owns them; empty for whoever this is.
        check: write nothing.

    Raises:
        OwnershipError: a file cannot be written.
    """
    difference: list[str] = []
    gone = left_over(wanted)
    for path, text in [*wanted.items(), *((path, None) for path in gone)]:
        present = path.read_text(encoding="utf-8") if path.is_file() else None
        difference += difflib.unified_diff(
            (present or "").splitlines(keepends=True),
            (text or "").splitlines(keepends=True),
            fromfile="/dev/null" if present is None else f"a{path}",
            tofile="/dev/null" if text is None else f"b{path}",
        )
    changed = [_put(path, text, owner, check) for path, text in wanted.items()]
    if not check:
        for path in gone:
            path.unlink()
    return bool(gone) or any(changed), "".join(difference)


def _put(path: Path, text: str, owner: str, check: bool) -> bool:
    # The state folder itself is made, and closed to others, with the environment.
    if path.name == "__init__.py":
        ownership.folder(path.parent, ownership.Belongs(owner, "", 0o755), check)
    return ownership.file(path, text, ownership.Belongs(owner, "", 0o644), check)
