# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's modules, as its imports would find them: parsed, followed, and not run."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .source import assignments, dotted, literal_text, nodes, parse, walk


@dataclass(frozen=True)
class Module:
    """A module of the project."""

    name: str
    file: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]

    def absolute(self, node: ast.ImportFrom) -> str:
        """Return the dotted name of what a ``from … import`` imports from."""
        if node.level == 0:
            return node.module or ""
        parts = self.package.split(".")
        parts = parts[: len(parts) - (node.level - 1)]
        return ".".join([*parts, *(node.module.split(".") if node.module else [])])

    def star_imports(self) -> list[tuple[str, int]]:
        """Return the modules that it star-imports with the lines, the last one first."""
        found = [
            (self.absolute(node), node.lineno)
            for node in nodes(self.tree, ast.ImportFrom)
            if any(alias.name == "*" for alias in node.names)
        ]
        return sorted(found, key=lambda star: -star[1])

    def imports(self, name: str) -> tuple[str, str, int] | None:
        """Return where a name is imported from: module, the name there, line."""
        return self._imported.get(name)

    @cached_property
    def _imported(self) -> dict[str, tuple[str, str, int]]:
        """What is imported by name, wherever in the module: one walk, however many names are asked for."""
        found: dict[str, tuple[str, str, int]] = {}
        for node in nodes(self.tree, ast.ImportFrom):
            for alias in node.names:
                known = (self.absolute(node), alias.name, node.lineno)
                found.setdefault(alias.asname or alias.name, known)
        return found


@dataclass
class Modules:
    """Modules by name, along the import path of the project."""

    #: Folders that Python imports from, the first one first.
    roots: list[Path]
    #: The project's own apps, where they are known: folder to dotted name.
    packages: dict[Path, str] = field(default_factory=dict)
    #: Absolute paths of what git ignores.
    ignored: frozenset[str] = frozenset()
    #: The folder of manage.py, where that is inside of the package that it manages.
    managed: frozenset[Path] = frozenset()
    _known: dict[str, Module | None] = field(default_factory=dict)

    def add_roots(self, folders: Iterable[Path]) -> bool:
        """Import from further folders too, and tell whether there is any new one."""
        new = [folder for folder in folders if folder not in self.roots]
        self.roots += new
        if new:  # what was not found before may be there
            self._known = {name: module for name, module in self._known.items() if module}
        return bool(new)

    def file(self, name: str) -> Path | None:
        """Return the file of a dotted module, or None where the project has none."""
        for root in self.roots:
            target = root.joinpath(*name.split("."))
            for candidate in (target / "__init__.py", target.with_name(target.name + ".py")):
                if candidate.is_file():
                    return candidate
        return None

    def folder(self, name: str) -> Path | None:
        """Return the folder of a dotted package, with or without an ``__init__.py``."""
        folders = [root.joinpath(*name.split(".")) for root in self.roots]
        packages = [folder for folder in folders if (folder / "__init__.py").is_file()]
        return next(iter([*packages, *(folder for folder in folders if folder.is_dir())]), None)

    def get(self, name: str) -> Module | None:
        """Return a module of the project, None where *name* is none.

        Raises:
            SourceError: it is no valid Python.
        """
        if name not in self._known:
            file = self.file(name) if name else None
            self._known[name] = Module(name, file, parse(file)) if file else None
        return self._known[name]

    def name_of(self, file: Path) -> str:
        """Return the dotted name that a file is imported by.

        It begins with that of its app. Outside of apps, it begins in the outermost
        folder of the import path from which packages alone lead to the file.
        """
        for folder in file.parents:
            if folder in self.packages:
                return self._dotted(self.packages[folder], file.relative_to(folder))
        holding = sorted(
            (root for root in self.roots if file.is_relative_to(root)), key=lambda root: len(root.parts)
        )
        for root in holding:
            between = [folder for folder in file.parents if folder.is_relative_to(root) and folder != root]
            if all((folder / "__init__.py").is_file() for folder in between):
                return self._dotted("", file.relative_to(root))
        return self._dotted("", file.relative_to(holding[0]))

    @staticmethod
    def _dotted(prefix: str, relative: Path) -> str:
        parts = [*filter(None, [prefix]), *relative.with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        return ".".join(parts)

    def strings(self, module: Module, node: ast.AST) -> list[str]:
        """Collect the string literals that a list, tuple, concatenation, name or call stands for.

        Names are looked up in the module and where it imports them from; a call of
        a function of the project gives what its returns give. What is computed
        otherwise is passed over.
        """
        return list(_Reading(self).strings(module, node))

    def sources(self, module: Module, name: str) -> Iterator[tuple[Module, str]]:
        """Yield the project's modules that a name of *module* can be imported from, with the name there."""
        explicit = module.imports(name)
        names = [explicit[:2]] if explicit else [(star, name) for star, _line in module.star_imports()]
        for source, there in names:
            found = self.get(source)
            if found and found is not module:
                yield found, there


#: What gives on the texts that it is given.
_PASSING = frozenset(
    {"list", "tuple", "set", "sorted", "chain", "from_iterable", "fromkeys", "sum", "unique"}
)


class _Reading:
    """One reading of a value across modules; each name is looked up once."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self.seen: set[tuple[str, str]] = set()

    def _first(self, module: Module, name: str) -> bool:
        new = (module.name, name) not in self.seen
        self.seen.add((module.name, name))
        return new

    def strings(self, module: Module, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call):
            yield from self._of_call(module, node)
        elif isinstance(node, ast.Name):
            yield from self._of_name(module, node.id)
        elif isinstance(node, ast.Attribute):
            yield from self._of_attribute(module, node)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            # [app for app in TENANT_APPS if app not in SHARED_APPS]
            if len(node.generators) == 1 and dotted(node.elt) == dotted(node.generators[0].target) != "":
                yield from self.strings(module, node.generators[0].iter)
        elif literal_text(node):
            yield literal_text(node)
        else:
            for part in _parts(node):
                yield from self.strings(module, part)

    def _of_name(self, module: Module, name: str) -> Iterator[str]:
        if not self._first(module, name):
            return
        found = assignments(module.tree, name)
        for _statement, value in found:
            yield from self.strings(module, value)
        if not found:
            for source, there in self.modules.sources(module, name):
                yield from self._of_name(source, there)

    def _of_attribute(self, module: Module, node: ast.Attribute) -> Iterator[str]:
        holder, _dot, name = dotted(node).rpartition(".")
        imported = module.imports(holder) if holder else None
        source = self.modules.get(".".join(imported[:2])) if imported else self.modules.get(holder)
        if source and source is not module:
            yield from self._of_name(source, name)

    def _of_call(self, module: Module, call: ast.Call) -> Iterator[str]:
        name = dotted(call.func)
        if name.rpartition(".")[2] in _PASSING and call.args:
            for argument in call.args:
                yield from self.strings(module, argument)
            return
        if isinstance(call.func, ast.Attribute) and call.func.attr == "split" and not call.args:
            yield from literal_text(call.func.value).split()
            return
        for place, function in self._functions(module, name):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value:
                    yield from self._in_function(place, function, node.value)

    def _in_function(self, module: Module, function: ast.AST, node: ast.AST) -> Iterator[str]:
        body = ast.Module(body=getattr(function, "body", []), type_ignores=[])
        if isinstance(node, ast.Name) and assignments(body, node.id):
            local = Module(f"{module.name}.{getattr(function, 'name', '')}", module.file, body)
            yield from self._of_name(local, node.id)
        else:
            yield from self.strings(module, node)

    def _functions(self, module: Module, name: str) -> Iterator[tuple[Module, ast.AST]]:
        if not self._first(module, f"{name}()"):
            return
        for node in module.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                yield module, node
                return
        for source, there in self.modules.sources(module, name):
            yield from self._functions(source, there)


def _parts(node: ast.AST) -> list[ast.expr]:
    """Return what a list, a tuple, a sum or a condition is put together from."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return node.elts
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [node.left, node.right]
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else []


_ADDING = ("sys.path.insert", "sys.path.append", "sys.path.extend")


def _each(tree: ast.Module, expressions: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """Yield the elements of lists, and what names of the module stand for."""
    for expression in expressions:
        if isinstance(expression, (ast.List, ast.Tuple)):
            yield from _each(tree, expression.elts)
        elif isinstance(expression, ast.Name):
            yield from (value for _statement, value in assignments(tree, expression.id))
        else:
            yield expression


def path_additions(base: Path, files: Iterable[Path]) -> list[Path]:
    """Return the folders below *base* that files put on ``sys.path``, in the order of the files.

    Understood are the texts in the argument, joined, as in ``BASE_DIR / "apps"``
    and ``os.path.join(ROOT, "apps")``, from *base* or from the folder of the file.
    """
    found: list[Path] = []
    for file in files:
        tree = parse(file)
        for node in walk(tree):
            added: list[ast.expr] = []
            if isinstance(node, ast.Call) and dotted(node.func) in _ADDING:
                added = node.args[-1:]
            elif isinstance(node, ast.AugAssign) and dotted(node.target) == "sys.path":
                added = [node.value]
            for expression in _each(tree, added):
                literals = [part for part in ast.walk(expression) if isinstance(part, ast.Constant)]
                literals.sort(key=lambda part: (part.lineno, part.col_offset))
                texts = [literal_text(part) for part in literals if literal_text(part)]
                for start in (base, file.parent):
                    folder = Path(os.path.normpath(start.joinpath(*texts))) if texts else start
                    if texts and folder.is_dir() and folder.is_relative_to(base) and folder != base:
                        found.append(folder)
                        break
    return list(dict.fromkeys(found))
