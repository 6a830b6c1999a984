# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lock files of uv, poetry, pipenv and pdm: the versions that a project runs with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The locks that are read, by their names; the first one that stands there counts.
NAMES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")


#: What each of them has, even where it locks nothing.
_HEAD = re.compile(r'^(version|lock-version|lock_version|content-hash)\b|"_meta"', re.M)
_TABLE = re.compile(r"^\[\[package\]\]\n(.*?)(?=^\[\[package\]\]|^\[metadata|\Z)", re.M | re.S)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Pin:
    """A version that a lock names."""

    name: str
    version: str
    #: An environment marker, empty where the version holds everywhere.
    marker: str
    line: int

    def constraint(self) -> str:
        """Return it as a line of a constraints file."""
        return f"{self.name}=={self.version}{f' ; {self.marker}' if self.marker else ''}"


class LockFileError(Exception):
    """A lock file cannot be read. The text says why."""


def find(folders: list[Path]) -> Path | None:
    """Return the lock file of a project, None where there is none."""
    return next((folder / name for folder in folders for name in NAMES if (folder / name).is_file()), None)


def pins(file: Path) -> list[Pin]:
    """Return the versions that a lock file names; what comes from elsewhere than an index is left out.

    A package with several versions has those that markers tell apart; where nothing does, it has none.

    Raises:
        LockFileError: it is no lock file of that kind.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    found = list(_of_pipenv(text) if file.name == "Pipfile.lock" else _of_tables(text))
    if not found and not re.search(
        r"^(version|lock-version|lock_version|content-hash)\b|\"_meta\"", text, re.M
    ):
        raise LockFileError(f"{file.name} is no lock file that can be read")
    named: dict[str, list[Pin]] = {}
    for pin in found:
        named.setdefault(pin.name, []).append(pin)
    return [pin for several in named.values() for pin in several if len(several) == 1 or all_marked(several)]


def all_marked(several: list[Pin]) -> bool:
    """Tell whether markers say which of several versions holds where."""
    return all(pin.marker for pin in several)


def _of_pipenv(text: str) -> Iterator[Pin]:
    try:
        packages = json.loads(text)["default"]
    except (ValueError, KeyError, TypeError) as error:
        raise LockFileError(f"Pipfile.lock is no lock file that can be read: {error}") from error
    lines = text.splitlines()
    for name, entry in packages.items():
        version = str(entry.get("version", ""))
        if version.startswith("=="):
            line = next((n for n, row in enumerate(lines, 1) if row.strip().startswith(f'"{name}"')), 1)
            yield Pin(_normal(name), version.removeprefix("=="), str(entry.get("markers", "")), line)


def _of_tables(text: str) -> Iterator[Pin]:
    """Yield the versions of files whose packages are tables; tools write them, always alike."""
    for block in re.finditer(
        r"^\[\[package\]\]\n(.*?)(?=^\[\[package\]\]|^\[metadata|\Z)", text, re.M | re.S
    ):
        body = block.group(1)
        name, version = _text(body, "name"), _text(body, "version")
        if not name or not version or _is_from_elsewhere(body):
            continue
        yield Pin(_normal(name), version, _marker(body), text.count("\n", 0, block.start()) + 1)


def _text(body: str, key: str) -> str:
    head = body.partition("\n[")[0]
    found = re.search(rf"^{key} = (?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)')$", head, re.M)
    return (
        re.sub(r"\\(.)", r"\1", found.group(1))
        if found and found.group(1) is not None
        else (found.group(2) if found else "")
    )


def _is_from_elsewhere(body: str) -> bool:
    """Tell whether a package comes from a repository, a folder or a file: then its requirement says so."""
    head = body.partition("\n[")[0]
    if re.search(r"^(git|path|url|editable|revision) = ", head, re.M):
        return True
    source = re.search(r"^source = \{(.*)\}$", head, re.M)
    if source:
        return "registry" not in source.group(1)
    table = re.search(r"^\[package\.source\]\n(.*?)(?=^\[|\Z)", body, re.M | re.S)
    return bool(table) and not re.search(r"^type = \"(legacy|pypi)\"", table.group(1) if table else "", re.M)


def _marker(body: str) -> str:
    """Return the marker of a package's table: ``marker`` (pdm), ``markers`` (poetry), uv's list of them."""
    head = body.partition("\n[")[0]
    plain = _text(body, "marker") or _text(body, "markers")
    if plain:
        return plain
    several = re.search(r"^(?:resolution-)?markers = [\[{](.*?)[\]}]$", head, re.M | re.S)
    if not several:
        return ""
    if re.search(r"^markers = \{", head, re.M):  # poetry's, for each group
        groups = dict(re.findall(r"([\w-]+) = \"((?:[^\"\\]|\\.)*)\"", several.group(1)))
        chosen = groups.get("main", "")
        return re.sub(r"\\(.)", r"\1", chosen)
    texts = [
        re.sub(r"\\(.)", r"\1", text) for text in re.findall(r"\"((?:[^\"\\]|\\.)*)\"", several.group(1))
    ]
    return " or ".join(f"({text})" for text in texts)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
