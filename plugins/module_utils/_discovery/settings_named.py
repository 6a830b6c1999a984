# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings module a Django project runs with, and what says so."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .files import SKIPPED_FOLDERS
from .imports import Modules
from .project import Finding
from .source import DiscoveryError, SourceError, computes_environment, environment_default, parse

VARIABLE = "DJANGO_SETTINGS_MODULE"
#: The class of django-configurations that production runs with.
CONFIGURATION = "DJANGO_CONFIGURATION"


#: Words in the last part of a settings module that are not production's.
DEVELOPMENT = frozenset({"dev", "devel", "develop", "development", "local", "debug"})
TESTS = frozenset({"test", "tests", "testing", "ci", "pytest", "unittest"})
#: What files are called that are copied and filled in.
_EXAMPLE = re.compile(r"(?i)example|sample|template|dist\b|default|\.(dev|tmpl|tpl|in|orig)$")
#: What is in a file that serves a Django project: its name, or that of what starts it.
_DJANGOS = re.compile(rb"(?i)django|configurations|get_[aw]sgi_application")


@dataclass(frozen=True)
class Named:
    """A settings module, and what names it."""

    module: str
    #: ``file:line``, relative to the folder of manage.py, or a variable of the inventory.
    source: str


@dataclass(frozen=True)
class ByFiles:
    """What manage.py and the server files take from files of variables that they load."""

    #: The settings module that each of them gets from one.
    named: dict[Path, Named] = field(default_factory=dict)
    #: The first line that loads one, whether it is there or not.
    loading: str = ""


def server_files(modules: Modules) -> list[Path]:
    """Return the files wsgi.py and asgi.py of the project, the ones of wsgi first."""
    found: list[Path] = []
    for name in ("wsgi.py", "asgi.py"):
        for root in modules.roots:
            for file in sorted([*root.glob(f"*/{name}"), *root.glob(f"*/*/{name}"), *root.glob(name)]):
                folders = [file.parent, *file.parent.parents]
                inside = folders[: folders.index(root)]
                # A folder with a manage.py of its own is another project, unless manage.py is in its package.
                if any(
                    (folder / "manage.py").is_file() for folder in inside if folder not in modules.managed
                ):
                    continue
                names = {folder.name for folder in inside}
                if names & SKIPPED_FOLDERS or any(name.startswith(".") for name in names):
                    continue
                if any(str(folder) in modules.ignored for folder in inside):
                    continue
                if not any((folder / "pyvenv.cfg").exists() for folder in inside):
                    found.append(file)
    # Programs without Django have a wsgi.py too, and need not be of a Python that is known here.
    return [file for file in dict.fromkeys(found) if _DJANGOS.search(file.read_bytes())] or found[:1]


def server_of(servers: Sequence[Path], base: Path, settings: str) -> Path | None:
    """Return the file that a server of the web loads: the first, or that of production's settings."""
    named = [file for file in servers if (found := named_by(file, base)) and found.module == settings]
    return next(iter([*named, *servers]), None)


def named_by(file: Path, base: Path) -> Named | None:
    """Return the settings module that a file such as wsgi.py names."""
    found = environment_default(parse(file), VARIABLE)
    return Named(found[0], f"{os.path.relpath(file, base)}:{found[1]}") if found else None


def find_package(modules: Modules, settings: str) -> str:
    """Return the package that celery.py belongs into, empty where settings stand beside manage.py.

    The server files know: src/shop/wsgi.py for src.shop.settings, shop/wsgi.py for settings.live.
    """
    file = modules.file(settings)
    if "." not in settings and file and file.name != "__init__.py":
        return ""
    packages = [modules.name_of(server).rpartition(".")[0] for server in server_files(modules)]
    around = [package for package in packages if package and settings.startswith(f"{package}.")]
    if around:
        return max(around, key=len)
    first = settings.partition(".")[0]
    return next(filter(None, packages), first) if first == "settings" else first


def find_settings(
    path: Path,
    base: Path,
    modules: Modules,
    manage: Path | None = None,
    by_files: ByFiles | None = None,
) -> list[Named]:
    """Return the settings modules that are named; production's first.

    wsgi.py and asgi.py speak for production, so they come before manage.py; after it
    come the module of a Celery app and the hints of tools, in pyproject.toml and in the files of pytest.
    A name without a module is passed over where another one has one.

    Args:
        path: the checkout.
        base: the folder that the project is imported from.
        modules: the project's modules.
        manage: manage.py.
        by_files: what manage.py and the server files take from a file such as .env.

    Raises:
        DiscoveryError: nothing names one, or several do and none is better.
        SourceError: one of the files is no valid Python.
    """
    manage = manage or base / "manage.py"
    servers, by_manage = _by_entry_points(base, modules, manage, by_files or ByFiles())
    if len({named.module for named in servers}) > 1:
        package = by_manage.module.partition(".")[0] if by_manage else ""
        beside = [named for named in servers if named.module.partition(".")[0] == package]
        servers = [*beside, *(named for named in servers if named not in beside)]
        if not beside:
            _refuse_several(servers)
    named = [*servers, *([by_manage] if by_manage else [])]
    found = [entry for entry in named if modules.file(entry.module)] or named
    if not found:
        hints = [*_by_apps(base, modules), *_hints(path, base)]
        found = [hint for hint in hints if not _is_for_tests(hint.module)]
        if not found:
            raise DiscoveryError(_nothing_named(base, modules, manage, hints, by_files))
    return found


def _by_entry_points(
    base: Path, modules: Modules, manage: Path, by_files: ByFiles
) -> tuple[list[Named], Named | None]:
    files = server_files(modules)
    servers = [named for file in files if (named := by_files.named.get(file) or named_by(file, base))]
    return servers, by_files.named.get(manage) or named_by(manage, base)


def passed_over(base: Path, modules: Modules, manage: Path, main: Named, by_files: ByFiles) -> list[Finding]:
    """Return what to say of names that wsgi.py, asgi.py and manage.py have, and no module."""
    if main.source == "celery_project_settings":
        return []
    servers, by_manage = _by_entry_points(base, modules, manage, by_files)
    found = []
    for named in [*servers, *([by_manage] if by_manage else [])]:
        if modules.file(named.module) is not None:
            continue
        missing = f"{named.source} names the settings {named.module}, which is no module below {base}"
        if named is not by_manage and words_of(main.module) & DEVELOPMENT:
            # What the web runs with is not there, and development's is none that it could stand for.
            text = (
                f"{missing}, and {main.module} ({main.source}) is for development. Make that module, as on "
                "the host where the site runs, or set celery_project_settings to the one that production "
                f"runs with{_offer(modules)}."
            )
            found.append(Finding(text, refuses=True, option="project_settings"))
            continue
        text = (
            f"{missing}; {main.module} is taken ({main.source}). Correct that line, or set "
            "celery_project_settings."
        )
        found.append(Finding(text))
    return found


def _by_apps(base: Path, modules: Modules) -> list[Named]:
    """Return the settings that the module of a Celery app names."""
    patterns = ("*/celery.py", "*/celery_app.py", "celery_app.py", "*/*/celery.py")
    files = [file for root in modules.roots for pattern in patterns for file in sorted(root.glob(pattern))]
    known = [file for file in dict.fromkeys(files) if str(file) not in modules.ignored]
    return [named for file in known if (named := _named_if_valid(file, base))]


def _named_if_valid(file: Path, base: Path) -> Named | None:
    try:
        return named_by(file, base)
    except SourceError:
        return None


def words_of(module: str) -> set[str]:
    """Return the words in the last part of a settings module: ``shop.settings_test`` has two."""
    return set(module.rpartition(".")[2].lower().split("_"))


def _is_for_tests(module: str) -> bool:
    return bool(words_of(module) & TESTS)


def _nothing_named(
    base: Path, modules: Modules, manage: Path, hints: Sequence[Named], by_files: ByFiles | None
) -> str:
    computed = [
        f"{os.path.relpath(file, base)}:{line}"
        for file in [*server_files(modules), manage]
        if (line := computes_environment(parse(file), VARIABLE))
    ]
    where = f" ({', '.join(computed)} computes it)" if computed else ""
    if hints:
        where += f"; {hints[0].source} names {hints[0].module}, which is for tests"
    if by_files and by_files.loading and not computed:
        where += f"; {by_files.loading} loads a file such as .env, and none that is there names one"
    return (
        "celery_project_settings: no settings module is named in wsgi.py, asgi.py, manage.py or "
        f"pyproject.toml below {base}{where}. Set celery_project_settings to the one that production "
        f"runs with{_offer(modules)}."
    )


def _offer(modules: Modules) -> str:
    candidates = _candidates(modules)
    return f"; there are {', '.join(candidates)}" if candidates else ", such as shop.settings.production"


def not_there(base: Path, modules: Modules, named: Named) -> str:
    """Return the message for a settings module that is named and does not exist."""
    text = (
        f"celery_project_settings: there is no settings module {named.module} below {base} "
        f"(named by {named.source})."
    )
    folder, _dot, last = named.module.rpartition(".")
    examples = [
        file
        for root in modules.roots
        for file in sorted(root.joinpath(*filter(None, folder.split("."))).glob(f"*{last}*"))
        if file.is_file() and _EXAMPLE.search(file.name)
    ]
    if examples:
        target = examples[0].with_name(f"{last}.py")
        return (
            f"{text} There is an example for it, {os.path.relpath(examples[0], base)}: copy that to "
            f"{os.path.relpath(target, base)} and fill it in, as on the host where the site runs, or set "
            f"celery_project_settings to the one that production runs with{_offer(modules)}."
        )
    return f"{text} Set celery_project_settings to the one that production runs with{_offer(modules)}."


def production_beside(modules: Modules, named: Named) -> str:
    """Return production's settings where those that were found are for development, else an empty text."""
    package, _dot, last = named.module.rpartition(".")
    words = words_of(named.module)
    if named.source == "celery_project_settings" or not words & (DEVELOPMENT | TESTS):
        return ""
    wanted = ["production", "prod", "live"]
    wanted += [re.sub("|".join(DEVELOPMENT | TESTS), name, last) for name in wanted if "_" in last]
    beside = (".".join(filter(None, (package, name))) for name in wanted)
    return next((name for name in beside if modules.file(name)), "")


def _candidates(modules: Modules) -> list[str]:
    """Return the modules that look like settings, for somebody to choose from."""
    patterns: tuple[str, ...] = (
        "settings.py",
        "*/settings.py",
        "settings/*.py",
        "*/settings/*.py",
        "*/*/settings/*.py",
    )
    patterns += ("*/settings_*.py", "*/*_settings.py", "*/*/settings.py")
    files = [file for root in modules.roots for pattern in patterns for file in sorted(root.glob(pattern))]
    # "production.example.py" is no module.
    named = [file for file in files if file.stem.isidentifier()]
    names = [modules.name_of(file) for file in named if file.name != "__init__.py" or file.stat().st_size]
    importable = [name for name in names if all(part.isidentifier() for part in name.split("."))]
    ordered = sorted(dict.fromkeys(importable), key=_likelihood)
    return ordered[:12]


def _likelihood(module: str) -> int:
    """Order settings for somebody to choose from: production's first, those of tests last."""
    words = words_of(module)
    if words & {"production", "prod", "live", "prd"}:
        return 0
    return 3 if words & TESTS else 2 if words & DEVELOPMENT else 1


def _refuse_several(servers: Sequence[Named]) -> None:
    if len({named.module.split(".")[0] for named in servers}) < 2:
        return
    listed = ", ".join(f"{named.module} ({named.source})" for named in servers)
    raise DiscoveryError(
        f"celery_project_settings: several settings modules are named: {listed}. "
        "Set celery_project_settings to the one that production runs with."
    )


def _hints(path: Path, base: Path) -> Iterator[Named]:
    """Yield the settings modules that tools are told of: Django's own first, then pytest's."""
    wanted = {"settings", "settings_module", "django_settings_module"}
    tables = {"tool.django": 0, "tool.django-stubs": 1, "mypy.plugins.django-stubs": 1}
    tables |= {"tool.pytest.ini_options": 2, "tool.pytest": 2}
    found: list[tuple[int, Named]] = []
    for folder in dict.fromkeys((base, path)):
        for name in ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "mypy.ini"):
            file = folder / name
            if not file.is_file():
                continue
            rows = _toml_rows(file) if name.endswith(".toml") else _ini_rows(file)
            for table, key, value, line in rows:
                if key.lower() in wanted and table in tables:
                    source = f"{os.path.relpath(file, base)}:{line}"
                    found.append((tables[table], Named(value, source)))
    yield from (named for _rank, named in sorted(found, key=lambda hint: hint[0]))


def _toml_rows(file: Path) -> Iterator[tuple[str, str, str, int]]:
    """Yield the texts of a TOML file: table, key, value, line. Python 3.10 has no parser for it."""
    table = ""
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if head := re.match(r"\s*\[([\w.\"-]+)\]", line):
            table = head.group(1).replace('"', "")
        elif pair := re.match(r"""\s*"?([\w-]+)"?\s*=\s*["']([\w.]+)["']""", line):
            yield table, pair.group(1), pair.group(2), number


def _ini_rows(file: Path) -> Iterator[tuple[str, str, str, int]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    tables = {
        "pytest": "tool.pytest",
        "tool:pytest": "tool.pytest",
        "mypy.plugins.django-stubs": "mypy.plugins.django-stubs",
    }
    for section, table in tables.items():
        if parser.has_section(section):
            for key, value in parser.items(section):
                lines = text.lower().splitlines()
                line = next((n for n, row in enumerate(lines, 1) if row.strip().startswith(key)), 1)
                # "Module --flag" is written too: pytest-django takes the first word.
                yield table, key, value.split()[0] if value.split() else "", line
