# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Celery in a project's source: its tasks and its apps, with file and line."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import results_read as _celery_results
from .files import python_files
from .imports import Module, Modules
from .source import SourceError, dotted, literal_text, module_statements

#: What is in every file that has a task or an app; the others are not parsed.
_CANDIDATE = re.compile(rb"@[\w. ]*task\b|[Cc]elery")


@dataclass(frozen=True)
class App:
    """A Celery app in the source."""

    module: str
    variable: str
    #: The file, relative to the folder of manage.py.
    file: str
    place: str
    #: Where the app reads its configuration, as ``file:line``; empty where it does not.
    configured: str = ""
    #: Where a base class of its own for all tasks is named, as ``file:line``.
    task_class: str = ""


@dataclass
class Found:
    """What the source has of Celery."""

    #: The tasks: name to place.
    tasks: dict[str, str] = field(default_factory=dict)
    #: The apps, each an :class:`App` as data.
    apps: list[dict[str, Any]] = field(default_factory=list)
    #: Where results are read, and chords are made: place to what.
    results_read: dict[str, str] = field(default_factory=dict)
    chords: dict[str, str] = field(default_factory=dict)
    #: Files that this Python cannot read: broken, or written for a newer one.
    unread: list[str] = field(default_factory=list)


def find_celery(base: Path, modules: Modules, ignored: Collection[str] = ()) -> Found:
    """Return the tasks and the Celery apps in the project's own files.

    A file that is no valid Python is passed over here: it is not of the settings,
    and Django itself will say so where it matters.
    """
    found = Found()
    for file in python_files(base, ignored):
        try:
            content = file.read_bytes()
        except OSError:
            continue
        has_celery = _CANDIDATE.search(content)
        if not (has_celery or _celery_results.CANDIDATE.search(content)) or _is_test(file, base):
            continue
        relative = str(file.relative_to(base))
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError):
            if has_celery:
                found.unread.append(relative)
            continue
        found.results_read.update(_celery_results.reads(tree, relative))
        found.chords.update(_celery_results.chords(tree, relative))
        if not has_celery:
            continue
        module = modules.name_of(file)
        read = Module(module, file, tree)
        found.tasks.update(_tasks(read, modules, relative))
        found.apps.extend(asdict(app) for app in _apps(read, modules, relative))
    found.tasks = dict(sorted(found.tasks.items()))
    return found


def choose_app(apps: list[dict[str, Any]], package: str) -> dict[str, Any] | None:
    """Return the app that the project runs.

    Of several, that is the one that reads the settings, in the project's package.
    """
    prefix = f"{package}." if package else ""
    ranked = sorted(
        apps,
        key=lambda app: (
            not app["configured"],
            not app["module"].startswith(prefix),
            app["module"] not in (f"{prefix}celery", f"{prefix}celery_app"),
        ),
    )
    return ranked[0] if ranked else None


def _is_test(file: Path, base: Path) -> bool:
    parts = file.relative_to(base).parts
    return (
        any(part in ("tests", "test", "testing", "migrations") for part in parts[:-1])
        or parts[-1] in ("tests.py", "conftest.py")
        or parts[-1].startswith("test_")
    )


def _tasks(module: Module, modules: Modules, relative: str) -> dict[str, str]:
    return {
        name: f"{relative}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for decorator in node.decorator_list
        if (name := _task_name(decorator, module, modules, node.name))
    }


def _task_name(decorator: ast.expr, module: Module, modules: Modules, function: str) -> str | None:
    """Return the name that a decorated function gets as a task, None where it is none.

    The rule is celery.app.base.Celery.gen_task_name: the module's name and the function's.
    """
    call = decorator if isinstance(decorator, ast.Call) else None
    receiver, _dot, name = dotted(call.func if call else decorator).rpartition(".")
    if name == "shared_task":
        if not _is_celerys(receiver or name, module, modules):
            return None
    elif name in ("task", "periodic_task"):
        # Django's own @task and other libraries' are told apart by the receiver's name.
        last = receiver.rpartition(".")[2]
        if "app" not in last and "celery" not in last:
            return None
    else:
        return None
    for keyword in call.keywords if call else []:
        if keyword.arg == "name":
            return literal_text(keyword.value) or None
    return f"{module.name}.{function}"


def _is_celerys(name: str, module: Module, modules: Modules) -> bool:
    """Tell whether a name comes from Celery, straight or through a module of the project."""
    imported = module.imports(name.partition(".")[0])
    if imported is None:
        return True  # by `import celery` or a star
    source = _readable(modules, imported[0])
    if source is None or source is module:
        return imported[0].partition(".")[0] == "celery"
    defined = any(getattr(node, "name", "") == imported[1] for node in source.tree.body)
    return not defined and _is_celerys(imported[1], source, modules)


def _apps(module: Module, modules: Modules, relative: str) -> list[App]:
    tree = module.tree
    makers = _makers(tree) | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (source := _readable(modules, module.absolute(node)))
        for alias in node.names
        if alias.name in _makers(source.tree) - {"Celery"}
    }
    found = []
    for statement in module_statements(tree):
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or not isinstance(
            statement.value, ast.Call
        ):
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if isinstance(target, ast.Name) and dotted(statement.value.func) in makers:
            found.append(
                App(
                    module.name,
                    target.id,
                    relative,
                    f"{relative}:{statement.lineno}",
                    _line_of(tree, relative, "config_from_object"),
                    _task_class(tree, relative),
                )
            )
    return found


def _readable(modules: Modules, name: str) -> Module | None:
    try:
        return modules.get(name)
    except SourceError:
        return None


def _makers(tree: ast.Module) -> set[str]:
    """Return the names in a module whose call gives a Celery app: classes, and functions around them."""
    names = {"Celery", "celery.Celery"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "celery":
            names |= {alias.asname for alias in node.names if alias.name == "Celery" and alias.asname}
        elif isinstance(node, ast.Import):
            names |= {f"{alias.asname}.Celery" for alias in node.names if alias.name == "celery"}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(dotted(parent) in names for parent in node.bases):
            names.add(node.name)
        elif isinstance(node, ast.FunctionDef):
            calls = {dotted(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
            returns = any(isinstance(inner, ast.Return) and inner.value for inner in ast.walk(node))
            if calls & names and returns:
                names.add(node.name)
    return names


def _line_of(tree: ast.Module, relative: str, method: str) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == method:
            return f"{relative}:{node.lineno}"
    return ""


def _task_class(tree: ast.Module, relative: str) -> str:
    """Return the place of ``Celery(task_cls=…)``, ``task_cls = …`` or ``app.Task = …``, if there is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "task_cls":
            return f"{relative}:{node.value.lineno}"
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for name in map(dotted, targets):
            if name == "task_cls" or name.endswith("app.Task"):
                return f"{relative}:{node.lineno}"  # type: ignore[attr-defined] # assignments have one
    return ""
