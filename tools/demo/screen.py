# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo shows: steps while they run, proofs, text; on a terminal or in a file."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import Any

#: The widest that anything gets, however wide the terminal is.
_WIDEST = 100
#: A step is shown once it has run for so many seconds; one that turns out to be skipped never is.
_PATIENCE = 0.4


class Screen:
    """Standard output, as blocks with an empty line between them."""

    def __init__(self) -> None:
        environ = os.environ
        #: Whether a line can be written again.
        self._live = sys.stdout.isatty() and environ.get("TERM", "dumb") != "dumb"
        self.colour = self._live and not environ.get("NO_COLOR")
        self.columns = min(shutil.get_terminal_size().columns, _WIDEST)
        locale = next(filter(None, map(environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
        self._marks = self._live and "UTF" in locale.upper() and environ["TERM"] != "linux"
        self._block = ""
        self._step = ""
        self._started = 0.0
        #: What stands on the line that is not ended yet.
        self._line = ""

    def say(self, text: str, codes: str = "") -> None:
        """Write text as a block, wrapped; nothing where there is none."""
        lines = [part for line in text.splitlines() for part in self._wrap(line, 0)]
        self.show("".join(f"{self._style(codes, line)}\n" for line in lines))

    def show(self, text: str, block: str = "text") -> None:
        """Write text as it is; another kind of block begins after an empty line, as any of text does."""
        if not text:
            return
        between = "\n" if self._block and (block == "text" or block != self._block) else ""
        self._block = block
        sys.stdout.write(between + text)
        sys.stdout.flush()

    def proofs(self, proofs: Sequence[Mapping[str, Any]]) -> None:
        """Write the table of proofs."""
        good, bad = ("✓", "✗") if self._marks else ("ok    ", "FAILED")
        width = max((len(proof["name"]) for proof in proofs), default=0)
        indent = 2 + len(good) + 2 + width + 2
        for proof in proofs:
            mark = self._style("32", good) if proof["ok"] else self._style("1;31", bad)
            detail = f"\n{'':{indent}}".join(self._wrap(proof["detail"], indent))
            self.show(f"  {mark}  {proof['name']:<{width}}  {detail}\n", "proofs")

    def begin(self, step: str) -> None:
        """A step begins; :meth:`tick` shows it if it takes time."""
        self._step, self._started = step, time.monotonic()

    def tick(self) -> None:
        """Show the step that runs, where the line can be written again with its seconds so far."""
        seconds = time.monotonic() - self._started
        if not self._step or seconds < _PATIENCE or (self._line and not self._live):
            return
        line = f"{self._name()}{int(seconds):>6} s" if self._live else self._name()
        if line != self._line:
            self._rewrite(line)

    def end(self, result: str, codes: str) -> None:
        """The step is over; without a *result* there was nothing to do, and it leaves no line."""
        if result:
            seconds = f"{time.monotonic() - self._started:>6.1f} s"
            self._rewrite(f"{self._name()}{seconds}  ")
            self.show(f"{self._style(codes, result)}\n", "steps")
        elif self._line:
            self._rewrite("" if self._live else f"{self._line}\n")
        self._step = self._line = ""

    def _rewrite(self, line: str) -> None:
        known = "\r\x1b[K" if self._live and self._line else ""
        self.show(known + (line if self._live else line[len(self._line) :]), "steps")
        self._line = line

    def _name(self) -> str:
        width = max(min(46, self.columns - 26), 10)
        name = self._step if len(self._step) < width else f"{self._step[: width - 3]}.."
        return f"  {name:<{width}}"

    def _wrap(self, text: str, indent: int) -> list[str]:
        """Return *text* in lines that fit between *indent* and the edge; no path is broken."""
        width = max(self.columns - indent - 1, 20)
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]

    def _style(self, codes: str, text: str) -> str:
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and codes and text else text
