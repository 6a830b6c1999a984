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
class Condition:
    """What a line of the settings depends on."""

    #: As it is written, with its line.
    text: str
    #: The variable of the environment that decides, empty where none is known to.
    variable: str = ""
    #: Whether it holds where the environment says nothing; None where that cannot be told.
    default: bool | None = None


@dataclass(frozen=True)
class Decision:
    """What a condition comes to in production: for certain, or by what."""

    #: None where the environment or a computation decides.
    holds: bool | None
    variable: str = ""
    default: bool | None = None

    @property
    def usual(self) -> bool | None:
        """What it comes to where the environment says nothing."""
        return self.default if self.holds is None else self.holds


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
    #: That condition, where it is one of ``if``.
    condition: Condition | None = None
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
    for statement, below in statements(files, module):
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
                condition = below if isinstance(below, Condition) else None
                yield Given(name, place, value, variable, bool(below), condition)


def statements(files: Sequence[Module], module: Module) -> Iterator[tuple[ast.stmt, Condition | bool]]:
    """Yield the statements of a settings module that run, with what they depend on: True is an exception."""
    return _statements(files, module.tree.body)


def _statements(
    files: Sequence[Module], body: Sequence[ast.stmt], below: Condition | bool = False
) -> Iterator[tuple[ast.stmt, Condition | bool]]:
    """Yield statements that run, with what they depend on; what never runs is left out."""
    for statement in body:
        yield statement, below
        if isinstance(statement, ast.If):
            decided = decision(files, statement.test)
            for part, wanted in ((statement.body, True), (statement.orelse, False)):
                if decided.holds is None:
                    yield from _statements(files, part, below or _condition(statement, decided, wanted))
                elif decided.holds is wanted:
                    yield from _statements(files, part, below)
        elif isinstance(statement, ast.Try):
            for part in (statement.body, statement.orelse, statement.finalbody):
                yield from _statements(files, part, below)
            for handler in statement.handlers:
                yield from _statements(files, handler.body, below or True)
        elif isinstance(statement, (ast.With, ast.For, ast.While)):
            yield from _statements(files, statement.body, below)


def _condition(statement: ast.If, decided: Decision, wanted: bool) -> Condition:
    text = " ".join(ast.unparse(statement.test).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    named = f"{'if' if wanted else 'unless'} {text} (line {statement.lineno})"
    return Condition(named, decided.variable, None if decided.default is None else decided.default is wanted)


#: How much of a condition a message shows.
_LONGEST = 60


def truth(files: Sequence[Module], node: ast.expr) -> bool | None:
    """Tell whether a condition holds in production, None where the environment or a computation decides."""
    return decision(files, node).holds


def decision(files: Sequence[Module], node: ast.expr, depth: int = 4) -> Decision:
    """Return what a condition comes to in production."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = decision(files, node.operand, depth)
        return Decision(_not(inner.holds), inner.variable, _not(inner.default))
    if isinstance(node, ast.BoolOp) and depth:
        parts = [decision(files, part, depth - 1) for part in node.values]
        # One part that is so decides.
        decides = isinstance(node.op, ast.Or)
        variable = next((part.variable for part in parts if part.holds is None), "")
        holds = _together([part.holds for part in parts], decides)
        return Decision(holds, variable, _together([part.usual for part in parts], decides))
    if isinstance(node, ast.Name) and depth and (given := _assigned(files, node.id)) is not None:
        return decision(files, given, depth - 1)
    if dotted(node).endswith("TYPE_CHECKING"):
        return Decision(False)
    if (of_tests := _asks_for_tests(node)) is not None:
        return Decision(of_tests)
    value, variable = worth(files, node)
    usual = None if value is None else bool(value)
    return Decision(None, variable, usual) if variable else Decision(usual)


def _not(holds: bool | None) -> bool | None:
    return None if holds is None else not holds


def _together(parts: Sequence[bool | None], decides: bool) -> bool | None:
    if decides in parts:
        return decides
    return None if None in parts else not decides


#: What is in the command line, or loaded, where tests run.
_TEST_WORDS = frozenset({"test", "tests", "pytest", "py.test", "unittest", "nose", "jenkins", "jtest"})


def _asks_for_tests(node: ast.expr) -> bool | None:
    """Tell what a question comes to that asks ``sys.argv`` or ``sys.modules`` for tests: none run here."""
    if not isinstance(node, ast.Compare) and not (isinstance(node, ast.Call) and dotted(node.func) == "any"):
        return None
    inside = list(ast.walk(node))
    texts = {literal_text(part) for part in inside} - {""}
    names = {dotted(part) for part in inside}
    if not texts or not texts <= _TEST_WORDS or not names & {"sys.argv", "sys.modules"}:
        return None
    return any(isinstance(part, (ast.NotIn, ast.NotEq)) for part in inside)


def _assigned(files: Sequence[Module], name: str) -> ast.expr | None:
    """Return what the settings give a name at last, at the top level of the nearest file that does."""
    return next(
        (
            statement.value
            for module in files
            for statement in reversed(module.tree.body)
            if isinstance(statement, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in statement.targets)
        ),
        None,
    )


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
        given = _assigned(files, node.id)
        return worth(files, given, depth) if given is not None else (None, "")
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
