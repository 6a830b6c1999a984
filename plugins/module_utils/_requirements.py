# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirement files of a checkout: which there are, and what they ask for."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ansible_collections.celeriac.django.plugins.module_utils import _block

#: Requirement files that are taken up unasked; the first line that has a match wins.
REQUIREMENT_FILES = (
    ("requirements.txt",),
    ("requirements/production.txt", "requirements/prod.txt"),
    ("requirements/base.txt", "requirements/common.txt"),
    ("pyproject.toml",),
)

#: The options of a requirement file that ask for what another file asks for.
_REQUIREMENT = "-r|--requirement"


def find_requirements(path: Path, base: Path) -> list[str]:
    """Return the requirement files that a deployment of the checkout installs, relative to it."""
    for names in REQUIREMENT_FILES:
        for folder in dict.fromkeys((base, path)):
            for name in names:
                file = folder / name
                if not file.is_file():
                    continue
                if name == "pyproject.toml" and not re.search(
                    rb"^\[project\]", file.read_bytes(), re.MULTILINE
                ):
                    continue
                return [os.path.relpath(file, path)]
    return []


def find_requires_python(path: Path, base: Path) -> str:
    """Return ``requires-python`` of the checkout's pyproject.toml, else an empty text."""
    for folder in dict.fromkeys((base, path)):
        file = folder / "pyproject.toml"
        if file.is_file():
            found = re.search(
                r"""^requires-python\s*=\s*["']([^"']+)["']""",
                file.read_text(encoding="utf-8", errors="replace"),
                re.MULTILINE,
            )
            if found:
                return found.group(1)
    return ""


def required_names(path: Path, requirements: list[str]) -> list[str]:
    """Return the normalised names of the packages that requirement files ask for, with their includes."""
    found: set[str] = set()
    for entry in requirements:
        for file in with_includes(path / entry, _REQUIREMENT):
            # What we wrote into it is not the project's own wish.
            text = _block.without(file.read_bytes()).decode("utf-8", "replace")
            pattern = r"""["']([A-Za-z0-9][\w.-]*)""" if file.suffix == ".toml" else r"^([A-Za-z0-9][\w.-]*)"
            for name in re.findall(pattern, text, re.MULTILINE):
                found.add(re.sub(r"[-_.]+", "-", name).lower())
    return sorted(found)


def open_requirements(path: Path, requirements: list[str]) -> str:
    """Return the requirements file that lines can be added to.

    None can where a tool writes it: pyproject.toml has a form of its own, and next to hashes each
    line needs one.
    """
    for entry in requirements:
        files = with_includes(path / entry)
        if entry.endswith(".txt") and not any(b"--hash=" in file.read_bytes() for file in files):
            return entry
    return ""


def with_includes(file: Path, options: str = f"{_REQUIREMENT}|-c|--constraint", depth: int = 5) -> list[Path]:
    """Return a requirements file and those that it names with -r and -c; an absent one is left out."""
    if not file.is_file() or depth == 0:
        return []
    found = [file]
    if file.suffix != ".toml":
        text = file.read_text(encoding="utf-8", errors="replace")
        for name in re.findall(rf"^\s*(?:{options})[ =]*(\S+)", text, re.MULTILINE):
            found += with_includes(file.parent / name, options, depth - 1)
    return found
