# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task of the source is not registered."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Collection
from typing import Any

from .common import own_line, told


def why(app: Any, name: str, place: str) -> str:
    """Return what keeps a task from being registered, and what would mend it.

    Args:
        app: the Celery app, loaded as a worker loads it.
        name: the task.
        place: where it is in the source: FILE:LINE, relative to the folder of manage.py.
    """
    from django.apps import apps

    if name in app.tasks:
        return "this code registers it, so the worker runs other code: integrate.yml starts it anew"
    file, _colon, line = place.rpartition(":")
    module = module_of(file)
    if not module:
        return f"{file} is not found on the path that Python imports from"
    installed = [config.name for config in apps.get_app_configs()]
    missing = "" if module in sys.modules else uninstalled(module, installed)
    if missing:
        return f"its app {missing} is not in INSTALLED_APPS: add it there"
    was_loaded = module in sys.modules
    problem = "" if was_loaded else imported(module)
    if problem:
        return problem
    if name in app.tasks:
        return unread(module)
    return condition(file, int(line or 0)) or (
        f"{module} is imported, and has no such task: another decorator, or a second task, may hide it"
    )


def unread(module: str) -> str:
    """Return what to do about a module of tasks that nobody imports."""
    home = module.rpartition(".")[0]
    beside = f"import it in {home}.tasks" if home else "import it where the app is made"
    return (
        f"nothing imports {module}: autodiscovery looks for modules named tasks in the apps of "
        f"INSTALLED_APPS. Name it so, {beside}, or list it in CELERY_IMPORTS"
    )


def module_of(file: str) -> str:
    """Return the module of a file as Python's path has it, empty where it has none."""
    absolute = os.path.abspath(file)
    for folder in sys.path:
        top = os.path.abspath(folder or os.getcwd())
        if absolute.startswith(top + os.sep) and os.path.isfile(absolute):
            parts = os.path.splitext(os.path.relpath(absolute, top))[0].split(os.sep)
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if all(part.isidentifier() for part in parts):
                return ".".join(parts)
    return ""


def uninstalled(module: str, installed: Collection[str]) -> str:
    """Return the package of a module of tasks, where it is no installed app's and looks like an app."""
    home = module.rpartition(".")[0]
    if not home or any(f"{home}.".startswith(f"{name}.") for name in installed):
        return ""
    folder = os.path.join(*home.split("."))
    marks = ("apps.py", "models.py", "migrations", "admin.py")
    is_app = module.endswith(".tasks") or any(os.path.exists(os.path.join(folder, mark)) for mark in marks)
    return home if is_app else ""


def imported(module: str) -> str:
    """Import a module that an installed app has; return what came of it, empty where nothing went wrong."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a module of the project's may raise anything
        place = own_line(error)
        if isinstance(error, SyntaxError):
            place = f"{error.filename}:{error.lineno}"
        where = os.path.relpath(place) if place.startswith(os.getcwd() + os.sep) else place
        return f"{module} cannot be imported: {where or module}: {type(error).__name__}: {told(error)}"
    return ""


def condition(file: str, line: int) -> str:
    """Return the condition under which a task is defined, empty where there is none."""
    try:
        with open(file, encoding="utf-8") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return ""
    found: ast.stmt | None = None
    for node in ast.walk(tree):
        around = isinstance(node, (ast.If, ast.Try, ast.While, ast.For, ast.FunctionDef))
        if around and node.lineno < line <= (node.end_lineno or 0):  # type: ignore[attr-defined]
            # The one that is asked first.
            found = node if found is None or node.lineno < found.lineno else found  # type: ignore[assignment,attr-defined]
    if found is None:
        return ""
    head = ast.unparse(found.test) if isinstance(found, ast.If) else ""
    what = f"if {head}" if head else type(found).__name__.lower().removesuffix("def")
    return f"it is defined under a condition that does not hold here: {file}:{found.lineno} ({what})"
