# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A marked block of lines in somebody else's file: put it in, renew it, take it out again.

All functions work on bytes, so that an encoding, a BOM, CRLF line ends and
a missing newline at the end stay as they are. The block itself is ASCII.
Taking out what was put in gives back the same bytes:
``without(put(content, …), …) == content``.

What somebody wrote between the marks is theirs: it is told from our lines by what
they say, not by how they are laid out, and stays when our lines are renewed or go.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Sequence

from . import python_text

BEGIN = "# celeriac.django: begin"
END = "# celeriac.django: end"

_BLOCK = re.compile(
    rb"^(?P<indent>[ \t]*)# celeriac\.django: begin[^\n]*\n"
    rb"(?P<body>(?:(?![ \t]*# celeriac\.django: begin)[^\n]*\n)*?)"
    rb"[ \t]*# celeriac\.django: end[^\n]*(?P<last>\n|\Z)",
    re.MULTILINE,
)
_MARK = re.compile(rb"^[ \t]*# celeriac\.django: (begin|end)\b", re.MULTILINE)


def line_end(content: bytes) -> bytes:
    """Return the line end that most lines of *content* have."""
    crlf = content.count(b"\r\n")
    return b"\r\n" if crlf > content.count(b"\n") - crlf else b"\n"


def lacks_newline(content: bytes) -> bool:
    """Tell whether a newline has to be added before a block can follow."""
    return bool(content) and not content.endswith(b"\n")


def has_block(content: bytes) -> bool:
    """Tell whether *content* holds a marked block."""
    return _BLOCK.search(content) is not None


def line(content: bytes) -> int:
    """Return the line where the block begins, 0 where there is none."""
    found = _BLOCK.search(content)
    return content.count(b"\n", 0, found.start()) + 1 if found else 0


def unpaired_mark(content: bytes) -> int:
    """Return the line of a mark that has lost its partner, or of a second block; 0 where all is well."""
    marks = [
        (match.group(1), content.count(b"\n", 0, match.start()) + 1) for match in _MARK.finditer(content)
    ]
    kinds = [kind for kind, _line in marks]
    if kinds in ([], [b"begin", b"end"]):
        return 0
    if kinds[0] == b"end" or len(kinds) == 1:
        return marks[0][1]
    return marks[2 if kinds[:2] == [b"begin", b"end"] else 0][1]


def blank_lines(content: bytes, python: bool) -> int:
    """Return how many blank lines :func:`put` sets before a new block, as black has it."""
    if not content:
        return 0
    return 2 if python and _ends_with_definition(content) else 1


def _ends_with_definition(content: bytes) -> bool:
    try:
        body: list[ast.stmt] = ast.parse(content).body
    except (SyntaxError, ValueError):
        return False
    node: ast.AST = body[-1] if body else ast.Pass()
    while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        below = [
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))
        ]
        if not below:
            return False
        node = below[-1] if not isinstance(node, ast.Try) else max(below, key=_last_line)
    return True


def _last_line(node: ast.AST) -> int:
    return max((getattr(inner, "end_lineno", None) or 0 for inner in ast.walk(node)), default=0)


def put(content: bytes, lines: str, hint: str = "", known: Sequence[str] = (), python: bool = False) -> bytes:
    """Return *content* with the block: renewed where it stands, else added at the end.

    A block that says what it should already is left as it is laid out.

    Args:
        content: the file.
        lines: what stands between the marks; ASCII, ``\\n`` line ends.
        hint: a remark for the reader, on the line of the first mark.
        known: what stood between the marks by our doing before; without it, all of it did.
        python: whether the lines are Python, rather than lines that each stand alone.
    """
    begin = f"{BEGIN}. {hint}" if hint else BEGIN
    end = line_end(content)
    text = lines.removesuffix("\n")
    block = f"{begin}\n{text}\n{END}\n".encode("ascii").replace(b"\n", end)
    found = _BLOCK.search(content)
    if found:
        body = found.group("body")
        block = re.sub(rb"(?m)^(?=[^\r\n])", found.group("indent"), block)
        if known and _says(body, lines, python) and not _stale(body, lines, known, python):
            return content
        if not found.group("last"):
            block = block[: -len(end)]
        theirs = _theirs(body, [lines, *known], python) if known else b""
        if theirs and not found.group("last"):
            block, theirs = block + end, theirs.removesuffix(b"\n").removesuffix(b"\r")
        return content[: found.start()] + block + theirs + content[found.end() :]
    blank = end * blank_lines(content, python)
    if lacks_newline(content):
        content += end
    return content + blank + block


def without(
    content: bytes,
    newline_added: bool = False,
    known: Sequence[str] = (),
    python: bool = False,
    blank: int = 1,
) -> bytes:
    """Return *content* without the block, and without the blank lines that :func:`put` set before it.

    Args:
        content: the file.
        newline_added: whether the file had no newline at its end before the block was put in.
            It is taken off again only where nothing was written below the block since.
        known: as of :func:`put`: what else stands between the marks stays.
        python: as of :func:`put`.
        blank: how many blank lines were set, see :func:`blank_lines`.
    """
    found = _BLOCK.search(content)
    if not found:
        return content
    before, after = content[: found.start()], content[found.end() :]
    theirs = _theirs(found.group("body"), known, python) if known else b""
    if theirs:
        return before + theirs + after
    added = re.search(rb"(?:(?:\A|(?<=\n))[ \t]*\r?\n){0,%d}\Z" % blank, before)
    last = before[added.start() :] if added else b""
    before = before[: len(before) - len(last)]
    if newline_added and not after:
        # The blank lines have the line end that was added with them.
        before = before.removesuffix(
            b"\r\n" if last.endswith(b"\r\n") else b"\n" if last else line_end(before)
        )
    return before + after


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _meanings(text: str) -> list[str]:
    return [statement.meaning for statement in python_text.statements(_dedented(text))]


def _dedented(text: str) -> str:
    """Return a text without the indentation that all its lines of code share; comments do not count."""
    lines = text.split("\n")
    code = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    depth = min((len(line) - len(line.lstrip()) for line in code), default=0)
    # A comment further to the left stays where it is: the outermost column.
    return "\n".join(line[depth:] if not line[:depth].strip() else line.lstrip() for line in lines)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\r\n", "\n")


def _says(body: bytes, lines: str, python: bool) -> bool:
    """Tell whether all *lines* are in *body*, in their order."""
    text = _text(body)
    try:
        present = iter(_meanings(text) if python else _lines(text))
        return all(wanted in present for wanted in (_meanings(lines) if python else _lines(lines)))
    except (SyntaxError, ValueError):
        return False


def _stale(body: bytes, lines: str, known: Sequence[str], python: bool) -> bool:
    """Tell whether *body* has a line of an earlier block that *lines* has no more."""
    text = _text(body)
    split = _meanings if python else _lines
    try:
        old = {part for earlier in known for part in split(earlier)} - set(split(lines))
        return any(part in old for part in split(text))
    except (SyntaxError, ValueError):
        return True


def _theirs(body: bytes, known: Sequence[str], python: bool) -> bytes:
    """Return the lines of *body* that are not ours, as they are."""
    rows = body.split(b"\n")[:-1]
    plain = {line for text in known for line in _lines(text)}
    ours = {number for number, row in enumerate(rows, 1) if row.decode("utf-8", "replace").strip() in plain}
    kept = {number: row for number, row in enumerate(rows, 1) if number not in ours}
    if python:
        with contextlib.suppress(SyntaxError, ValueError):  # else whole lines have to do
            kept = _their_code(_dedented(_text(body)), rows, known)
    if not any(row.strip() for row in kept.values()):
        return b""
    return b"\n".join(row for _number, row in sorted(kept.items())) + b"\n"


def _their_code(text: str, rows: Sequence[bytes], known: Sequence[str]) -> dict[int, bytes]:
    """Return the rows of Python that are not ours, by number: statements, and comments wherever they are."""
    meanings = {meaning for earlier in known for meaning in _meanings(earlier)}
    remarks = {comment for earlier in known for comment in python_text.comments(earlier)}
    found = python_text.statements(text)
    lines = {True: set[int](), False: set[int]()}
    for statement in found:
        lines[statement.meaning in meanings].update(range(statement.first, statement.last + 1))
    # A row that somebody's statement shares with ours stays as a whole.
    ours = lines[True] - lines[False]
    kept = {}
    comments = python_text.comment_rows(text)
    for number, row in enumerate(rows, 1):
        comment = comments.get(number, "")
        if comment.lstrip("#").strip() in remarks:
            comment = ""
        if number not in ours:
            if comment or number in lines[False]:
                kept[number] = row
        elif comment:
            kept[number] = comment.encode() + (b"\r" if row.endswith(b"\r") else b"")
    return kept
