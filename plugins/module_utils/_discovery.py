# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Django checkout tells about itself, found by parsing alone: none of it is imported."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _block
from ansible_collections.celeriac.django.plugins.module_utils._integration import (
    RECORD_PATH,
    IntegrationError,
    Record,
)
from ansible_collections.celeriac.django.plugins.module_utils._requirements import (
    find_requirements,
    find_requires_python,
    open_requirements,
    required_names,
)
from ansible_collections.celeriac.django.plugins.module_utils._source import (
    SourceError,
    assignments,
    dotted,
    environment_default,
    literal_strings,
    literal_text,
    parse,
    python_files,
)

SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"


class DiscoveryError(Exception):
    """The checkout is not what it has to be. The text says what, where and what to do."""


@dataclass(frozen=True)
class Place:
    """A line of a file; the path is relative to the folder of manage.py."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass
class Project:
    """What was found. Paths are absolute on the host, modules are dotted names."""

    path: str
    #: The folder of manage.py: what Python imports the project from.
    base: str
    package: str
    package_path: str
    package_is_namespace: bool
    settings: str
    settings_file: str
    #: What named the settings module, as ``file:line`` or as the variable.
    settings_source: str
    #: The settings file that gives INSTALLED_APPS its value: what every environment loads.
    apps_file: str
    installed_apps: list[str] = field(default_factory=list)
    #: The project's own apps: dotted name and folder.
    apps: dict[str, str] = field(default_factory=dict)
    #: ``postgresql``, ``mysql``, ``sqlite3``, ``oracle``; ``url`` where the environment decides.
    database: str = ""
    requirements: list[str] = field(default_factory=list)
    requires_python: str = ""
    #: The names of the packages that these files ask for.
    required: list[str] = field(default_factory=list)
    #: The Celery app that the project has of its own: module, variable, place.
    celery_app: dict[str, Any] | None = None
    #: Whether this collection's integration is in the checkout.
    integrated: bool = False
    #: Tasks in the source: name, place.
    tasks: dict[str, str] = field(default_factory=dict)
    #: The requirements file that lines can be added to, empty where there is none of that kind.
    open_requirements: str = ""
    #: Names that the checkout's .env.example has already, not counting our own lines.
    documented: list[str] = field(default_factory=list)
    #: Whether whoever looks may write to the package and the settings.
    writable: bool = True
    owner_uid: int = 0
    owner_gid: int = 0


def find_manage(path: Path) -> Path:
    """Return the one manage.py in or below *path*.

    Raises:
        DiscoveryError: there is no such folder, no manage.py, or more than one.
    """
    if not path.is_dir():
        raise DiscoveryError(
            f"celery_project_path: there is no folder {path} on this host. "
            "Check the checkout there first, or correct the variable."
        )
    direct = path / "manage.py"
    if direct.is_file():
        return direct
    found = [file for file in python_files(path) if file.name == "manage.py"]
    if len(found) == 1:
        return found[0]
    if not found:
        raise DiscoveryError(
            f"celery_project_path: {path} is no Django project: "
            "there is no manage.py in it or below it. Name the folder of the checkout."
        )
    listed = ", ".join(str(file.relative_to(path)) for file in found)
    raise DiscoveryError(
        f"celery_project_path: {path} holds several Django projects ({listed}). "
        f"Name the folder of the one that is meant, such as {found[0].parent}."
    )


def module_file(base: Path, module: str) -> Path | None:
    """Return the file of a dotted module below *base*, or None where there is none."""
    target = base.joinpath(*module.split("."))
    for candidate in (target.with_name(target.name + ".py"), target / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def find_settings(base: Path, manage: Path) -> tuple[str, str]:
    """Return the settings module that production runs with, and what says so.

    wsgi.py and asgi.py speak for production, so they come before manage.py.

    Raises:
        DiscoveryError: nothing names one.
        SourceError: one of these files is no valid Python.
    """
    servers = [
        file
        for name in ("wsgi.py", "asgi.py")
        for file in sorted([*base.glob(f"*/{name}"), *base.glob(f"*/*/{name}"), *base.glob(name)])
        if not file.relative_to(base).parts[0].startswith(".")
    ]
    for file in [*servers, manage]:
        named = environment_default(parse(file), SETTINGS_VARIABLE)
        if named:
            return named[0], f"{file.relative_to(base)}:{named[1]}"
    raise DiscoveryError(
        f"celery_project_settings: no settings module is named in wsgi.py, asgi.py or manage.py "
        f"below {base}. Set celery_project_settings to it, such as shop.settings.production."
    )


def _star_imports(tree: ast.Module, module: str, is_package: bool) -> list[str]:
    """Return the dotted modules that a module star-imports, the last one first."""
    package = module if is_package else module.rpartition(".")[0]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            if node.level == 0:
                found.append(node.module or "")
                continue
            parts = package.split(".")
            parent = parts[: len(parts) - (node.level - 1)]
            found.append(".".join([*parent, *(node.module.split(".") if node.module else [])]))
    return [name for name in reversed(found) if name]


def settings_chain(base: Path, settings: str) -> list[tuple[str, Path, ast.Module]]:
    """Return the settings module and the project's modules that it star-imports, nearest first."""
    chain: list[tuple[str, Path, ast.Module]] = []
    waiting = [settings]
    while waiting:
        module = waiting.pop(0)
        file = module_file(base, module)
        if file is None or any(known == file for _name, known, _tree in chain):
            continue
        tree = parse(file)
        chain.append((module, file, tree))
        waiting.extend(_star_imports(tree, module, file.name == "__init__.py"))
    return chain


def _gives_value(tree: ast.Module, name: str) -> bool:
    """Tell whether the module sets *name* anew, rather than adding to what it imported."""
    for statement, value in assignments(tree, name):
        if isinstance(statement, ast.AugAssign):
            continue
        if not any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value)):
            return True
    return False


def find_apps_file(chain: list[tuple[str, Path, ast.Module]]) -> Path:
    """Return the settings file that gives INSTALLED_APPS its value.

    Raises:
        DiscoveryError: none of the files does so in a way that can be read.
    """
    for _module, file, tree in chain:
        if _gives_value(tree, "INSTALLED_APPS"):
            return file
    files = ", ".join(str(file) for _module, file, _tree in chain)
    raise DiscoveryError(
        f"INSTALLED_APPS gets no value at the top level of {files}. Name the settings module that "
        "production runs with in celery_project_settings; settings in classes or computed "
        "elsewhere cannot be integrated: integrate them by hand, and set "
        "celery_project_integrate: never."
    )


def _own_app(base: Path, entry: str) -> tuple[str, Path] | None:
    """Resolve an INSTALLED_APPS entry to the project's own package, if it is one."""
    parts = entry.split(".")
    while parts:
        folder = base.joinpath(*parts)
        if folder.is_dir():
            return ".".join(parts), folder
        parts.pop()
    return None


def find_database(chain: list[tuple[str, Path, ast.Module]]) -> str:
    """Return the engine of the default database, ``url`` where a URL decides, or an empty text."""
    for _module, _file, tree in chain:
        for _statement, value in assignments(tree, "DATABASES"):
            names = [
                literal_text(node).rpartition(".")[2]
                for node in ast.walk(value)
                if literal_text(node).startswith("django.db.backends.")
                or literal_text(node).startswith("django.contrib.gis.db.backends.")
            ]
            if names:
                return {"postgis": "postgresql", "spatialite": "sqlite3"}.get(names[0], names[0])
            if any(isinstance(node, ast.Call) for node in ast.walk(value)):
                return "url"
    return ""


def _task_name(decorator: ast.expr, module: str, function: str) -> str | None:
    """Return the name that a decorated function gets as a task, None where it is none.

    The rule is celery.app.base.Celery.gen_task_name: the module's name and the function's.
    """
    call = decorator if isinstance(decorator, ast.Call) else None
    name = dotted(call.func if call else decorator)
    if name.rpartition(".")[2] not in ("shared_task", "task", "periodic_task"):
        return None
    if name == "task" or ("." in name and name.rpartition(".")[2] == "task"):
        # Django's own @task and other libraries' are told apart by the receiver's name.
        receiver = name.rpartition(".")[0].rpartition(".")[2]
        if "app" not in receiver and "celery" not in receiver:
            return None
    for keyword in call.keywords if call else []:
        if keyword.arg == "name":
            return literal_text(keyword.value) or None
    return f"{module}.{function}"


def _module_name(base: Path, file: Path) -> str:
    parts = list(file.relative_to(base).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def _is_test(file: Path, base: Path) -> bool:
    parts = file.relative_to(base).parts
    return (
        any(part in ("tests", "test", "testing", "migrations") for part in parts[:-1])
        or parts[-1] in ("tests.py", "conftest.py")
        or parts[-1].startswith("test_")
    )


def made_files(path: Path, package_path: Path) -> set[Path]:
    """Return the files of the checkout that this collection made, by its own record."""
    try:
        record = Record.parse((package_path / RECORD_PATH).read_bytes())
    except OSError:
        return set()
    return {path / name for name in record.made}


def documented_names(base: Path) -> list[str]:
    """Return the names that the project's own lines in .env.example give a value."""
    try:
        content = _block.without((base / ".env.example").read_bytes())
    except OSError:
        return []
    return re.findall(r"^(?:export )?(\w+)=", content.decode("utf-8", "replace"), re.MULTILINE)


def find_celery(base: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the tasks in the source (name to place) and the Celery apps in it.

    A file that is no valid Python is passed over here: it is not of the settings,
    and Django itself will say so where it matters.
    """
    tasks: dict[str, str] = {}
    apps: list[dict[str, Any]] = []
    for file in python_files(base):
        try:
            content = file.read_bytes()
        except OSError:
            continue
        if b"Celery(" not in content and b"task" not in content:
            continue
        if _is_test(file, base):
            continue
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError):
            continue
        module = _module_name(base, file)
        relative = str(file.relative_to(base))
        tasks.update(_tasks(tree, module, relative))
        apps.extend(_apps(tree, module, relative))
    return tasks, apps


def _tasks(tree: ast.Module, module: str, relative: str) -> dict[str, str]:
    return {
        name: str(Place(relative, node.lineno))
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for decorator in node.decorator_list
        if (name := _task_name(decorator, module, node.name))
    }


def _apps(tree: ast.Module, module: str, relative: str) -> list[dict[str, Any]]:
    return [
        {
            "module": module,
            "variable": target.id,
            "file": relative,
            "place": str(Place(relative, statement.lineno)),
        }
        for statement in tree.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        and isinstance(statement.value, ast.Call)
        and dotted(statement.value.func).rpartition(".")[2] == "Celery"
        and isinstance(target := _target(statement), ast.Name)
    ]


def _target(statement: ast.Assign | ast.AnnAssign) -> ast.expr:
    return statement.targets[0] if isinstance(statement, ast.Assign) else statement.target


def discover(path: str, package: str = "", settings: str = "") -> Project:
    """Look at the checkout at *path*.

    Args:
        path: the folder of the checkout, absolute.
        package: the package that gets celery.py; found where empty.
        settings: the settings module of production; found where empty.

    Raises:
        DiscoveryError: something is missing, or there are several; the text says what to do.
    """
    try:
        return _discover(Path(path), package, settings)
    except SourceError as error:
        raise DiscoveryError(f"{error}. Correct the file, then run again.") from error
    except IntegrationError as error:
        raise DiscoveryError(str(error)) from error


def _discover(path: Path, package: str, settings: str) -> Project:
    manage = find_manage(path)
    base = manage.parent
    source = "celery_project_settings"
    if not settings:
        settings, source = find_settings(base, manage)
    settings_file = module_file(base, settings)
    if settings_file is None:
        raise DiscoveryError(
            f"celery_project_settings: there is no settings module {settings} below {base} "
            f"(named by {source}). Set celery_project_settings to the one that production runs with."
        )
    package = package or settings.split(".")[0]
    package_path = base.joinpath(*package.split("."))
    if not package_path.is_dir():
        raise DiscoveryError(
            f"celery_project_package: there is no package {package} below {base}. "
            "Name the package that holds wsgi.py."
        )
    chain = settings_chain(base, settings)
    apps_file = find_apps_file(chain)
    installed = list(
        dict.fromkeys(
            text
            for _module, _file, tree in reversed(chain)
            for _statement, value in assignments(tree, "INSTALLED_APPS")
            for text in literal_strings(tree, value)
        )
    )
    apps = {}
    for entry in installed:
        own = _own_app(base, entry)
        if own:
            apps[own[0]] = str(own[1])
    tasks, celery_apps = find_celery(base)
    made = made_files(path, package_path)
    foreign = [app for app in celery_apps if base / app["file"] not in made]
    owner = path.stat()
    requirements = find_requirements(path, base)
    return Project(
        path=str(path),
        base=str(base),
        package=package,
        package_path=str(package_path),
        package_is_namespace=not (package_path / "__init__.py").exists(),
        settings=settings,
        settings_file=str(settings_file),
        settings_source=source,
        apps_file=str(apps_file),
        installed_apps=installed,
        apps=apps,
        database=find_database(chain),
        requirements=requirements,
        required=required_names(path, requirements),
        open_requirements=open_requirements(path, requirements),
        requires_python=find_requires_python(path, base),
        celery_app=foreign[0] if foreign else None,
        integrated=bool(made),
        tasks=dict(sorted(tasks.items())),
        documented=documented_names(base),
        writable=all(os.access(place, os.W_OK) for place in (path, package_path, apps_file)),
        owner_uid=owner.st_uid,
        owner_gid=owner.st_gid,
    )
