# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models of an app, as its source tells them: parsed, and not imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .imports import Module, Modules
from .source import SourceError, dotted

_DJANGOS = ("django.db.models", "django.contrib.gis.db.models")
#: How other packages call what models inherit from: their source is not there to be read.
_OTHERS = re.compile(r"(\w*Model|Abstract\w+|Page)\Z")
_MANAGER = re.compile(r"(\w*Manager|\w*Manager\.from_queryset\(.*|.*\.as_manager)\Z")


@dataclass(frozen=True)
class Model:
    """A concrete model."""

    name: str
    #: The attribute that holds its first manager.
    manager: str


def first_model(modules: Modules, app: str) -> Model | None:
    """Return the first model of an app that has a table of its own, None where it has none.

    Args:
        modules: the project's modules.
        app: the app's dotted name.
    """
    for module, node in _classes(modules, f"{app}.models", set()):
        if _is_model(modules, module, node, set()) and not _without_table(node):
            return Model(node.name, _manager(node))
    return None


def _module(modules: Modules, name: str) -> Module | None:
    try:
        return modules.get(name)
    except SourceError:
        return None


def _classes(modules: Modules, name: str, seen: set[str]) -> Iterator[tuple[Module, ast.ClassDef]]:
    """Yield the public classes that a module has, in its order; a package has those that it imports."""
    module = _module(modules, name)
    if module is None or name in seen:
        return
    seen = {*seen, name}
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield module, node
        elif isinstance(node, ast.ImportFrom) and module.file.name == "__init__.py":
            source = module.absolute(node)
            if not source.startswith(f"{name}."):
                continue
            # Under another name, it could not be imported as it is called here.
            wanted = {alias.name for alias in node.names if alias.asname in (None, alias.name)}
            for found, inner in _classes(modules, source, seen):
                if "*" in wanted or inner.name in wanted:
                    yield found, inner


def _is_model(modules: Modules, module: Module, node: ast.ClassDef, seen: set[str]) -> bool:
    """Tell whether a class is a model, by what it inherits from."""
    if f"{module.name}.{node.name}" in seen:
        return False
    seen = {*seen, f"{module.name}.{node.name}"}
    return any(_is_models_base(modules, module, dotted(base), seen) for base in node.bases)


def _is_models_base(modules: Modules, module: Module, name: str, seen: set[str]) -> bool:
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _is_model(modules, module, node, seen)
    holder, _dot, last = name.rpartition(".")
    imported = module.imports(name.partition(".")[0])
    if imported is None:
        return bool(holder) and last == "Model" and holder in _DJANGOS
    where = ".".join([imported[0], imported[1]]) if holder else imported[0]
    if where in _DJANGOS:
        return (last if holder else imported[1]) == "Model"
    source = _module(modules, where)
    if source is not None:
        return _is_models_base(modules, source, last if holder else imported[1], seen)
    theirs = modules.folder(imported[0].partition(".")[0]) is None
    return theirs and bool(_OTHERS.match(last))


def _options(node: ast.ClassDef) -> dict[str, object]:
    """Return what the class Meta sets to plain values."""
    return {
        target.id: statement.value.value
        for meta in node.body
        if isinstance(meta, ast.ClassDef) and meta.name == "Meta"
        for statement in meta.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _without_table(node: ast.ClassDef) -> bool:
    options = _options(node)
    return bool(options.get("abstract") or options.get("proxy") or options.get("managed") is False)


def _manager(node: ast.ClassDef) -> str:
    """Return the name of the first manager; ``objects`` is there where a model names none."""
    managers = [
        target.id
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
        for target in statement.targets
        if isinstance(target, ast.Name) and _MANAGER.match(ast.unparse(statement.value.func))
    ]
    return "objects" if not managers or "objects" in managers else managers[0]
