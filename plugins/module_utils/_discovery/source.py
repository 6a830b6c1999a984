# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python source as text: read it as Python does, and ask it questions without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

#: The attributes of a node with all that is below it, in order and by kind.
_BELOW, _KINDS = "celeriac_below", "celeriac_kinds"
#: Fields that hold no node that anybody asks for: names, numbers, operators, whether a name is read or set.
_PLAIN = frozenset(
    {
        *("arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "level", "module", "n"),
        *("op", "ops", "s", "simple", "type_comment", "type_ignores"),
    }
)
_Kind = TypeVar("_Kind", bound=ast.AST)


class SourceError(Exception):
    """A file of the checkout cannot be read as Python. The text names file and line."""


class DiscoveryError(Exception):
    """The checkout is not what it has to be. The text says what, where and what to do."""


def parse(path: Path) -> ast.Module:
    """Parse a file, honouring its encoding cookie and BOM.

    Raises:
        SourceError: it is no valid Python, is not text, or cannot be read.
    """
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        where = ":".join(str(part) for part in (path, error.lineno) if part)
        # Not the line itself: by a link, a file of the checkout can be any file.
        raise SourceError(f"{where}: {error.msg}") from error
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all that is below it, as ``ast.walk`` does: once found, they are kept with the node.

    Many questions are asked of each module, and to find its nodes takes longer than to answer one.
    Operators and contexts are not among them.
    """
    yield tree
    yield from _below(tree)


def nodes(tree: ast.AST, kind: type[_Kind]) -> list[_Kind]:
    """Return the nodes of a kind below a node, in the order of :func:`walk`.

    Who asks for one kind looks at a few nodes of a hundred.
    """
    kinds: dict[type[ast.AST], list[ast.AST]] | None = vars(tree).get(_KINDS)
    if kinds is None:
        kinds = {}
        for node in _below(tree):
            kinds.setdefault(node.__class__, []).append(node)
        setattr(tree, _KINDS, kinds)
    return kinds.get(kind, [])  # type: ignore[return-value] # they are kept by their class


def _below(tree: ast.AST) -> list[ast.AST]:
    """Return what is below a node, without the node: it would wait for the garbage collector."""
    known: list[ast.AST] | None = vars(tree).get(_BELOW)
    if known is not None:
        return known
    found: list[ast.AST] = []
    _add_children(tree, found)
    for node in found:  # it grows as it is read
        _add_children(node, found)
    setattr(tree, _BELOW, found)
    return found


_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: (), ast.Name: (), ast.alias: ()}


def _add_children(node: ast.AST, found: list[ast.AST]) -> None:
    kind = node.__class__
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(name for name in kind._fields if name not in _PLAIN)
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for a chain of names and attributes, else an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join(reversed([*parts, node.id]))


def literal_text(node: ast.AST | None) -> str:
    """Return the text of a string literal, else an empty text."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def assignments(tree: ast.Module, name: str) -> list[tuple[ast.stmt, ast.expr]]:
    """Return the statements that give *name* a value anywhere in the module, with the values.

    ``x = …``, ``x: T = …`` and ``x += …`` count, also below ``if``, ``try`` and the like,
    but not inside functions and classes.
    """
    found: list[tuple[ast.stmt, ast.expr]] = []
    for node in module_statements(tree):
        if isinstance(node, ast.Assign):
            given = (_value_for(target, node.value, name) for target in node.targets)
            found += [(node, value) for value in given if value is not None]
        elif (
            isinstance(node, (ast.AnnAssign, ast.AugAssign))
            and isinstance(node.target, ast.Name)
            and node.target.id == name
            and node.value
        ):
            found.append((node, node.value))
    return found


def _value_for(target: ast.expr, value: ast.expr, name: str) -> ast.expr | None:
    """Return what an assignment to *target* gives to *name*, None where it gives it nothing."""
    if isinstance(target, ast.Name):
        return value if target.id == name else None
    if not isinstance(target, (ast.Tuple, ast.List)):
        return None
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    each = parts if len(parts) == len(target.elts) else [value] * len(target.elts)
    found = (_value_for(inner, part, name) for inner, part in zip(target.elts, each, strict=True))
    return next((part for part in found if part is not None), None)


def module_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, in their order.

    Those below ``if``, ``try``, ``with``, ``match`` and loops are among them, those of functions and
    classes are not.
    """
    stack: list[ast.AST] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            yield node
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
        stack.extend(reversed(statements_below(node)))


def statements_below(node: ast.AST) -> list[ast.AST]:
    """Return the statements right below one, with ``except`` and ``case``, in their order.

    By the fields that hold statements: most of a module's nodes are in expressions, which have none.
    """
    lists = (getattr(node, name, None) for name in ("body", "handlers", "orelse", "finalbody", "cases"))
    return [child for part in lists if isinstance(part, list) for child in part]


def environment_default(tree: ast.Module, variable: str) -> tuple[str, int] | None:
    """Return the value and line that a module gives a variable of the environment.

    ``os.environ.setdefault(variable, …)`` and assignments count; the value is a text, a
    name for one, or what another variable of the environment has as its default.
    """
    found: dict[str, int] = {}
    for node in walk(tree):
        value = _given(node, variable)
        if value is not None:
            line: int = node.lineno  # type: ignore[attr-defined] # statements and calls have one
            found.setdefault(_text_or_default(tree, value), line)
    # Of several, none is what production has for certain.
    (text, line), *others = [*found.items(), ("", 0)]
    return (text, line) if text and len(others) == 1 else None


def computes_environment(tree: ast.Module, variable: str) -> int:
    """Return the line where a module gives a variable of the environment any value, else 0."""
    lines = (getattr(node, "lineno", 0) for node in walk(tree) if _given(node, variable) is not None)
    return min(lines, default=0)


def _given(node: ast.AST, variable: str) -> ast.expr | None:
    if isinstance(node, ast.Call) and len(node.args) == 2 and literal_text(node.args[0]) == variable:
        return node.args[1] if dotted(node.func).endswith("environ.setdefault") else None
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if isinstance(target, ast.Subscript) and literal_text(target.slice) == variable:
        value: ast.expr = node.value  # type: ignore[attr-defined] # it is an assignment
        return value if dotted(target.value).endswith("environ") else None
    return None


def _text_or_default(tree: ast.Module, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        texts = {literal_text(value) for _statement, value in assignments(tree, node.id)}
        return texts.pop() if len(texts) == 1 else ""
    if isinstance(node, ast.Call) and dotted(node.func).endswith(("environ.get", "getenv")):
        return literal_text(node.args[1]) if len(node.args) == 2 else ""
    return literal_text(node)
