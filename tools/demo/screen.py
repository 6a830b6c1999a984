"""What the demo shows: steps while they run, proofs, errors; on a terminal, in a pipe, with and without colour."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

#: The widest that anything gets, however wide the terminal is.
_WIDEST = 100
#: A step is shown once it has run for this many seconds: one that turns out to be skipped never is.
_PATIENCE = 0.3


class Screen:
    """Writes to a terminal or to anything else."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        environ = os.environ
        terminal = out.isatty() and environ.get("TERM", "dumb") != "dumb"
        self.colour = terminal and not environ.get("NO_COLOR")
        self.columns = min(shutil.get_terminal_size().columns, _WIDEST)
        locale = next(filter(None, map(environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
        self._marks = terminal and "UTF" in locale.upper() and environ["TERM"] != "linux"
        #: Whether a line can be written again.
        self._live = terminal
        self._step = ""
        self._started = 0.0
        #: What stands on the last line, which is not ended yet.
        self._shown = ""

    def style(self, codes: str, text: str) -> str:
        """Return *text* in a style, where there are styles."""
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and text else text

    def say(self, text: str = "", codes: str = "") -> None:
        """Write paragraphs, wrapped."""
        self._clear()
        for line in text.splitlines() or [""]:
            indent = line[: len(line) - len(line.lstrip())]
            wrapped = self.wrap(line.strip(), len(indent))
            self._write("\n".join(indent + self.style(codes, part) for part in wrapped) + "\n")

    def wrap(self, text: str, indent: int) -> list[str]:
        """Return *text* in lines that fit; a path is never broken."""
        width = max(self.columns - indent - 1, 24)
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]

    def begin(self, step: str) -> None:
        """A step begins; :meth:`tick` shows it."""
        self._step, self._started = step, time.monotonic()

    def tick(self) -> None:
        """Show the step that runs, and how long it does."""
        seconds = time.monotonic() - self._started
        if not self._step or seconds < _PATIENCE:
            return
        if self._live:
            line = f"{self._name()}{int(seconds):>4} s"
            if line != self._shown:
                self._write(f"\r\x1b[K{line}")
                self._shown = line
        elif not self._shown:
            self._shown = self._name()
            self._write(self._shown)

    def end(self, result: str, codes: str = "") -> None:
        """The step is over, and its line with it; without a *result* there was nothing to do."""
        seconds = time.monotonic() - self._started
        if result or (self._shown and not self._live):
            line = f"{self._name()}{seconds:>6.1f} s  "
            start = f"\r\x1b[K{line}" if self._live else line[len(self._shown) :]
            self._write(f"{start}{self.style(codes, result)}".rstrip() + "\n")
            self._shown = ""
        else:
            self._clear()
        self._step = ""

    def proofs(self, proofs: Iterable[Mapping[str, Any]]) -> None:
        """Write the table of proofs."""
        rows = list(proofs)
        good, bad = ("✓", "✗") if self._marks else ("ok    ", "FAILED")
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            mark = self.style("32", good) if row["ok"] else self.style("31", bad)
            indent = 2 + len(good) + 2 + width + 2
            detail = f"\n{'':{indent}}".join(self.wrap(row["detail"], indent))
            self._write(f"  {mark}  {row['name']:<{width}}  {detail}".rstrip() + "\n")

    def raw(self, text: str) -> None:
        """Write text as it is."""
        self._clear()
        self._write(text)

    def _name(self) -> str:
        width = max(min(46, self.columns - 23), 12)
        name = self._step if len(self._step) <= width else f"{self._step[: width - 1]}."
        return f"  {name:<{width}}"

    def _clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K" if self._live else "\n")
            self._shown = ""

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
