# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What settings say: the database, Celery's settings, what they want from the environment."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .imports import Module
from .source import assignments, dotted, literal_text, walk


def find_database(files: Sequence[Module]) -> str:
    """Return the engine of the default database, ``url`` where a URL decides, or an empty text."""
    for module in files:
        for _statement, value in assignments(module.tree, "DATABASES"):
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


def find_own_databases(files: Sequence[Module], base: Path) -> str:
    """Return what says that the project has databases of its own, as ``file:line``.

    It is empty where all there is is the SQLite of ``startproject``: one literal ``DATABASES`` with one
    entry. Without any that could be read, it says so.
    """
    given = ""
    for module in files:
        file = os.path.relpath(module.file, base)
        known = assignments(module.tree, "DATABASES")
        for statement, value in known:
            if given or isinstance(statement, ast.AugAssign) or not _is_plain_sqlite(value):
                return f"{file}:{statement.lineno}"
            given = file
        names = (node for node in walk(module.tree) if isinstance(node, ast.Name))
        uses = [node.lineno for node in names if node.id == "DATABASES"]
        if len(uses) > len(known):
            return f"{file}:{max(uses)}"
    return "" if given else "no DATABASES that could be read"


def _is_plain_sqlite(value: ast.expr) -> bool:
    if not isinstance(value, ast.Dict) or [literal_text(key) for key in value.keys if key] != ["default"]:
        return False
    entry = value.values[0]
    if not isinstance(entry, ast.Dict):
        return False
    names = [literal_text(key) if key else "" for key in entry.keys]
    return (
        "ENGINE" in names
        and literal_text(entry.values[names.index("ENGINE")]) == "django.db.backends.sqlite3"
    )


def find_caches(files: Sequence[Module]) -> dict[str, str]:
    """Return the caches of the settings, alias to class; none where what they are is computed.

    A class is empty where it cannot be read, or depends on something.
    """
    found: dict[str, str] = {}
    if any(_changes(module.tree, "CACHES") for module in files):
        return {}
    for module in files:
        given = assignments(module.tree, "CACHES")
        for number, (_statement, value) in enumerate(given):
            if not isinstance(value, ast.Dict):
                return {}
            classes = {literal_text(key): _cache_class(cache) for key, cache in _items(value)}
            if number:
                classes = {key: text if found.get(key) == text else "" for key, text in classes.items()}
            found.update(classes)
        if given:
            break
    return found


def _items(node: ast.Dict) -> Iterator[tuple[ast.expr, ast.expr]]:
    return ((key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None)


def _cache_class(node: ast.expr) -> str:
    if not isinstance(node, ast.Dict):
        return ""
    return next((literal_text(value) for key, value in _items(node) if literal_text(key) == "BACKEND"), "")


def _changes(tree: ast.Module, name: str) -> bool:
    """Tell whether a dict is changed after it was made: ``X["a"] = …``, ``X.update(…)`` and the like."""
    return any(
        (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _root(node) == name)
        or (isinstance(node, ast.Call) and dotted(node.func).startswith(f"{name}."))
        for node in walk(tree)
    )


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return dotted(node)


def find_celery_settings(files: Sequence[Module], base: Path) -> dict[str, str]:
    """Return the project's own settings of Celery: name to ``file:line``, of the nearest file."""
    found: dict[str, str] = {}
    for module in files:
        # What a block of ours sets is in no line of the project's.
        for node in walk(module.tree):
            targets: list[Any] = []
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
                targets = [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and re.match(r"(CELERY|CELERYD|BROKER)_", target.id):
                    place = f"{os.path.relpath(module.file, base)}:{target.lineno}"
                    found.setdefault(target.id, place)
    return found


#: What readers of the environment call the variable of a whole URL (django-environ, dj-database-url).
_URL_VARIABLES = {
    "db": "DATABASE_URL",
    "db_url": "DATABASE_URL",
    "cache": "CACHE_URL",
    "cache_url": "CACHE_URL",
    "email_url": "EMAIL_URL",
    "search_url": "SEARCH_URL",
}


#: What a variable of the environment can be called.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def find_required_environment(files: Sequence[Module], base: Path) -> dict[str, str]:
    """Return the variables that the settings want from the environment, and have no default for.

    Read are ``os.environ["X"]``, django-environ and environs (``env("X")``, ``env.int("X")``)
    and decouple (``config("X")``). Name to ``file:line``.
    """
    found: dict[str, str] = {}
    optional = {name for module in files for name in _optional(module.tree)}
    for module in files:
        readers = _readers(module.tree)
        prefixed = _prefixed(module.tree)
        for node in _always(module.tree):
            name = _required_by(node, readers)
            name = prefixed.get(node, "") + name if name else ""
            # What else it is called, it gets into YAML and templates, and the shell could not set it.
            if _VARIABLE.fullmatch(name) and name not in optional:
                line = node.lineno  # type: ignore[attr-defined] # calls and subscripts have one
                found.setdefault(name, f"{os.path.relpath(module.file, base)}:{line}")
    return dict(sorted(found.items()))


def _always(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what runs whenever a module is imported: nothing below a condition or in a function.

    What a condition itself reads, it always reads; a ``with`` and a ``try`` are no conditions.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            waiting.append(node.test)
        elif isinstance(node, ast.BoolOp):
            waiting.append(node.values[0])  # the others depend on it
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _readers(tree: ast.Module) -> set[str]:
    """Return the names that read the environment when they are called."""
    names = {"env", "config"} if _imports(tree, "decouple") else {"env"}
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "decouple":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "config"}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            maker = dotted(node.value.func).rpartition(".")[2]
            if maker in ("Env", "AutoConfig", "FileAwareEnv"):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _prefixed(tree: ast.Module) -> dict[ast.AST, str]:
    """Return the prefixes of what stands in ``with env.prefixed("X_"):`` (environs)."""
    found: dict[ast.AST, str] = {}
    for node in walk(tree):
        if not isinstance(node, ast.With):
            continue
        for call in (item.context_expr for item in node.items):
            if isinstance(call, ast.Call) and dotted(call.func).endswith(".prefixed") and call.args:
                inside = [inner for part in node.body for inner in ast.walk(part)]
                found.update({inner: found.get(inner, "") + literal_text(call.args[0]) for inner in inside})
    return found


def _imports(tree: ast.Module, name: str) -> bool:
    return any(
        isinstance(node, ast.Import) and any(alias.name == name for alias in node.names)
        for node in walk(tree)
    )


def _optional(tree: ast.Module) -> Iterator[str]:
    """Yield the variables that are asked for only where they are there, or have a default elsewhere.

    These are ``Env(NAME=(type, default))``, ``if "NAME" in os.environ`` and what stands in a ``try``.
    """
    for node in walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("Env", "FileAwareEnv"):
            for keyword in node.keywords:
                if keyword.arg and isinstance(keyword.value, ast.Tuple) and len(keyword.value.elts) == 2:
                    yield keyword.arg
        elif isinstance(node, ast.Compare) and any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
            yield literal_text(node.left)
        elif isinstance(node, ast.Try) and node.handlers:
            yield from (literal_text(inner) for part in node.body for inner in ast.walk(part))


#: Methods of readers whose first argument is no variable.
_NO_VARIABLE = ("read_", "prefixed", "parser_for", "seal", "dump")


def _required_by(node: ast.AST, readers: set[str]) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        name = dotted(node.value)
        is_environment = name == "environ" or name.endswith(".environ") or name in readers - {"config"}
        return literal_text(node.slice) if is_environment else ""
    if not isinstance(node, ast.Call):
        return ""
    receiver, _dot, method = dotted(node.func).partition(".")
    if receiver == "decouple":
        receiver, method = method, ""
    if receiver not in readers or "." in method or method.startswith(_NO_VARIABLE) or method == "get":
        return ""
    if len(node.args) > 1 or any(keyword.arg == "default" for keyword in node.keywords):
        return ""
    if node.args:
        return literal_text(node.args[0])
    return _URL_VARIABLES.get(method, "")
