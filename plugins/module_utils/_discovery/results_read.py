# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a project's source reads the results of tasks, or has Celery wait for them: reads and chords.

What is found is there. What is handed through functions and attributes is not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from .source import dotted, nodes

#: What is in every file with one of them; the others are not parsed.
_READ = re.compile(rb"AsyncResult|GroupResult|ResultSet|\.(?:delay|apply_async)\b")
_CHORD = re.compile(rb"\b(?:chord|group)\b(?:\s*\(|\s+as\b)")

#: Objects that stand for results.
_RESULTS = ("AsyncResult", "GroupResult", "ResultSet")
_SENDS = ("delay", "apply_async")
#: What asks the result backend.
_ASKS = frozenset(
    {
        *("collect", "failed", "get", "iter_native", "iterate", "join", "join_native", "ready", "result"),
        *("state", "status", "successful", "wait", "waiting"),
    }
)


def may_have(content: bytes) -> tuple[bool, bool]:
    """Tell whether a file may have reads, and whether it may have chords, by its text alone."""
    return bool(_READ.search(content)), b"celery" in content and bool(_CHORD.search(content))


def reads(tree: ast.Module, relative: str) -> dict[str, str]:
    """Return where results are read: ``file:line`` to what reads them."""
    found: dict[int, str] = {}
    for call in nodes(tree, ast.Call):
        name = dotted(call.func).rpartition(".")[2]
        if name in _RESULTS:
            found[call.lineno] = f"{name}(…)"
    asked = [node for node in nodes(tree, ast.Attribute) if node.attr in _ASKS and _is_read(node)]
    for node in asked:
        if _is_sending(node.value):
            found[node.lineno] = f".{node.value.func.attr}(…).{node.attr}"  # type: ignore[attr-defined] # a call
    by_name = {node.value.id for node in asked if isinstance(node.value, ast.Name)}
    if by_name & _sent(_assignments(tree)):
        found |= _reads_of_names(tree)
    return {f"{relative}:{line}": what for line, what in sorted(found.items())}


def _is_read(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Load)


def _assignments(tree: ast.Module) -> list[ast.AST]:
    return [*nodes(tree, ast.Assign), *nodes(tree, ast.AnnAssign), *nodes(tree, ast.NamedExpr)]


def _reads_of_names(tree: ast.Module) -> dict[int, str]:
    """Return where a name is asked that holds what sending has returned, in the same function."""
    found: dict[int, str] = {}
    for scope in [tree, *nodes(tree, ast.FunctionDef), *nodes(tree, ast.AsyncFunctionDef)]:
        inside = list(_inside(scope))
        sent = _sent(inside)
        for node in inside if sent else []:
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            if node.attr in _ASKS and node.value.id in sent and _is_read(node):
                found[node.lineno] = f"{node.value.id}.{node.attr}"
    return found


def chords(tree: ast.Module, relative: str) -> dict[str, str]:
    """Return where chords are made: ``file:line`` to how."""
    names = _canvas(tree)
    if not names:
        return {}
    found: dict[int, str] = {}
    for call in nodes(tree, ast.Call):
        name = names.get(dotted(call.func))
        if name == "chord":
            found[call.lineno] = "chord(…)"
        elif name == "chain" and any(_is_group(part, names) for part in call.args[:-1]):
            found[call.lineno] = "chain(group(…), …)"
    for sum_ in nodes(tree, ast.BinOp):
        last = sum_.left.right if isinstance(sum_.left, ast.BinOp) else sum_.left
        if isinstance(sum_.op, ast.BitOr) and _is_group(last, names):
            found[sum_.lineno] = "group(…) | …"
    return {f"{relative}:{line}": what for line, what in sorted(found.items())}


def _canvas(tree: ast.Module) -> dict[str, str]:
    """Return what stands for chord, group and chain in a module."""
    names: dict[str, str] = {}
    kinds = ("chord", "group", "chain")
    for taken in nodes(tree, ast.ImportFrom):
        if (taken.module or "") in ("celery", "celery.canvas"):
            names |= {alias.asname or alias.name: alias.name for alias in taken.names if alias.name in kinds}
            # from celery import canvas
            for alias in taken.names:
                if alias.name == "canvas":
                    names |= {f"{alias.asname or alias.name}.{kind}": kind for kind in kinds}
    for imported in nodes(tree, ast.Import):
        for alias in imported.names:
            if alias.name in ("celery", "celery.canvas"):
                names |= {f"{alias.asname or alias.name}.{kind}": kind for kind in kinds}
    return names


def _is_group(node: ast.expr, names: dict[str, str]) -> bool:
    return isinstance(node, ast.Call) and names.get(dotted(node.func)) == "group"


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function or module itself, and not in a function of its own inside of it."""
    stack = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack.extend(ast.iter_child_nodes(node))


def _sent(inside: Iterable[ast.AST]) -> set[str]:
    """Return the names that hold what sending a task has returned, among these nodes."""
    return {
        target.id
        for node in inside
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and _is_sending(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def _is_sending(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SENDS
