# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and their parts are told by nobody, and short ones garble nothing."""

from __future__ import annotations

from types import SimpleNamespace

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


def test_short_secrets_are_in_no_answer_and_garble_none() -> None:
    secrets = {"DEBUG": "1", "KEY": "a-long-secret"}
    module = SimpleNamespace(
        params={"secrets": secrets, "base": "/srv/shop1"}, no_log_values={"1", "a-long-secret"}
    )
    assert censor.parameters(module) == {"secrets": secrets, "base": "/srv/shop1"}
    assert module.no_log_values == {"a-long-secret"}
    assert "1" not in str(module.params["secrets"])
