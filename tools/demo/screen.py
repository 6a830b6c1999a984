# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo says around the playbook's own report, on a terminal or in a file."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

#: The widest that anything gets, however wide the terminal is.
_WIDEST = 100


class Screen:
    """Standard output, as blocks with an empty line between them."""

    def __init__(self) -> None:
        environ = os.environ
        terminal = sys.stdout.isatty() and environ.get("TERM", "dumb") != "dumb"
        self.colour = terminal and not environ.get("NO_COLOR")
        self.columns = min(shutil.get_terminal_size().columns, _WIDEST)
        self._block = ""

    def say(self, text: str, codes: str = "") -> None:
        """Write text as a block, wrapped; nothing where there is none."""
        lines = [part for line in text.splitlines() for part in self._wrap(line)]
        self.show("".join(f"{self._style(codes, line)}\n" for line in lines))

    def show(self, text: str, block: str = "text") -> None:
        """Write text as it is; another kind of block begins after an empty line, as any of text does."""
        if not text:
            return
        between = "\n" if self._block and (block == "text" or block != self._block) else ""
        self._block = block
        sys.stdout.write(between + text)
        sys.stdout.flush()

    def gap(self) -> None:
        """Leave a line free before somebody else writes."""
        if self._block:
            sys.stdout.write("\n")
            sys.stdout.flush()

    def _wrap(self, text: str) -> list[str]:
        """Return *text* in lines that fit; no path is broken."""
        width = max(self.columns - 1, 20)
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]

    def _style(self, codes: str, text: str) -> str:
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and codes and text else text
