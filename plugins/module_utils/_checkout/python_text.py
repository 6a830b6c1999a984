# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two Python texts say the same, however black, ruff or isort have laid them out.

The answer has to be the same under every Python that a checkout may meet, so
it rests on neither :func:`ast.dump` nor on the tokens of f-strings, which differ between versions.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import tokenize
from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a text."""

    meaning: str
    #: Its first and last line, from 1; decorators belong to it.
    first: int
    last: int


def statements(text: str) -> list[Statement]:
    """Return the statements of a text.

    Raises:
        SyntaxError: it is no valid Python.
        ValueError: it holds what Python never reads, such as a NUL.
    """
    found = []
    for node in ast.parse(text).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        found.append(Statement(_described(node), first, node.end_lineno or node.lineno))
    return found


def comment_rows(text: str) -> dict[int, str]:
    """Return the comments of a text by their line, from 1.

    Raises:
        SyntaxError: it is no valid Python.
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from error
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def comments(text: str) -> list[str]:
    """Return the comments of a text, in their order, without the blanks around them.

    Raises:
        SyntaxError: it is no valid Python.
    """
    return [comment.lstrip("#").strip() for _row, comment in sorted(comment_rows(text).items())]


def digest(content: bytes) -> str:
    """Return a digest of what Python source says, comments included; empty where it is no source.

    Imports that follow each other count in any order, as isort may sort them.
    """
    try:
        text = content.decode("utf-8")
        described = _sorted_imports(ast.parse(text).body)
        said = "\n".join([*described, *sorted(comments(text))])
    except (SyntaxError, ValueError):
        return ""
    return hashlib.sha256(said.encode()).hexdigest()


def _sorted_imports(body: list[ast.stmt]) -> list[str]:
    found: list[str] = []
    run: list[str] = []
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            # isort may also put each name on a line of its own, or all on one.
            source = f"{'.' * node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
            run += [f"import {source} {alias.name} as {alias.asname}" for alias in node.names]
            continue
        found += [*sorted(run), _described(node)]
        run = []
    return [*found, *sorted(run)]


def _described(node: object) -> str:
    """Describe a node by its kind and all that it holds; where it stands and what is empty is left out."""
    if isinstance(node, ast.AST):
        fields = []
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in ("ctx", "kind", "type_comment", "type_ignores"):
                continue
            if name == "body" and isinstance(value, list):
                fields.append(f"{name}=[{', '.join(_body(node, value))}]")
            else:
                fields.append(f"{name}={_described(value)}")
        return f"{type(node).__name__}({', '.join(fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_described, node))}]"
    return repr(node)


def _body(node: ast.AST, body: list[ast.stmt]) -> list[str]:
    """Describe a body; the docstring in it counts without its indentation."""
    described = _sorted_imports(body)
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        text = ast.get_docstring(node, clean=False)
        if text is not None:
            cleaned = "\n".join(line.rstrip() for line in inspect.cleandoc(text).split("\n"))
            described[0] = f"docstring={cleaned!r}"
    return described
