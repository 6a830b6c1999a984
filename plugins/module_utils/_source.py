# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python source as text: read it as Python does, and ask it questions without running it."""

from __future__ import annotations

import ast
import io
import os
import tokenize
from collections.abc import Iterator
from pathlib import Path

#: Folders that never hold a project's own source.
SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "dist-packages", "bower_components"}
)


class SourceError(Exception):
    """A file of the checkout cannot be read as Python. The text names file and line."""


def parse(path: Path) -> ast.Module:
    """Parse a file, honouring its encoding cookie and BOM.

    Raises:
        SourceError: it is no valid Python, is not text, or cannot be read.
    """
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        where = ":".join(str(part) for part in (path, error.lineno) if part)
        line = f": {error.text.strip()}" if error.text else ""
        raise SourceError(f"{where}: {error.msg}{line}") from error
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def text_encoding(content: bytes) -> str:
    """Return the encoding that Python would read these bytes with (PEP 263)."""
    return tokenize.detect_encoding(io.BytesIO(content).readline)[0]


def python_files(top: Path) -> Iterator[Path]:
    """Yield the project's own Python files below *top*, in a stable order.

    Hidden folders, virtual environments and dependency folders are passed over,
    and symbolic links to folders are not followed.
    """
    stack = [top]
    while stack:
        folder = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if folder != top and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        below = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.name not in SKIPPED_FOLDERS:
                    below.append(Path(entry.path))
            elif entry.name.endswith(".py") and entry.is_file():
                yield Path(entry.path)
        stack.extend(reversed(below))


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

    ``x = …``, ``x: T = …`` and ``x += …`` count, also below ``if`` and ``try``,
    but not inside functions and classes.
    """
    found: list[tuple[ast.stmt, ast.expr]] = []
    stack: list[ast.stmt] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Assign):
            if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
                found.append((node, node.value))
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            if isinstance(node.target, ast.Name) and node.target.id == name and node.value:
                found.append((node, node.value))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            children = list(ast.iter_child_nodes(node))
            for child in reversed(children):
                if isinstance(child, ast.ExceptHandler):
                    stack.extend(reversed(child.body))
                elif isinstance(child, ast.stmt):
                    stack.append(child)
    return found


def literal_strings(tree: ast.Module, node: ast.AST, depth: int = 8) -> list[str]:
    """Collect the string literals of a list, tuple or concatenation of such.

    Names are looked up in the same module. What is computed is passed over, so
    the answer can be shorter than the value at run time, never longer.
    """
    if depth == 0:
        return []
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [text for element in node.elts for text in literal_strings(tree, element, depth - 1)]
    if isinstance(node, ast.Starred):
        return literal_strings(tree, node.value, depth - 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [
            *literal_strings(tree, node.left, depth - 1),
            *literal_strings(tree, node.right, depth - 1),
        ]
    if isinstance(node, ast.Name):
        return [
            text
            for _statement, value in assignments(tree, node.id)
            for text in literal_strings(tree, value, depth - 1)
        ]
    text = literal_text(node)
    return [text] if text else []


def environment_default(tree: ast.Module, variable: str) -> tuple[str, int] | None:
    """Return the value and line of ``os.environ.setdefault(variable, "…")`` or of the assignment."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and dotted(node.func).endswith("environ.setdefault")
            and len(node.args) == 2
            and literal_text(node.args[0]) == variable
            and literal_text(node.args[1])
        ):
            return literal_text(node.args[1]), node.lineno
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Subscript)
            and dotted(node.targets[0].value).endswith("environ")
            and literal_text(node.targets[0].slice) == variable
            and literal_text(node.value)
        ):
            return literal_text(node.value), node.lineno
    return None
