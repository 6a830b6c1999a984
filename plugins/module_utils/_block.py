# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A marked block of lines in somebody else's file: put it in, renew it, take it out again.

All functions work on bytes, so that an encoding, a BOM, CRLF line ends and
a missing newline at the end stay as they are. The block itself is ASCII.
Taking out what was put in gives back the same bytes:
``without(put(content, …), …) == content``.
"""

from __future__ import annotations

import re

BEGIN = "# celeriac.django: begin"
END = "# celeriac.django: end"

_BLOCK = re.compile(
    rb"^(?P<blank>[ \t]*\r?\n)?[ \t]*# celeriac\.django: begin[^\n]*\n"
    rb"(?P<body>(?:(?![ \t]*# celeriac\.django: begin)[^\n]*\n)*?)"
    rb"[ \t]*# celeriac\.django: end[^\n]*(?P<last>\n|\Z)",
    re.MULTILINE,
)


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


def put(content: bytes, lines: str, hint: str = "") -> bytes:
    """Return *content* with the block: renewed where it stands, else added at the end.

    Args:
        content: the file.
        lines: what stands between the marks; ASCII, ``\\n`` line ends.
        hint: a remark for the reader, on the line of the first mark.
    """
    begin = f"{BEGIN}. {hint}" if hint else BEGIN
    end = line_end(content)
    text = lines.removesuffix("\n")
    block = f"{begin}\n{text}\n{END}\n".encode("ascii").replace(b"\n", end)
    found = _BLOCK.search(content)
    if found:
        blank = found.group("blank") or b""
        if not found.group("last"):
            block = block[: -len(end)]
        return content[: found.start()] + blank + block + content[found.end() :]
    if not content:
        return block
    if lacks_newline(content):
        content += end
    return content + end + block


def without(content: bytes, newline_added: bool = False) -> bytes:
    """Return *content* without the block, and without the blank line that :func:`put` set before it.

    Args:
        content: the file.
        newline_added: whether the file had no newline at its end before the block was put in.
            It is taken off again only where nothing was written below the block since.
    """
    found = _BLOCK.search(content)
    if not found:
        return content
    before, after = content[: found.start()], content[found.end() :]
    if newline_added and not after:
        # The blank line has the line end that was added with it.
        before = before.removesuffix((found.group("blank") or line_end(before)).lstrip(b" \t"))
    return before + after
