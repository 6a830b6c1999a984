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
    nodes,
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
        self._makers: dict[tuple[str, str], bool] = {}
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
        used = _used_as_app(nodes(module.tree, ast.Call))
        may_have = self._may_have_made(module)
        for statement in module_statements(module.tree):
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                call = statement.value
                names = _names_given(statement)
                if not names or not isinstance(call, ast.Call):
                    continue
                if used.intersection(names) or (may_have and self._makes(module, dotted(call.func))):
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

    def _makes(self, module: Module, called: str) -> bool:
        """Tell whether calling a name of a module gives a Celery app: a class, or a function around one.

        The name alone is followed, not all that its module imports: imports of a project lead everywhere.
        Not by calling itself: names lead further than Python lets functions call each other.
        """
        begun = (module.name, called)
        if begun not in self._makers:
            waiting, seen = [(module, called)], {begun}
            makes = False
            while waiting and not makes:
                makes, names = self._leads_to(*waiting.pop())
                new = {(source.name, name): (source, name) for source, name in names}
                waiting += [there for key, there in new.items() if key not in seen]
                seen.update(new)
            # What does not lead to an app has led nowhere on its way either.
            self._makers |= {begun: True} if makes else dict.fromkeys(seen, False)
        return self._makers[begun]

    def _leads_to(self, module: Module, called: str) -> tuple[bool, list[tuple[Module, str]]]:
        """Tell whether a name is Celery's own class, else which names of the project it is made from."""
        if called in ("Celery", "celery.Celery") or self._makers.get((module.name, called)):
            return True, []
        holder, _dot, name = called.rpartition(".")
        if holder:
            source = self._module_called(module, holder)
            own = name == "Celery" and _stands_for(module.tree, holder, "celery")
            return own, [(source, name)] if source and source is not module else []
        for statement in module.tree.body:
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                return False, [(module, parent) for parent in map(dotted, statement.bases) if parent]
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                configures, names = _returned(statement)
                return configures, [(module, made) for made in names]
        imported = module.imports(name)
        origins = [imported[:2]] if imported else [(star, name) for star, _line in module.star_imports()]
        if any(self._is_celerys(origin) and there == "Celery" for origin, there in origins):
            return True, []
        found = [(self._get(origin), there) for origin, there in origins]
        return False, [(source, there) for source, there in found if source and source is not module]

    def _is_celerys(self, module: str) -> bool:
        return module.partition(".")[0] == "celery" and self._modules.file(module) is None

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


def _returned(function: ast.FunctionDef) -> tuple[bool, list[str]]:
    """Tell whether a function returns what it configures as an app, else what makes that which it returns.

    These are what it calls for it, and what it is annotated with.
    """
    returned = [node.value for node in nodes(function, ast.Return) if node.value]
    if not returned:
        return False, []
    names = {dotted(value) for value in returned} - {""}
    if names & _used_as_app(nodes(function, ast.Call)):
        return True, []
    given: list[ast.expr | None] = [
        node.value for node in nodes(function, ast.Assign) if names.intersection(_names_given(node))
    ]
    given += [node.value for node in nodes(function, ast.AnnAssign) if names.intersection(_names_given(node))]
    made = [dotted(value.func) for value in [*returned, *given] if isinstance(value, ast.Call)]
    annotated = dotted(function.returns) if function.returns is not None else ""
    return False, [name for name in [annotated, *made] if name]


def _stands_for(tree: ast.Module, name: str, library: str) -> bool:
    """Tell whether a module imports a library by a name, as in ``import celery as queue``."""
    return any(
        alias.asname == name and alias.name == library
        for node in nodes(tree, ast.Import)
        for alias in node.names
    )


def _names_given(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    """Return the names that an assignment gives its value."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _configured(tree: ast.Module, relative: str) -> tuple[str, bool]:
    """Return where a module configures its app, and whether with Django's settings."""
    found = [
        node for node in nodes(tree, ast.Call) if dotted(node.func).rpartition(".")[2] == "config_from_object"
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
