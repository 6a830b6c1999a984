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

from .source import dotted, walk

#: What is in every file with one of them; the others are not parsed.
CANDIDATE = re.compile(rb"AsyncResult|GroupResult|ResultSet|\bchord\b|\bgroup\b|\.delay\b|\.apply_async\b")

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


def reads(tree: ast.Module, relative: str) -> dict[str, str]:
    """Return where results are read: ``file:line`` to what reads them."""
    found: dict[str, str] = {}
    for scope in _scopes(tree):
        inside = list(_inside(scope))
        sent = _sent(inside)
        for node in inside:
            what = _reads(node, sent)
            if what:
                found[f"{relative}:{node.lineno}"] = what  # type: ignore[attr-defined] # expressions have one
    return dict(sorted(found.items(), key=lambda item: int(item[0].rpartition(":")[2])))


def chords(tree: ast.Module, relative: str) -> dict[str, str]:
    """Return where chords are made: ``file:line`` to how."""
    names = _canvas(tree)
    if not names:
        return {}
    found: dict[str, str] = {}
    for node in walk(tree):
        what = ""
        if isinstance(node, ast.Call):
            name = names.get(dotted(node.func))
            if name == "chord":
                what = "chord(…)"
            elif name == "chain" and any(_is_group(part, names) for part in node.args[:-1]):
                what = "chain(group(…), …)"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            last = node.left.right if isinstance(node.left, ast.BinOp) else node.left
            what = "group(…) | …" if _is_group(last, names) else ""
        if what:
            found[f"{relative}:{node.lineno}"] = what  # type: ignore[attr-defined] # expressions have one
    return found


def _canvas(tree: ast.Module) -> dict[str, str]:
    """Return what stands for chord, group and chain in a module."""
    names: dict[str, str] = {}
    kinds = ("chord", "group", "chain")
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "") in ("celery", "celery.canvas"):
            names |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in kinds}
            # from celery import canvas
            for alias in node.names:
                if alias.name == "canvas":
                    names |= {f"{alias.asname or alias.name}.{kind}": kind for kind in kinds}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("celery", "celery.canvas"):
                    names |= {f"{alias.asname or alias.name}.{kind}": kind for kind in kinds}
    return names


def _is_group(node: ast.expr, names: dict[str, str]) -> bool:
    return isinstance(node, ast.Call) and names.get(dotted(node.func)) == "group"


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


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


def _reads(node: ast.AST, sent: set[str]) -> str:
    if isinstance(node, ast.Call):
        name = dotted(node.func).rpartition(".")[2]
        return f"{name}(…)" if name in _RESULTS else ""
    if isinstance(node, ast.Attribute) and node.attr in _ASKS and isinstance(node.ctx, ast.Load):
        if _is_sending(node.value):
            return f".{node.value.func.attr}(…).{node.attr}"  # type: ignore[attr-defined] # it is a call
        if isinstance(node.value, ast.Name) and node.value.id in sent:
            return f"{node.value.id}.{node.attr}"
    return ""
