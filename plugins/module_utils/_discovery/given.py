# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a setting is worth in production, as far as reading tells: value, place, and how surely."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .imports import Module
from .source import dotted, literal_text


@dataclass(frozen=True)
class Given:
    """A value that settings give a name."""

    name: str
    #: ``file:line``.
    place: str
    #: The literal, or what stands there where the environment says nothing; None where it is computed.
    value: Any
    #: The variable of the environment that decides, empty where none does.
    variable: str = ""
    #: Whether it stands below a condition that cannot be answered from here.
    conditional: bool = False
    #: Whether nothing that stands before it counts.
    certain: bool = False


def find(files: Sequence[Module], pattern: str, base: Path) -> list[Given]:
    """Return what the settings that match a pattern are given, for each name what may count in the end.

    Args:
        files: the settings module and those that go into it, the nearest first.
        pattern: what the whole name matches.
        base: the folder that places are relative to.
    """
    found: dict[str, list[Given]] = {}
    for module in files:
        for given in reversed(list(_in_module(files, module, re.compile(pattern), base))):
            known = found.setdefault(given.name, [])
            if not known:
                known.append(given)
            elif known[-1].conditional and not any(_is_certain(other) for other in known):
                # A condition may leave in force what stands before it.
                known.append(replace(given, conditional=True, certain=not given.conditional))
    return [given for known in found.values() for given in known]


def _is_certain(given: Given) -> bool:
    return given.certain or not given.conditional


def _in_module(
    files: Sequence[Module], module: Module, pattern: re.Pattern[str], base: Path
) -> Iterator[Given]:
    for statement, conditional in statements(files, module):
        if isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names = [statement.target.id]
        else:
            continue
        for name in names:
            if pattern.fullmatch(name) and statement.value:
                value, variable = worth(files, statement.value)
                place = f"{os.path.relpath(module.file, base)}:{statement.lineno}"
                yield Given(name, place, value, variable, conditional)


def statements(files: Sequence[Module], module: Module) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements of a settings module that run, with whether that depends on something."""
    return _statements(files, module.tree.body)


def _statements(
    files: Sequence[Module], body: Sequence[ast.stmt], conditional: bool = False
) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield statements that run, with whether that depends on something; what never runs is left out."""
    for statement in body:
        yield statement, conditional
        if isinstance(statement, ast.If):
            holds = truth(files, statement.test)
            if holds is not False:
                yield from _statements(files, statement.body, conditional or holds is None)
            if holds is not True:
                yield from _statements(files, statement.orelse, conditional or holds is None)
        elif isinstance(statement, ast.Try):
            for part in (statement.body, statement.orelse, statement.finalbody):
                yield from _statements(files, part, conditional)
            for handler in statement.handlers:
                yield from _statements(files, handler.body, True)
        elif isinstance(statement, (ast.With, ast.For, ast.While)):
            yield from _statements(files, statement.body, conditional)


def truth(files: Sequence[Module], node: ast.expr) -> bool | None:
    """Tell whether a condition holds in production, None where the environment or a computation decides."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = truth(files, node.operand)
        return None if inner is None else not inner
    value, variable = worth(files, node)
    if dotted(node).endswith("TYPE_CHECKING"):
        return False
    return None if variable or value is None else bool(value)


def worth(files: Sequence[Module], node: ast.expr, depth: int = 4) -> tuple[Any, str]:
    """Return the value of an expression, and the variable of the environment that decides over it."""
    if isinstance(node, ast.Constant):
        return node.value, ""
    if isinstance(node, ast.Call):
        return _from_environment(files, node, depth)
    if isinstance(node, ast.Subscript) and dotted(node.value).endswith("environ"):
        return None, literal_text(node.slice)
    return _made_of_others(files, node, depth - 1) if depth else (None, "")


def _made_of_others(files: Sequence[Module], node: ast.expr, depth: int) -> tuple[Any, str]:
    if isinstance(node, ast.Name):
        found = [
            statement.value
            for module in files
            for statement in reversed(module.tree.body)
            if isinstance(statement, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in statement.targets)
        ]
        return worth(files, found[0], depth) if found else (None, "")
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        first, variable = worth(files, node.values[0], depth)
        return (first, variable) if first else (worth(files, node.values[-1], depth)[0], variable)
    if isinstance(node, ast.Compare):
        # os.environ.get("EAGER") == "1": the variable decides.
        return None, worth(files, node.left, depth)[1]
    return None, ""


def _from_environment(files: Sequence[Module], call: ast.Call, depth: int) -> tuple[Any, str]:
    """Read ``os.environ.get("X", d)``, ``env.bool("X", default=d)``, ``config("X", default=d)``."""
    name = dotted(call.func)
    if name in ("bool", "str", "int") and call.args and depth:
        return worth(files, call.args[0], depth - 1)
    reads = name.endswith(("environ.get", "getenv")) or name.partition(".")[0] in (
        "env",
        "config",
        "decouple",
    )
    if not reads or not call.args:
        return None, ""
    defaults = [keyword.value for keyword in call.keywords if keyword.arg == "default"]
    defaults += call.args[1:2]
    default = worth(files, defaults[0], depth - 1)[0] if defaults and depth else None
    return default, literal_text(call.args[0])
