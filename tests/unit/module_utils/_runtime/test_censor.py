# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and their parts are told by nobody, and short ones garble nothing."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ("canary-1234", {"canary-1234"}),
        ("1", set()),
        ("redis://shop:pass%2Fword@host:6379/0", {"pass%2Fword", "pass/word"}),
        ("postgres://shop:pa/ss#wo@rd@host/db", {"pa/ss#wo@rd"}),
        ("amqp://a:password-1@one//;amqp://a:password-2@two//", {"password-1", "password-2"}),
        ("redis://[:password-1@", {"password-1"}),
        ("line number one\nline number two", {"line number one", "line number two"}),
    ],
)
def test_a_secret_and_its_parts_are_hidden(value: str, hidden: set[str]) -> None:
    found = censor.texts([value])
    assert hidden <= found
    assert (value in found) == (len(value) >= censor.SHORTEST)


PRINTABLE = "canary " + "".join(map(chr, range(32, 127))) + ' äß\n and "two" lines'


@pytest.mark.parametrize(
    "told",
    [
        repr({"KEY": PRINTABLE}),
        json.dumps({"KEY": PRINTABLE}),
        json.dumps({"KEY": PRINTABLE}, ensure_ascii=False),
        f"https://host/?key={quote(PRINTABLE)}",
        f"https://host/?key={quote_plus(PRINTABLE)}",
        f"Authorization: Basic {base64.b64encode(PRINTABLE.encode()).decode()}",
        f"ValueError: {PRINTABLE}",
        PRINTABLE.replace("\n", " / "),
    ],
)
def test_a_secret_is_hidden_however_it_is_printed(told: str) -> None:
    for text in sorted(censor.texts([PRINTABLE]), key=len, reverse=True):
        told = told.replace(text, "********")
    assert "canary" not in told
    assert base64.b64encode(b"canary").decode()[:6] not in told


@pytest.mark.parametrize("cut", [100, 3000])
def test_a_long_secret_is_hidden_where_a_message_is_cut(cut: int) -> None:
    secret = "".join(f"{number:04}," for number in range(2000))
    told = f"ValueError: {secret}"[:cut]
    for text in sorted(censor.texts([secret]), key=len, reverse=True):
        told = told.replace(text, "********")
    assert sum(map(str.isdigit, told)) < 40


def test_short_secrets_are_in_no_answer_and_garble_none() -> None:
    secrets = {"DEBUG": "1", "KEY": "a-long-secret"}
    module = SimpleNamespace(
        params={"secrets": secrets, "base": "/srv/shop1"}, no_log_values={"1", "a-long-secret"}
    )
    assert censor.parameters(module) == {"secrets": secrets, "base": "/srv/shop1"}
    assert "a-long-secret" in module.no_log_values
    assert "1" not in module.no_log_values
    assert "1" not in str(module.params["secrets"])


@pytest.mark.parametrize("length", range(20, 60))
def test_the_name_of_a_database_is_no_secret(length: int) -> None:
    """However long its URL is: the end of it is no word to be crossed out."""
    url = f"postgres://mysite:{'x' * length}@localhost:5432/mysite"
    assert not any(len(text) < 20 and text in "mysite@localhost:5432/mysite" for text in censor.texts([url]))
