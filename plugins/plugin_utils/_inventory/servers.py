# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the files that a server is to have and those that a look has found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any


def differing(wanted: Sequence[Mapping[str, Any]], found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the paths at which something else is than what is wanted.

    Args:
        wanted: each with its ``path``; a ``text``, the path that it is a ``copy_of``, ``folder`` or
            ``absent``, else any file; ``owner`` (else root's), ``group`` and ``mode``, where these count.
        found: what is there, by path, as the look tells it.
    """
    return [str(one["path"]) for one in wanted if not _is(one, found)]


def _is(wanted: Mapping[str, Any], found: Mapping[str, Mapping[str, str]]) -> bool:
    there = found.get(str(wanted["path"]))
    if wanted.get("absent") or there is None:
        return bool(wanted.get("absent")) and there is None
    right = {
        "kind": "folder" if wanted.get("folder") else "file",
        "owner": str(wanted.get("owner", "root")),
        "group": str(wanted.get("group", "root")),
        "mode": str(wanted["mode"]),
    }
    if "text" in wanted:
        right["sha256"] = hashlib.sha256(str(wanted["text"]).encode()).hexdigest()
    elif "copy_of" in wanted:
        right["sha256"] = found.get(str(wanted["copy_of"]), {}).get("sha256", "none")
    return all(there[name] == value for name, value in right.items())
