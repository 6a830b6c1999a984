# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis or Valkey of this host is configured to do, and whether it does so as it runs.

It is asked by its own client, as its administrator: the password goes from its configuration to the client's
standard input, and stands in no argument, no environment and no answer.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import _command

_TIMEOUT = 10
_PASSWORD = re.compile(r"^\s*requirepass\s+(.*\S)", re.MULTILINE)
_ACL_FILE = re.compile(r"^\s*aclfile\s", re.MULTILINE)
#: What the server says, or leaves out, of each user, whatever was asked for.
_ALWAYS = {"reset", "sanitize-payload", "resetchannels"}


@dataclass(frozen=True)
class Places:
    """Where a server has its configuration."""

    #: Its own file, and the one that the role adds to it.
    file: Path
    added: Path
    #: The folder of the parts of the added one.
    parts: Path
    pid: Path
    #: The file with the rules of the project's user.
    user: Path


@dataclass(frozen=True)
class State:
    """What a server has, and does."""

    #: Whether the file of the role was written since it has started.
    outdated: bool
    #: Whether it keeps its users in a file of its own.
    aclfile: bool
    #: Whether it reads the file of the role.
    included: bool
    #: Whether its administrator has a password.
    administrator: bool
    #: Whether it answers its administrator, and knows the project's user as the file has it.
    answers: bool
    knows_user: bool
    #: Whether it shows the certificate that it was given; true without TLS.
    certified: bool


def look(places: Places, client: Sequence[str], tls: bool) -> State:
    """Look at a server.

    Args:
        places: where its configuration is.
        client: its client, with what TLS takes.
        tls: whether it is to serve nothing without it.
    """
    own, admin = _text(places.file), _text(places.parts / "admin.conf")
    passwords = _PASSWORD.findall(own) + _PASSWORD.findall(admin)

    def ask(*commands: str) -> list[str]:
        return _ask(client, passwords[-1] if passwords else "", commands)

    told = ask("PING", "ACL LIST")
    return State(
        outdated=_newer(places.added, places.pid),
        aclfile=bool(_ACL_FILE.search(own)),
        included=f"include {places.added}" in own.splitlines(),
        administrator=bool(passwords),
        answers="PONG" in told,
        knows_user=_knows(_rules(_text(places.user)), told, lambda name: ask(f"ACL CAT {name}")),
        certified=not tls or _shown() == _first(places.parts / "tls/certificate.pem"),
    )


def _knows(wanted: str, told: Sequence[str], category: Callable[[str], list[str]]) -> bool:
    user = wanted.split()[:2]
    found = next((line for line in told if user and line.split()[:2] == user), "")
    return bool(found) and same_rules(wanted, found, category)


def same_rules(wanted: str, found: str, category: Callable[[str], Sequence[str]]) -> bool:
    """Tell whether two lines give the same user the same rights, as configuration and as ``ACL LIST``.

    Args:
        wanted: the line of the configuration.
        found: that of the server. Redis 7.0 computes it anew, with categories for commands.
        category: tells which commands are in one.
    """
    known: dict[str, Sequence[str]] = {}

    def commands(name: str) -> Sequence[str]:
        if name not in known:
            known[name] = category(name)
        return known[name]

    return _meaning(wanted, commands) == _meaning(found, commands)


def _meaning(line: str, category: Callable[[str], Sequence[str]]) -> tuple[list[str], set[str], set[str]]:
    """Return the user, what it may besides commands, and the commands."""
    words = [word for word in line.split() if word not in _ALWAYS]
    allowed: set[str] = set()
    for word in words[2:]:
        if word == "-@all":
            allowed.clear()
        elif word == "+@all":
            allowed = {word}
        elif word[:1] in "+-":
            named = category(word[2:]) if word[1:2] == "@" else [word[1:]]
            allowed = allowed.union(named) if word[0] == "+" else allowed.difference(named)
    return words[:2], {word for word in words[2:] if word[:1] not in "+-"}, allowed


def _rules(text: str) -> str:
    return next((line for line in text.splitlines() if line.startswith("user ")), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _newer(file: Path, other: Path) -> bool:
    try:
        return file.stat().st_mtime > other.stat().st_mtime
    except OSError:
        return False


def _ask(client: Sequence[str], password: str, commands: Sequence[str]) -> list[str]:
    """Return the lines of all answers; none if it cannot be asked."""
    lines = [f"AUTH {password}"] if password else []
    try:
        done = _command.run(client, input="\n".join([*lines, *commands, ""]), timeout=_TIMEOUT)
    except (OSError, _command.TimeoutExpired):
        return []
    # The first line is what it says of the password.
    return done.stdout.splitlines()[len(lines) :]


def _shown() -> bytes:
    """Return the certificate that the server shows, empty without an answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Which one it shows is the question, not whose it is.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", 6379), _TIMEOUT) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""
    return b""


def _first(file: Path) -> bytes:
    """Return the first certificate of a PEM file; nothing that a server shows if there is none."""
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    text = _text(file)
    try:
        return ssl.PEM_cert_to_DER_cert(text[text.index(begin) : text.index(end) + len(end)])
    except ValueError:
        return b"none"
