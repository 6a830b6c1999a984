# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project says of its packages in a form that is not installed from, or that cannot go with Celery."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from . import formats, locks
from .project import Finding
from .requirements import text_of, with_includes

_LOCKS = {
    "uv.lock": "uv export --frozen --no-dev --no-emit-project -o locked.txt",
    "poetry.lock": "poetry export -o locked.txt (of poetry-plugin-export)",
    "Pipfile.lock": "pipenv requirements > locked.txt",
    "pdm.lock": "pdm export --prod -o locked.txt",
}
_CONDA = ("environment.yml", "environment.yaml", "conda.yml")
#: The oldest versions that what the integration adds can be installed with: docs/packages.md.
_OLDEST = {
    "celery": ((5, 7), "the integration"),
    "kombu": ((5, 7), "Celery 5.7"),
    "python-dateutil": ((2, 9), "Celery 5.7"),
    "django": ((3, 2, 25), "django-celery-results 2.6"),
    "django-celery-beat": ((2, 9), "the integration"),
    "django-celery-results": ((2, 6), "the integration"),
}
#: The first Django that django-celery-beat 2.9 does not work with.
_NO_BEAT = (6, 1)
_LINE = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*((?:[=<>!~]=?=?\s*[\w.*+!-]+\s*,?\s*)+)")
_CLAUSE = re.compile(r"(===|==|~=|<=|<)\s*([\d.]+)")


def find(path: Path, base: Path, requirements: list[str]) -> list[Finding]:
    """Return what to say of a checkout's packages.

    Args:
        path: the checkout.
        base: the folder of manage.py.
        requirements: the files that are installed from, relative to the checkout.
    """
    folders = list(dict.fromkeys((base, path)))
    used = lock_of(path, requirements)
    found = [*_locked(path, folders, used), *_broken(path, used)]
    text = _elsewhere(path, folders, requirements)
    if text:
        locks = [finding.text for finding in found]
        found = [
            Finding(" ".join([text, *locks]), refuses=True, option="requirements", running=True),
        ]
    return [*found, *_too_old(path, requirements), *_locked_too_old(path, used)]


def lock_of(path: Path, requirements: list[str]) -> str:
    """Return the lock file whose versions are installed, relative to the checkout; empty where there is none.

    It stands beside a pyproject.toml or a Pipfile that is installed from: a requirements.txt says itself
    which versions it wants.
    """
    for entry in requirements:
        if Path(entry).name in ("pyproject.toml", "Pipfile"):
            file = locks.find([(path / entry).parent])
            if file:
                return os.path.relpath(file, path)
    return ""


def _broken(path: Path, lock: str) -> Iterator[Finding]:
    try:
        locks.pins(path / lock) if lock else None
    except (locks.LockFileError, OSError) as error:
        yield Finding(
            f"{lock}: {error}. Mend it, or name the requirements in celery_requirements.",
            refuses=True,
            option="requirements",
            running=True,
        )


def _locked_too_old(path: Path, lock: str) -> Iterator[Finding]:
    """Yield the versions of a lock that what is added cannot be installed with."""
    try:
        pins = locks.pins(path / lock) if lock else []
    except (locks.LockFileError, OSError):
        return
    tool = {"uv.lock": "uv add", "poetry.lock": "poetry add", "pdm.lock": "pdm add"}.get(
        Path(lock).name, "pipenv install"
    )
    for pin in pins:
        oldest, who = _OLDEST.get(pin.name, ((), ""))
        if oldest and _excludes(f"=={pin.version}", oldest):
            version = ".".join(map(str, oldest))
            yield Finding(
                f"{lock}:{pin.line} locks {pin.name} {pin.version}, and {who} needs {version} or newer. Let "
                f"the tool lock newer ones ({tool} 'celery>=5.7' does), or name the requirements in "
                "celery_requirements, which takes no lock.",
                refuses=True,
                concerns="integration",
                option="requirements",
                running=True,
            )


def _locked(path: Path, folders: list[Path], used: str) -> Iterator[Finding]:
    for folder in folders:
        for name, export in _LOCKS.items():
            file = os.path.relpath(folder / name, path)
            if (folder / name).is_file() and file != used:
                yield Finding(
                    f"{file} locks the versions that the project runs with, and is not installed from: "
                    "workers get the newest ones that its requirements allow. For the locked ones: "
                    f"{export}, and celery_requirements: [locked.txt].",
                    option="requirements",
                    running=True,
                )


def _elsewhere(path: Path, folders: list[Path], requirements: list[str]) -> str:
    """Return where the packages are, if not in the files that are installed from, and what to do."""
    for folder in folders:
        translated, why = _translated(folder / "pyproject.toml")
        for table, what in [] if translated else _tables(folder / "pyproject.toml"):
            if _names_django(table):
                file = os.path.relpath(folder / "pyproject.toml", path)
                known = requirements and any(
                    _names_django(_installed_part(path / entry)) for entry in requirements
                )
                if not known:
                    return _advice(f"{file}, {what}{why}")
        if requirements:
            continue
        if (folder / "Pipfile").is_file():
            _lines, why = _translated(folder / "Pipfile")
            return _advice(f"{os.path.relpath(folder / 'Pipfile', path)}{why}")
        conda = next((folder / name for name in _CONDA if (folder / name).is_file()), None)
        if conda and re.search(r"^\s*dependencies\s*:", text_of(conda), re.MULTILINE):
            return _advice(f"{os.path.relpath(conda, path)}, which is conda's")
    return ""


def _translated(file: Path) -> tuple[list[str] | None, str]:
    """Return what a file of another form asks for in pip's form, and why that cannot be said."""
    if not file.is_file():
        return None, ""
    try:
        return formats.lines(file), ""
    except formats.FormatError as error:
        return None, f" ({error})"


def _advice(where: str) -> str:
    return (
        f"The project's packages are in {where}, and nothing is installed from there. Name them in "
        "celery_requirements, with their versions, such as ['Django~=5.2', 'psycopg[binary]'], or the "
        "requirement files of the checkout that hold them."
    )


def _installed_part(file: Path) -> str:
    """Return what an installation reads of a file: of pyproject.toml, the dependencies of [project] alone."""
    if file.suffix != ".toml":
        return "\n".join(text_of(part) for part in with_includes(file))
    project = dict(_sections(file)).get("project", "")
    if re.search(r"""dynamic\s*=\s*\[[^\]]*["']dependencies["']""", project):
        return "django"  # whatever builds the project knows
    listed = re.search(r"^dependencies\s*=\s*\[(.*?)\][ \t]*(?:#[^\n]*)?$", project, re.MULTILINE | re.DOTALL)
    return listed.group(1) if listed else ""


def _tables(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the tables of pyproject.toml that name packages and are not installed, with what they are."""
    for head, text in _sections(file):
        if head.startswith("tool.poetry") and head.endswith("dependencies"):
            yield text, "in poetry's own form"
        elif head == "project.optional-dependencies":
            yield text, "as an extra ([project.optional-dependencies])"
        elif head == "dependency-groups":
            yield text, "as a dependency group"


def _sections(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the tables of a TOML file with their text; Python 3.10 has no parser for it."""
    parts = re.split(r"^\[+([\w.\"-]+)\]+[^\n]*$", text_of(file), flags=re.MULTILINE)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def _names_django(text: str) -> bool:
    return re.search(r"(?mi)(^|[\"'\s\[,])django(?![\w-])", text) is not None


def _too_old(path: Path, requirements: list[str]) -> Iterator[Finding]:
    """Yield the project's own lines that what is added cannot be installed with."""
    for entry in requirements:
        for file in with_includes(path / entry):
            if file.suffix == ".toml":
                continue
            for number, line in enumerate(text_of(file).splitlines(), 1):
                name, specifier = _requirement(line)
                line = re.split(r"\s+(?:--hash\b|\\\s*$|#)", line.strip())[0]  # noqa: PLW2901 - as it is shown
                oldest, who = _OLDEST.get(name, ((), ""))
                if name == "django" and _begins_at(specifier, _NO_BEAT):
                    yield Finding(
                        f"{os.path.relpath(file, path)}:{number}: {line} cannot be installed with "
                        "django-celery-beat 2.9, which works with Django below 6.1. Require Django<6.1, or "
                        "set celery_beat_scheduler to file, which does without django-celery-beat.",
                        refuses=True,
                        concerns="database scheduler",
                    )
                if oldest and _excludes(specifier, oldest):
                    version = ".".join(map(str, oldest))
                    yield Finding(
                        f"{os.path.relpath(file, path)}:{number}: {line} cannot be installed with "
                        f"{who}, which needs {name} {version} or newer. Change that line, or write a Celery "
                        "app of the project's own for older versions: the next run uses it.",
                        refuses=True,
                        concerns="integration",
                    )


def _requirement(line: str) -> tuple[str, str]:
    match = _LINE.match(line.strip())
    return (re.sub(r"[-_.]+", "-", match.group(1)).lower(), match.group(2)) if match else ("", "")


def _excludes(specifier: str, oldest: tuple[int, ...]) -> bool:
    """Tell whether version specifiers leave no version from *oldest* on."""
    for operator, text in _CLAUSE.findall(specifier):
        version = tuple(int(part) for part in text.strip(".").split(".") if part)
        if not version:
            continue
        below = oldest[: len(version)]
        wild = re.search(re.escape(text) + r"\*", specifier) is not None
        if operator == "<" and version <= oldest:
            return True
        if operator == "<=" and version < oldest:
            return True
        if operator in ("==", "===") and (version < below if wild else _padded(version, oldest) < oldest):
            return True
        if operator == "~=" and version[:-1] < oldest[: len(version) - 1]:
            return True
    return False


def _begins_at(specifier: str, first: tuple[int, ...]) -> bool:
    """Tell whether version specifiers leave no version before *first*."""
    for _operator, text in re.findall(r"(===|==|~=|>=|>)\s*([\d.]+)", specifier):
        version = tuple(int(part) for part in text.strip(".").split(".") if part)
        if version and version[: len(first)] >= first:
            return True
    return False


def _padded(version: tuple[int, ...], like: tuple[int, ...]) -> tuple[int, ...]:
    return version + (0,) * (len(like) - len(version))
