# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirement files of a checkout: which there are, and what they ask for."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from .._checkout import block
from . import formats

#: Requirement files that are taken up unasked; the first line that has a match wins.
REQUIREMENT_FILES = (
    ("requirements.txt",),
    ("requirements/production.txt", "requirements/prod.txt"),
    ("requirements-production.txt", "requirements-prod.txt", "requirements_production.txt"),
    ("production-requirements.txt", "prod-requirements.txt"),
    ("requirements/requirements.txt", "requirements/main.txt"),
    ("requirements/base.txt", "requirements/common.txt"),
    ("requirements-base.txt", "requirements_base.txt", "base-requirements.txt"),
    ("pyproject.toml",),
)

#: The byte order marks of UTF-16, which ``pip freeze >`` writes in PowerShell.
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

# Known from here on: where an owner reads files in a child, Python's own may be out of reach.
for _encoding in ("utf-8-sig", "utf-16"):
    codecs.lookup(_encoding)

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
    for folder in dict.fromkeys((base, path)):
        for name in ("pyproject.toml", "Pipfile"):
            if (folder / name).is_file() and _translated(folder / name):
                return [os.path.relpath(folder / name, path)]
    return []


#: Where files of requirements stand, whatever they are called; and words of those that production has not.
_OTHERS = ("*requirements*.txt", "requirements/*.txt", "requirements/*/*.txt")
_NOT_PRODUCTION = re.compile(
    r"(?i)(^|[-_./])(dev|devel|development|local|tests?|testing|docs?|lint|ci|build)(?=[-_./])"
)


def other_requirements(path: Path, base: Path) -> list[str]:
    """Return files that look like requirements of production and have other names, for somebody to choose."""
    found = [
        os.path.relpath(file, path)
        for folder in dict.fromkeys((base, path))
        for pattern in _OTHERS
        for file in sorted(folder.glob(pattern))
        if file.is_file()
    ]
    return [name for name in dict.fromkeys(found) if not _NOT_PRODUCTION.search(name)][:6]


def _translated(file: Path) -> list[str] | None:
    try:
        return formats.lines(file)
    except formats.FormatError:
        return None


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
            asked = found.group(1) if found else formats.python_of_poetry(file)
            if asked:
                return asked
    return ""


def required_names(path: Path, requirements: list[str]) -> list[str]:
    """Return the normalised names of the packages that requirement files ask for, with their includes."""
    found: set[str] = set()
    for entry in requirements:
        for file in with_includes(path / entry, _REQUIREMENT):
            lines = _translated(file)
            if lines is not None:
                found.update(name for name in map(_name, lines) if name)
                continue
            # What we wrote into it is not the project's own wish.
            text = _decoded(block.without(file.read_bytes()))
            pattern = r"""["']([A-Za-z0-9][\w.-]*)""" if file.suffix == ".toml" else r"^([A-Za-z0-9][\w.-]*)"
            for name in re.findall(pattern, text, re.MULTILINE):
                found.add(re.sub(r"[-_.]+", "-", name).lower())
    return sorted(found)


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""


def open_requirements(path: Path, requirements: list[str]) -> str:
    """Return the requirements file that lines can be added to.

    None can where a tool writes it: pyproject.toml has a form of its own, what was compiled is
    compiled again, and next to hashes each line needs one.
    """
    for entry in requirements:
        files = with_includes(path / entry)
        if entry.endswith(".txt") and not any(_is_written_by_a_tool(file.read_bytes()) for file in files):
            return entry
    return ""


def asked(path: Path, entries: list[str]) -> tuple[list[str], list[str]]:
    """Tell files from requirements in what somebody names: the files, and the packages that all ask for.

    Args:
        path: the checkout.
        entries: files of the checkout, whatever they are called, and requirements such as ``celery~=5.4``.
    """
    files = [entry for entry in entries if _may_be_read(path / entry)]
    names = set(required_names(path, files))
    for entry in entries:
        match = re.match(r"[A-Za-z0-9][\w.-]*", entry)
        if entry not in files and match:
            names.add(re.sub(r"[-_.]+", "-", match.group()).lower())
    return files, sorted(names)


def text_of(file: Path) -> str:
    """Return the text of a file as pip reads it: by its byte order mark, empty where it cannot be read."""
    try:
        return _decoded(file.read_bytes())
    except OSError:
        return ""


def _decoded(content: bytes) -> str:
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig", "replace")


def _is_written_by_a_tool(content: bytes) -> bool:
    """Tell whether pip-compile, uv, poetry or pipenv made a requirements file, or PowerShell, in UTF-16."""
    if content.startswith(_UTF_16):
        return True  # a block is ASCII
    head = b"\n".join(content.splitlines()[:8])
    return (
        b"--hash=" in content
        or re.search(rb"(?i)^#.*(autogenerated|pip-compile|pipenv lock)", head, re.M) is not None
    )


def with_includes(file: Path, options: str = f"{_REQUIREMENT}|-c|--constraint", depth: int = 5) -> list[Path]:
    """Return a requirements file and those that it names with -r and -c; an absent one is left out."""
    if depth == 0 or not _may_be_read(file):
        return []
    found = [file]
    if file.suffix != ".toml":
        text = text_of(file)
        for name in re.findall(rf"^\s*(?:{options})[ =]*(\S+)", text, re.MULTILINE):
            if _may_be_named(file.parent / name, file):
                found += with_includes(file.parent / name, options, depth - 1)
    return found


def _may_be_read(file: Path) -> bool:
    # Unlike Path.is_file(), it is False below a folder of somebody else's too.
    return os.path.isfile(file) and os.access(file, os.R_OK)


def _may_be_named(file: Path, by: Path) -> bool:
    """Tell whether root reads a file because another one names it.

    What root alone may read is none of a project's requirements, unless it is beside those that are.
    """
    if os.geteuid() != 0 or not os.path.isfile(file):
        return True
    status = os.stat(file)
    folder = Path(os.path.realpath(by)).parent
    around = folder.parent if folder.name.startswith("req") else folder
    return bool(status.st_uid or status.st_mode & 0o004) or Path(os.path.realpath(file)).is_relative_to(
        around
    )
