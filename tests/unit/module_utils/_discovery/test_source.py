# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source is read as Python reads it, and never run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import source


def module(text: str) -> ast.Module:
    """Parses a text."""
    return ast.parse(text)


@pytest.mark.parametrize(
    "content",
    [
        b"NAME = 'caf\xc3\xa9'\n",
        b"\xef\xbb\xbfNAME = 'caf\xc3\xa9'\n",
        b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\n",
        b"#!/usr/bin/env python\r\n# coding: cp1252\r\nNAME = 'caf\xe9'",
    ],
)
def test_files_of_all_encodings_are_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(content)
    ((_statement, value),) = source.assignments(source.parse(tmp_path / "a.py"), "NAME")
    assert source.literal_text(value) == "café"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"A = 1\nB = (\n", r"a\.py:2: '\(' was never closed$"),
        (b"A = 1\nprint 'two'\n", r"a\.py:2: "),
        (b"A = '\xe9'\n", r"a\.py"),
        (b"# coding: no-such\n", r"a\.py"),
        (b"A = 1\0\n", r"a\.py"),
    ],
)
def test_what_is_no_python_is_named(content: bytes, where: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(source.SourceError, match=where):
        source.parse(tmp_path / "a.py")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(source.SourceError, match=r"a\.py: No such file"):
        source.parse(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("expression", "name"), [("a", "a"), ("a.b.c", "a.b.c"), ("a().b", ""), ("a[0].b", "")]
)
def test_dotted_names(expression: str, name: str) -> None:
    assert source.dotted(ast.parse(expression, mode="eval").body) == name


@pytest.mark.parametrize(
    ("expression", "text"), [("'a'", "a"), ("b'a'", ""), ("5", ""), ("a", ""), ("f'a'", "")]
)
def test_literal_texts(expression: str, text: str) -> None:
    assert source.literal_text(ast.parse(expression, mode="eval").body) == text


def test_assignments_are_found_in_their_order() -> None:
    tree = module(
        "A = 1\n"
        "A: int = 2\n"
        "A: int\n"
        "B = A = 3\n"
        "if B:\n    A = 4\nelif A:\n    A = 5\nelse:\n    A = 6\n"
        "try:\n    A = 7\nexcept ImportError:\n    A = 8\nelse:\n    A = 9\nfinally:\n    A = 10\n"
        "with B:\n    A += 11\n"
        "def f():\n    A = 90\nclass C:\n    A = 91\n"
        "A.b = 92\nA[0] = 93\n"
        "A += 12\n"
    )
    found = [ast.literal_eval(value) for _statement, value in source.assignments(tree, "A")]
    assert found == list(range(1, 13))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import os\nos.environ.setdefault('S', 'a.b')", ("a.b", 2)),
        ("from os import environ\n\nenviron.setdefault('S', 'a.b')", ("a.b", 3)),
        ("import os\ndef main():\n    os.environ.setdefault('S', 'a.b')", ("a.b", 3)),
        ("os.environ['S'] = 'a.b'", ("a.b", 1)),
        ("os.environ.setdefault('OTHER', 'a.b')", None),
        ("os.environ.setdefault('S', name)", None),
        ("os.environ.get('S', 'a.b')", None),
        ("values.setdefault('S', 'a.b')", None),
        ("os.environ['S'] = name", None),
        ("name = 'a.b'\nos.environ['S'] = name", ("a.b", 2)),
        ("if X:\n    name = 'a.b'\nelse:\n    name = 'c.d'\nos.environ['S'] = name", None),
        ("os.environ.setdefault('S', os.environ.get('T', 'a.b'))", ("a.b", 1)),
        ("os.environ.setdefault('S', os.getenv('T', 'a.b'))", ("a.b", 1)),
        ("os.environ.setdefault('S', os.environ.get('T'))", None),
        ("os.environ.setdefault('S', f'a.{name}')", None),
        ("os.environ.setdefault('S', 'a.' + name)", None),
        ("os.environ.setdefault('S', f'a.{x}')\nos.environ.setdefault('S', 'a.b')", None),
        ("if X:\n    os.environ['S'] = 'a.b'\nelse:\n    os.environ['S'] = 'c.d'", None),
        ("", None),
    ],
)
def test_defaults_of_the_environment(text: str, found: tuple[str, int] | None) -> None:
    assert source.environment_default(module(text), "S") == found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\nos.environ.setdefault('S', f'a.{name}')", 2),
        ("os.environ['S'] = get()\n", 1),
        ("def main():\n    if X:\n        os.environ['S'] = Y\n    os.environ['S'] = Z\n", 3),
        ("os.environ.setdefault('T', f'a.{name}')", 0),
        ("os.environ.get('S', name)", 0),
        ("", 0),
    ],
)
def test_a_line_that_computes_the_environment(text: str, line: int) -> None:
    assert source.computes_environment(module(text), "S") == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A, X = 1, 2", "2"),
        ("(A, [X, B]) = (1, (2, 3))", "2"),
        ("A, X = both()", "both()"),
        ("X, *A = 1, 2, 3", "(1, 2, 3)"),
        ("A = X = 2", "2"),
    ],
)
def test_what_is_unpacked_has_its_own_value(text: str, value: str) -> None:
    ((_statement, found),) = source.assignments(module(text), "X")
    assert ast.unparse(found) == value


def test_all_nodes_are_walked_but_those_that_nobody_asks_for() -> None:
    tree = ast.parse(Path(__file__).read_text())
    plain = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
    wanted = [node for node in ast.walk(tree) if not isinstance(node, plain)]
    # A name may be read or set, and a module's type comments are none of its nodes.
    assert [node for node in source.walk(tree) if not isinstance(node, plain)] == wanted
    assert list(source.walk(tree)) == list(source.walk(tree))


@pytest.mark.parametrize("kind", [ast.Call, ast.ImportFrom, ast.FunctionDef, ast.Global])
def test_nodes_of_a_kind_are_those_of_the_walk(kind: type[ast.AST]) -> None:
    tree = ast.parse(Path(__file__).read_text())
    assert source.nodes(tree, kind) == [node for node in ast.walk(tree) if isinstance(node, kind)]
    (first, *_others) = tree.body
    assert source.nodes(first, ast.Call) == []
