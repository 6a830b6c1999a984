# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements in other forms than pip's: of poetry, of pipenv, in groups and extras, as lines for pip."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import locks

try:
    import tomllib
except ImportError:  # before Python 3.11
    tomllib = None  # type: ignore[assignment,unused-ignore] # mypy knows one Python alone

#: Groups and extras that a deployment installs, where Django is in none of the others.
PRODUCTION = ("production", "prod", "deploy", "deployment", "live", "main", "server", "web", "django", "app")
_DJANGO = re.compile(r"(?i)django(?![\w-])")


class FormatError(Exception):
    """A requirement has no equal in pip's form, or the file is broken. The text says which."""


def lines(file: Path) -> list[str] | None:
    """Return what a file of another form asks for, None where pip's tools read it themselves.

    Raises:
        FormatError: it cannot be said in pip's form.
    """
    if file.name == "Pipfile":
        return _of_pipfile(file)
    if file.name != "pyproject.toml" or tomllib is None:
        return None
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{file.name}: {error}") from error
    project = data.get("project", {})
    if _has_django(project.get("dependencies", ())) or "dependencies" in project.get("dynamic", ()):
        return None
    poetry = data.get("tool", {}).get("poetry", {})
    asked = poetry.get("dependencies", {})
    if any(_DJANGO.fullmatch(name) for name in asked):
        own = [line for name, wish in asked.items() for line in of_poetry(name, wish)]
        return [*project.get("dependencies", ()), *own]
    for kind, table in (
        ("dependency-groups", data.get("dependency-groups", {})),
        ("extras", project.get("optional-dependencies", {})),
    ):
        name = _chosen(kind, table)
        if name:
            return [*project.get("dependencies", ()), *_of_group(table, name)]
    return None


def python_of_poetry(file: Path) -> str:
    """Return the versions of Python that poetry's table asks for, in pip's form; empty where it does not."""
    if tomllib is None or not file.is_file():
        return ""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        wish = data.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python", "")
        return ",".join(_specifiers("python", wish)) if isinstance(wish, str) else ""
    except (OSError, ValueError, FormatError):
        return ""


def _has_django(requirements: Any) -> bool:
    return any(isinstance(text, str) and _DJANGO.match(text) for text in requirements)


def _chosen(kind: str, table: Mapping[str, Any]) -> str:
    """Return the group or extra with Django in it, one of production's where there are several."""
    with_django = [name for name in table if _has_django(_of_group(table, name))]
    if len(with_django) < 2:
        return next(iter(with_django), "")
    named = [name for name in with_django if name.lower() in PRODUCTION]
    if len(named) == 1:
        return named[0]
    several = ", ".join(with_django)
    raise FormatError(f"Django is in several {kind} ({several}), and none is named for production")


def _of_group(table: Mapping[str, Any], name: str, above: tuple[str, ...] = ()) -> list[str]:
    """Return the requirements of a dependency group with those that it includes (PEP 735)."""
    if name in above:
        raise FormatError(f"the dependency groups {', '.join(above)} include each other")
    found: list[str] = []
    for entry in table.get(name, ()):
        if isinstance(entry, str):
            found.append(entry)
        else:
            found += _of_group(table, str(entry.get("include-group", "")), (*above, name))
    return found


def of_poetry(name: str, wish: Any) -> Iterator[str]:
    """Yield a dependency of ``[tool.poetry.dependencies]`` in pip's form.

    Raises:
        FormatError: it has none.
    """
    if name.lower() == "python":
        return
    for entry in wish if isinstance(wish, list) else [wish]:
        table = entry if isinstance(entry, Mapping) else {"version": entry}
        if table.get("optional"):
            continue
        if "path" in table or "file" in table:
            raise FormatError(f"{name} is in a folder or a file")
        extras = f"[{','.join(table['extras'])}]" if table.get("extras") else ""
        markers = [f"({table['markers']})"] if table.get("markers") else []
        if table.get("python"):
            clauses = _specifiers(name, str(table["python"]))
            markers += [re.sub(r"^([<>=!~]+)(.*)$", r"python_version \1 '\2'", clause) for clause in clauses]
        where = ""
        if "git" in table:
            at = table.get("rev") or table.get("tag") or table.get("branch")
            folder = f"#subdirectory={table['subdirectory']}" if table.get("subdirectory") else ""
            where = f" @ git+{table['git']}{f'@{at}' if at else ''}{folder}"
        elif "url" in table:
            where = f" @ {table['url']}"
        specifier = "" if where else ",".join(_specifiers(name, str(table.get("version", "*"))))
        yield f"{name}{extras}{specifier}{where}{f' ; {_and(markers)}' if markers else ''}"


def _and(markers: list[str]) -> str:
    return " and ".join(markers)


def _specifiers(name: str, wish: str) -> list[str]:
    """Return the version specifiers (PEP 440) for poetry's: ``^1.2``, ``~1.2``, ``1.2``, ``1.*``."""
    if "|" in wish:
        raise FormatError(f"{name} has alternatives ({wish})")
    found: list[str] = []
    for part in filter(None, (text.strip() for text in wish.split(","))):
        match = re.fullmatch(r"(\^|~(?!=)|===|[<>=!~]=|[<>=])?\s*v?(\*|\d[\w.+!*-]*)", part)
        if not match:
            raise FormatError(f"{name} has a version that is not understood ({part})")
        operator, version = match.group(1) or "", match.group(2)
        if version == "*":
            continue
        if operator in ("^", "~"):
            found += [f">={version}", f"<{_next(name, operator, version)}"]
        else:
            found.append(f"{'==' if operator in ('', '=') else operator}{version}")
    return found


def _next(name: str, operator: str, version: str) -> str:
    """Return the first version that ``^`` or ``~`` leaves out."""
    head = re.match(r"\d+(?:\.\d+)*", version)
    if not head:
        raise FormatError(f"{name} has a version that is not understood ({operator}{version})")
    numbers = [int(number) for number in head.group().split(".")]
    if operator == "~":
        place = min(1, len(numbers) - 1)
    else:
        place = next((n for n, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))


def _of_pipfile(file: Path) -> list[str]:
    """Return what a Pipfile's lock installs: it has everything, and says it in pip's form."""
    lock = file.with_name("Pipfile.lock")
    if not lock.is_file():
        raise FormatError("a Pipfile without its Pipfile.lock says no versions that can be relied on")
    try:
        return [pin.constraint() for pin in locks.pins(lock)]
    except locks.LockFileError as error:
        raise FormatError(str(error)) from error
