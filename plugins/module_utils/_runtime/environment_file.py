# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files as systemd reads them: ``NAME="value"`` (systemd.exec(5), EnvironmentFile=)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: Bytes that Linux hands to a program in one variable: MAX_ARG_STRLEN without sign and end (execve(2)).
LONGEST = 131072 - 2
#: The characters that a backslash escapes inside double quotes.
_ESCAPED = re.compile(r'(["\\`$])')
_LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)


class BadNameError(ValueError):
    """A name that no environment can hold."""


def text_of(value: object) -> str:
    """Return a value of the inventory as an environment has it.

    Lists, mappings and booleans are JSON, which settings can read; text stays as it is.
    """
    if value is None:
        return ""
    if isinstance(value, (bool, list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def dump(values: Mapping[str, object]) -> str:
    """Return the text of an environment file, sorted by name.

    Raises:
        BadNameError: a name is not a valid one.
    """
    lines = []
    for name, value in sorted(values.items()):
        if not _NAME.match(name):
            raise BadNameError(
                f"{name!r} is no name of an environment variable: "
                "letters, digits and _ only, and no digit first"
            )
        text = text_of(value)
        if "\0" in text:
            raise BadNameError(f"{name}: the value holds a NUL byte")
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise BadNameError(f"{name}: the value holds bytes that are no UTF-8; encode it") from None
        if len(name) + size > LONGEST:
            raise BadNameError(
                f"{name}: the value has {size} bytes, and with its name no process can get more than "
                f"{LONGEST} in one variable. Put it into a file, and name the file"
            )
        escaped = _ESCAPED.sub(r"\\\1", text)
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def load(text: str) -> dict[str, str]:
    """Read what :func:`dump` wrote."""
    return {
        found.group(1): re.sub(r"\\(.)", r"\1", found.group(2), flags=re.DOTALL)
        for found in _LINE.finditer(text)
    }


def read(path: Path) -> str:
    """Return the text of a file, empty where it is not there or not for us to read."""
    try:
        # Not read_text(): it would turn the line ends of a value into others.
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def changed_names(path: Path, values: Mapping[str, object]) -> list[str]:
    """Return the names whose value in an environment file is another, or that come or go."""
    before, after = load(read(path)), load(dump(values))
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
