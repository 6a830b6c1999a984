# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `make demo` in a terminal of its own, and draws what it shows: docs/images/demo.svg.

The picture plays once and stays at its end; what cannot play it, shows the end. Waiting is cut
short in it, the seconds that it shows are the real ones. It needs no font and nothing else from
outside, and its dark window suits pages of any colour.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/images/demo.svg"
COMMAND = ["make", "demo"]
COLUMNS = 90

#: Pixels: a character, a line, the margin, the title bar.
WIDTH, HEIGHT, MARGIN, BAR = 8.4, 19, 18, 34
#: The longest that the picture stands still, in seconds.
PAUSE = 0.15
#: SGR codes that `make demo` uses, as classes.
CLASSES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y"}

STYLE = """
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;\
fill:#d1d7e0;white-space:pre}
.b{font-weight:bold;fill:#f0f6fc}.d{fill:#9198a1}.r{fill:#f85149}.g{fill:#3fb950}.y{fill:#d29922}
.f{animation:f 1ms backwards}.t{opacity:0;animation:t 1s linear}
@keyframes f{from{opacity:0}}@keyframes t{from,to{opacity:1}}
@media(prefers-reduced-motion){g{animation:none!important}}
"""


@dataclass
class Row:
    """A line of the terminal: what stood on it, and from when on."""

    states: list[tuple[float, str]] = field(default_factory=list)

    def put(self, at: float, text: str) -> None:
        """Note what stands there now."""
        if self.states and self.states[-1][0] == at:
            self.states.pop()
        if text != (self.states[-1][1] if self.states else ""):
            self.states.append((at, text))


def record(command: list[str]) -> list[tuple[float, str]]:
    """Run a command at a terminal; return what it wrote, and when."""
    left_out = ("MAKE", "MFLAGS", "NO_COLOR", "PROJECT", "IN_PLACE", "FRESH", "SETTINGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    terminal, end = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
    )
    os.close(end)
    written = []
    rest = b""
    while True:
        try:
            rest += os.read(terminal, 65536)
        except OSError:
            # The last one that wrote there has ended.
            break
        sys.stdout.buffer.write(rest)
        sys.stdout.flush()
        # A chunk may end inside a character.
        text = rest.decode("utf-8", "ignore")
        rest = rest[len(text.encode()) :]
        # As somebody in the clone types it.
        written.append((time.monotonic(), text.replace(f"{ROOT}/", "")))
    if process.wait():
        sys.exit(f"{' '.join(command)} ended with status {process.returncode}: no picture is drawn")
    return written


def shorten(written: Iterable[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Begin at second 1, and stand still nowhere for longer than a pause."""
    before, at = None, 1.0
    for moment, text in written:
        at += min(moment - before, PAUSE) if before is not None else 0
        before = moment
        yield round(at, 2), text


def rows(written: Iterable[tuple[float, str]]) -> list[Row]:
    """Return the lines of the terminal, after the one with the command."""
    lines = [Row()]
    current = ""
    for at, text in written:
        for part in re.findall(r"\r\x1b\[K|\r?\n|[^\r\n]+|\r", text):
            if part == "\r\x1b[K":
                current = ""
            elif part.endswith("\n"):
                lines[-1].put(at, current)
                lines.append(Row())
                current = ""
            else:
                current += part
        lines[-1].put(at, current)
    while not lines[-1].states:
        lines.pop()
    return lines


def spans(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield column, class and text of each piece of a line that stands together."""
    column, style = 0, ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", text):
        if part.startswith("\x1b"):
            style = CLASSES.get(part[2:-1].split(";")[-1], "")
            continue
        for word in re.finditer(r"\S+(?: \S+)*", part):
            yield column + word.start(), style, word.group()
        column += len(part)


def _text(column: int, style: str, piece: str, y: int) -> str:
    named = f' class="{style}"' if style else ""
    place = f'x="{MARGIN + column * WIDTH:g}" y="{y}" textLength="{len(piece) * WIDTH:g}"'
    return f"<text{named} {place}>{escape(piece)}</text>"


def draw(lines: list[Row]) -> str:
    """Return the picture."""
    width, height = COLUMNS * WIDTH + 2 * MARGIN, BAR + len(lines) * HEIGHT + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" '
        f'width="{width:g}" height="{height}" role="img">',
        "<title>make demo, in a terminal</title>",
        f"<style>{STYLE}</style>",
        f'<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1}" rx="9" fill="#151b23" '
        'stroke="#3d444d"/>',
        *(f'<circle cx="{x}" cy="18" r="5.5" fill="#3d444d"/>' for x in (20, 38, 56)),
        f'<text class="d" x="{width / 2:g}" y="23" text-anchor="middle">~/celeriac.django</text>',
    ]
    for number, row in enumerate(lines):
        y = BAR + number * HEIGHT + 16
        ends: list[float | None] = [at for at, _now in row.states[1:]]
        for (at, text), end in zip(row.states, [*ends, None], strict=False):
            texts = "".join(_text(*span, y) for span in spans(text))
            kind = "f" if end is None else "t"
            how = f"animation-delay:{at:g}s"
            if end is not None:
                how += f";animation-duration:{end - at:.2f}s"
            if texts:
                parts.append(f'<g class="{kind}" style="{how}">{texts}</g>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Record a first run, and write the picture."""
    for left in (ROOT / ".demo/shop", ROOT / ".demo/shop.json"):
        if left.is_dir():
            shutil.rmtree(left)
        left.unlink(missing_ok=True)
    lines = rows(shorten(record(COMMAND)))
    prompt = Row([(0, f"\x1b[32m$\x1b[0m {' '.join(COMMAND)}")])
    picture = draw([prompt, Row(), *lines])
    for private in (str(ROOT), str(Path.home())):
        if private in picture:
            sys.exit(f"{private} is in the picture, which is not written")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture, encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(picture.encode()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
