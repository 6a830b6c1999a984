# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of a RabbitMQ are compared, and what is missing is imported."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq import definitions

WANTED = definitions.Wanted(
    vhost="shop",
    user="shop",
    password="pässword/1",  # noqa: S106 - the tests' own
    permissions={"configure": "^c$", "write": "^w$", "read": "^r$"},
    queues="^(celery)$",
    delivery_limit=20,
)
#: What RabbitMQ has brought along, as 3.10 and 4.0 export it.
FRESH: dict[str, Any] = {
    "users": [
        {
            "name": "guest",
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "limits": {},
            "password_hash": "q4vswJZOauc1U3/2TwSu45zkO36vIW1E3idcUy6BC9rY/eEn",
            "tags": ["administrator"],
        }
    ],
    "vhosts": [{"name": "/", "limits": []}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    "policies": [],
    "exchanges": [],
    "queues": [],
    "bindings": [],
}


def salt(size: int) -> bytes:
    """Return no random bytes."""
    return b"salt"[:size]


def merged(found: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return what RabbitMQ exports after an import."""
    return {kind: [*found.get(kind, []), *new.get(kind, [])] for kind in {*found, *new}}


def test_a_real_hash() -> None:
    """The hash that RabbitMQ 4.0 made for its guest."""
    assert definitions.knows(FRESH["users"][0], "guest")
    assert not definitions.knows(FRESH["users"][0], "Guest")


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"hashing_algorithm": "rabbit_password_hashing_sha512", "password_hash": "AAAA"},
        {"hashing_algorithm": "rabbit_password_hashing_sha256", "password_hash": ""},
        {"hashing_algorithm": "rabbit_password_hashing_sha256", "password_hash": "no base64!"},
        {"hashing_algorithm": "rabbit_password_hashing_sha256"},
    ],
)
def test_another_hash(user: dict[str, str]) -> None:
    """What cannot be compared is not the password."""
    assert not definitions.knows(user, "guest")


def test_everything_is_missing_then_nothing() -> None:
    """A fresh server gets all of it once."""
    new = definitions.missing(FRESH, WANTED, salt)
    assert list(new) == ["vhosts", "users", "permissions", "policies", "exchanges", "queues", "bindings"]
    assert definitions.missing(merged(FRESH, new), WANTED, salt) == {}


def test_a_new_password_keeps_the_tags() -> None:
    """Tags and limits of a user are somebody else's."""
    there = merged(FRESH, definitions.missing(FRESH, WANTED, salt))
    there["users"][-1]["tags"] = ["monitoring"]
    there["users"][-1]["password_hash"] = definitions.password_hash("old", b"1234")
    new = definitions.missing(there, WANTED, salt)
    assert list(new) == ["users"]
    assert new["users"][0]["tags"] == ["monitoring"]
    assert definitions.knows(new["users"][0], WANTED.password)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("permissions", {"read": ".*"}),
        ("policies", {"pattern": ".*"}),
        ("queues", {"arguments": {}}),
    ],
)
def test_what_differs_is_imported_anew(kind: str, changed: dict[str, Any]) -> None:
    """Another pattern, another right."""
    there = merged(FRESH, definitions.missing(FRESH, WANTED, salt))
    there[kind][-1].update(changed)
    assert list(definitions.missing(there, WANTED, salt)) == [kind]


def test_no_password_in_the_summary() -> None:
    """What is shown has names only."""
    shown = definitions.summary(definitions.missing(FRESH, WANTED, salt), definitions.strangers(FRESH))
    assert "users: shop" in shown
    assert "removed: guest" in shown
    assert WANTED.password not in shown
    assert definitions.password_hash(WANTED.password, b"salt") not in shown


class Rabbitmqctl:
    """Stands in for the program: notes how it was called."""

    def __init__(self, answer: str = "", status: int = 0) -> None:
        self.answer, self.status = answer, status
        self.calls: list[list[str]] = []
        self.read: list[dict[str, Any]] = []

    def __call__(self, command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        """Read the file of an import as RabbitMQ would."""
        self.calls.append(command)
        if command[2] == "import_definitions":
            file = Path(command[3])
            assert file.stat().st_mode & 0o777 == 0o400
            self.read.append(json.loads(file.read_text()))
        return subprocess.CompletedProcess(command, self.status, self.answer, "what it says")


def test_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said before the definitions is passed over."""
    monkeypatch.setattr(_command, "run", Rabbitmqctl('Exporting …\n{"users": []}'))
    assert definitions.exported() == {"users": []}


@pytest.mark.parametrize("answer", ["", "no definitions", "{broken"])
def test_no_export(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """What is no definitions is an error."""
    monkeypatch.setattr(_command, "run", Rabbitmqctl(answer))
    with pytest.raises(definitions.RabbitError, match="gives no definitions"):
        definitions.exported()


def test_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there for its reader alone, and gone afterwards; no argument holds what it says."""
    program = Rabbitmqctl()
    monkeypatch.setattr(_command, "run", program)
    monkeypatch.setattr(definitions.shutil, "chown", lambda *_arguments: None)
    new = definitions.missing(FRESH, WANTED, salt)
    definitions.import_(new)
    assert program.read == [new]
    (command,) = program.calls
    assert not Path(command[3]).parent.exists()


def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rabbitmqctl says is in the message."""
    monkeypatch.setattr(_command, "run", Rabbitmqctl(status=70))
    with pytest.raises(definitions.RabbitError, match="delete_user ended with status 70: what it says"):
        definitions.remove(["guest"])
