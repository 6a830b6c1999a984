# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets out of what a module answers: their values, and the parts of URLs that programs repeat."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

#: What is shorter is in every other word: to cross it out everywhere would tell it, and garble the rest.
SHORTEST = 6
_PIECE = 40


def texts(values: Iterable[object]) -> set[str]:
    """Return what must not be told, of the values of secrets."""
    found: set[str] = set()
    for value in map(str, values):
        parts = [value, *value.splitlines()]
        # Of a broker, several URLs can be named.
        for url in value.split(";"):
            parts += _of_url(url)
        parts += [form for part in tuple(parts) for form in _forms(part)]
        parts += [piece for part in tuple(parts) for piece in _pieces(part)]
        found.update(part for part in parts if len(part) >= SHORTEST)
    return found


def _forms(part: str) -> list[str]:
    """Return what programs make of a text when they print it: as Python and JSON, in URLs, in Base64."""
    content = part.encode("utf-8", "surrogateescape")
    return [
        repr(part)[1:-1],
        json.dumps(part)[1:-1],
        json.dumps(part, ensure_ascii=False)[1:-1],
        quote(content),
        quote(content, safe=""),
        quote_plus(content),
        base64.b64encode(content).decode(),
    ]


def _pieces(part: str) -> list[str]:
    """Return a long text in pieces, as a message may be cut in the middle of it.

    All of one length: what is left at the end may be a word that is no secret, such as a database's name.
    """
    if len(part) <= 2 * _PIECE:
        return []
    return [*(part[at : at + _PIECE] for at in range(0, len(part) - _PIECE, _PIECE)), part[-_PIECE:]]


def _of_url(url: str) -> list[str]:
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme:
        return []
    # As it was meant, and as a parser takes it: a password with a / in it ends the host there.
    guessed = rest.rpartition("@")[0].partition(":")[2]
    try:
        parsed = urlsplit(url).password or ""
    except ValueError:
        parsed = ""
    return [url, *(text for word in (guessed, parsed) if word for text in (word, unquote(word)))]


def parameters(module: Any) -> dict[str, Any]:
    """Return the arguments of a module with its secrets, of which the module tells nothing.

    Ansible knows secrets by their values. Short ones would be crossed out in the midst of words, so they are
    taken out of the arguments, which the module repeats in its answer.
    """
    given = dict(module.params)
    secrets: Mapping[str, object] = given.get("secrets") or {}
    module.params["secrets"] = dict.fromkeys(secrets, "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")
    short = {str(value) for value in secrets.values() if len(str(value)) < SHORTEST}
    module.no_log_values = (set(module.no_log_values) - short) | texts(secrets.values())
    return given
