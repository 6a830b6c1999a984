# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of a deployment may do on their host: the variable part of the units' sandbox."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Overrides

#: Folders that ProtectHome=true hides.
_HOMES = ("/home", "/root", "/run/user")
_CONTROL = re.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f]")
_DIRECTIVE = re.compile(r"[A-Z][A-Za-z0-9]*\Z")


class SandboxError(ValueError):
    """A directive that no unit can have. The text names it."""


def overrides(variable: str, given: Mapping[str, Any]) -> Overrides:
    """Return directives of the section Service, each with the lines it gets.

    Args:
        variable: the name of the variable, for an error.
        given: directive to value; a list is a line for each, and an empty text empties it first.

    Raises:
        SandboxError: a name is no directive's, or a value has a line break.
    """
    found: Overrides = []
    for name, value in given.items():
        if not _DIRECTIVE.match(name):
            raise SandboxError(f"{variable}: {name!r} is no directive of systemd, such as ProtectSystem.")
        values = [_text(entry) for entry in (value if isinstance(value, list) else [value])]
        if any(_CONTROL.search(entry) or entry.endswith("\\") for entry in values):
            raise SandboxError(
                f"{variable}: the value of {name} has a line break or another control character in it, or a "
                "backslash at its end, so that the next line would belong to it."
            )
        found.append((name, values))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def protect_home(paths: Sequence[str]) -> str:
    """Return ProtectHome= for processes that need to read these paths."""
    inside = any(path == home or path.startswith(f"{home}/") for path in paths for home in _HOMES)
    return "read-only" if inside else "true"


def writable(run_path: str, given: Sequence[str], base: str, file_database: bool) -> list[str]:
    """Return the paths that the processes may write to, as far as their user may.

    Args:
        run_path: where workers and beat keep their state.
        given: the variable ``celery_writable_paths``.
        base: the folder of manage.py.
        file_database: whether the database can be SQLite's: its file is most often in *base*.

    Raises:
        SandboxError: a path is not absolute.
    """
    for path in given:
        if not os.path.isabs(path):
            raise SandboxError(f"celery_writable_paths: {path!r} has to be an absolute path.")
    files = [base] if file_database else []
    # One that is not there (yet) is no error.
    return [run_path, *(f"-{path}" for path in dict.fromkeys([*given, *files]))]
