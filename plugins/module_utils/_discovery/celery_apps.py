# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Celery apps in a project's source, told by what makes them and by what is done with them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

from .imports import Module, Modules
from .project import App
from .settings_named import VARIABLE
from .source import (
    SourceError,
    dotted,
    environment_default,
    literal_text,
    module_statements,
    walk,
)

#: What is called on a Celery app alone, whatever its class is called.
_METHODS = ("config_from_object", "config_from_envvar", "autodiscover_tasks")
#: Packages with apps and tasks of their own kind.
_OTHERS = (
    *("procrastinate", "huey", "dramatiq", "rq", "django_rq", "arq", "taskiq", "django_q", "prefect"),
    *("fastapi", "flask", "starlette", "invoke", "fabric", "locust", "airflow", "faust", "django"),
)
#: How far a name is followed from module to module.
_DEPTH = 6


class Apps:
    """Who makes Celery apps, and which names are one; each module is asked once."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._makers: dict[str, frozenset[str]] = {}
        self._made: dict[str, dict[str, int]] = {}

    def of(self, module: Module, relative: str) -> list[App]:
        """Return the apps that a module makes, or takes from a package and configures."""
        if not self.made(module):
            return []
        configured, reads_django = _configured(module.tree, relative)
        named = environment_default(module.tree, VARIABLE)
        return [
            App(
                module.name,
                name,
                relative,
                f"{relative}:{line}",
                configured,
                _task_class(module.tree, relative),
                reads_django,
                named[0] if named else "",
                f"{relative}:{named[1]}" if named else "",
            )
            for line, name in {line: name for name, line in reversed(self.made(module).items())}.items()
        ][::-1]

    def made(self, module: Module) -> dict[str, int]:
        """Return the names at the top level of a module that are Celery apps, with their lines."""
        if module.name not in self._made:
            self._made[module.name] = {}  # of modules that import each other, the second one sees nothing
            self._made[module.name] = dict(self._find(module))
        return self._made[module.name]

    def _find(self, module: Module) -> Iterator[tuple[str, int]]:
        used = _used_as_app(walk(module.tree))
        makers = self.makers(module) if self._may_have_made(module) else frozenset[str]()
        for statement in module_statements(module.tree):
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                call = statement.value
                names = _names_given(statement)
                if not names or not isinstance(call, ast.Call):
                    continue
                if used.intersection(names) or self._makes(module, makers, dotted(call.func)):
                    yield from ((name, statement.lineno) for name in names)
            elif isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    name = alias.asname or alias.name
                    if name in used and self._modules.file(module.absolute(statement)) is None:
                        yield name, statement.lineno  # a package makes it, this module configures it

    def _may_have_made(self, module: Module) -> bool:
        """Tell whether a call at the top level may give an app: most are of packages such as logging."""
        plain = {
            alias.asname or alias.name.partition(".")[0]: [alias.name, alias.name.partition(".")[0]]
            for statement in module_statements(module.tree)
            if isinstance(statement, ast.Import)
            for alias in statement.names
        }
        for statement in module_statements(module.tree):
            call = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
            if not isinstance(call, ast.Call):
                continue
            root = dotted(call.func).partition(".")[0]
            imported = module.imports(root)
            origins = (
                [imported[0], f"{imported[0]}.{imported[1]}"] if imported else plain.get(root, ["celery"])
            )
            if any(name.partition(".")[0] == "celery" or self._modules.file(name) for name in origins):
                return True
        return False

    def _makes(self, module: Module, makers: frozenset[str], called: str) -> bool:
        """Tell whether calling a name of a module gives an app: a maker there, or in a module it imports."""
        if called in makers:
            return True
        holder, _dot, name = called.rpartition(".")
        source = self._module_called(module, holder) if holder else None
        return source is not None and source is not module and name in self.makers(source)

    def makers(self, module: Module) -> frozenset[str]:
        """Return the names of a module whose call gives a Celery app: classes, and functions around them."""
        # Those that it imports from come first. Not by calling itself: imports of a project lead far.
        begun: set[str] = set()
        waiting = [module]
        while waiting and module.name not in self._makers:
            last = waiting[-1]
            below = [] if last.name in begun else self._imported_from(last)
            begun.add(last.name)
            new = [source for source in below if source.name not in self._makers and source.name not in begun]
            waiting += new
            if not new:
                waiting.pop()
                # Of modules that import each other, the first one to be asked sees nothing of the other.
                if last.name not in self._makers:
                    self._makers[last.name] = frozenset(self._find_makers(last))
        return self._makers[module.name]

    def _imported_from(self, module: Module) -> list[Module]:
        """Return the project's modules that a module imports names from."""
        names = {module.absolute(node) for node in walk(module.tree) if isinstance(node, ast.ImportFrom)}
        found = (self._get(name) for name in sorted(names))
        return [source for source in found if source is not None and source is not module]

    def _find_makers(self, module: Module) -> set[str]:
        names = {"Celery", "celery.Celery"}
        for node in walk(module.tree):
            if isinstance(node, ast.ImportFrom):
                names |= self._imported_makers(module, node)
            elif isinstance(node, ast.Import):
                names |= {f"{alias.asname}.Celery" for alias in node.names if alias.name == "celery"}
        for statement in module.tree.body:
            if isinstance(statement, ast.ClassDef):
                if any(dotted(parent) in names for parent in statement.bases):
                    names.add(statement.name)
            elif isinstance(statement, ast.FunctionDef) and _gives_app(statement, names):
                names.add(statement.name)
        return names

    def _imported_makers(self, module: Module, node: ast.ImportFrom) -> set[str]:
        origin = module.absolute(node)
        if origin.split(".")[0] == "celery" and self._modules.file(origin) is None:
            return {alias.asname for alias in node.names if alias.name == "Celery" and alias.asname}
        source = self._get(origin)
        if source is None or source is module:
            return set()
        there = self._makers.get(source.name, frozenset()) - {"Celery"}
        star = set(there) if any(alias.name == "*" for alias in node.names) else set()
        return star | {alias.asname or alias.name for alias in node.names if alias.name in there}

    def is_app(self, module: Module, receiver: str, depth: int = _DEPTH) -> bool | None:
        """Tell whether a dotted name of a module is a Celery app; None where it cannot be told."""
        root, _dot, rest = receiver.partition(".")
        if rest and (source := self._module_called(module, receiver.rpartition(".")[0])):
            return self.is_app(source, receiver.rpartition(".")[2], depth - 1) if depth else None
        if root in self.made(module):
            return not rest
        imported = module.imports(root)
        if imported:
            return self._is_imported_app(module, imported, depth)
        if root == "celery" and not self._modules.file("celery"):
            return True
        return self._is_given_app(module, root, depth)

    def _is_given_app(self, module: Module, name: str, depth: int) -> bool | None:
        """Tell whether what a module gives a name is an app."""
        for statement in module_statements(module.tree):
            if isinstance(statement, (ast.ClassDef, ast.FunctionDef)) and statement.name == name:
                return False
            if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or name not in _names_given(statement):
                continue
            value = statement.value
            if isinstance(value, (ast.Name, ast.Attribute)) and dotted(value) != name:
                return self.is_app(module, dotted(value), depth - 1) if depth else None
            called = dotted(value.func).partition(".")[0] if isinstance(value, ast.Call) else ""
            imported = module.imports(called)
            origin = imported[0] if imported else called
            return None if imported and self._is_unknown(origin) else False
        return None

    def _is_unknown(self, origin: str) -> bool:
        """Tell whether a package is neither the project's nor one that is known to have other tasks."""
        return self._get(origin) is None and origin.partition(".")[0] not in _OTHERS

    def _is_imported_app(self, module: Module, imported: tuple[str, str, int], depth: int) -> bool | None:
        origin, name, _line = imported
        source = self._get(origin)
        if source and source is not module:
            return self.is_app(source, name, depth - 1) if depth else None
        if self._get(f"{origin}.{name}"):
            return None
        # A package outside: its name says whether it is about Celery.
        if "celery" in f"{origin}.{name}".lower():
            return True
        return None if self._is_unknown(origin) else False

    def _module_called(self, module: Module, name: str) -> Module | None:
        """Return the project's module that a name stands for in another one."""
        imported = module.imports(name)
        if imported:
            return self._get(f"{imported[0]}.{imported[1]}" if imported[0] else imported[1])
        for node in module.tree.body:
            for alias in node.names if isinstance(node, ast.Import) else ():
                if name in (alias.asname, alias.name):
                    return self._get(alias.name)
        return None

    def _get(self, name: str) -> Module | None:
        try:
            return self._modules.get(name)
        except SourceError:
            return None


def as_app(node: Any) -> str:
    """Return the name that a call treats as a Celery app, as in ``name.autodiscover_tasks()``."""
    if isinstance(node, ast.Call):
        receiver, _dot, method = dotted(node.func).rpartition(".")
        if method in _METHODS:
            return receiver
    return ""


def _used_as_app(nodes: Iterable[ast.AST]) -> set[str]:
    return {name for node in nodes if (name := as_app(node))}


def _below(function: ast.FunctionDef) -> Iterator[ast.AST]:
    return (node for part in function.body for node in ast.walk(part))


def _gives_app(function: ast.FunctionDef, makers: set[str]) -> bool:
    """Tell whether a function returns an app, by what it calls, configures, or is annotated with."""
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
    if not returned:
        return False
    if function.returns is not None and dotted(function.returns) in makers:
        return True
    calls = {dotted(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    return bool(calls & makers) or bool(
        {dotted(value) for value in returned} & _used_as_app(_below(function))
    )


def _names_given(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    """Return the names that an assignment gives its value."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _configured(tree: ast.Module, relative: str) -> tuple[str, bool]:
    """Return where a module configures its app, and whether with Django's settings."""
    found = [
        node
        for node in walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "config_from_object"
    ]
    if not found:
        return "", False
    call = found[0]
    source = call.args[0] if call.args else None
    reads = literal_text(source) == "django.conf:settings"
    if source is not None and dotted(source).rpartition(".")[2] == "settings":
        reads = True
    return f"{relative}:{call.lineno}", reads


def _task_class(tree: ast.Module, relative: str) -> str:
    """Return the place of ``Celery(task_cls=…)``, ``task_cls = …`` or ``app.Task = …``, if there is one."""
    for node in walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "task_cls":
            return f"{relative}:{node.value.lineno}"
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for name in map(dotted, targets):
            if name == "task_cls" or name.endswith("app.Task"):
                return f"{relative}:{node.lineno}"  # type: ignore[attr-defined] # assignments have one
    return ""
