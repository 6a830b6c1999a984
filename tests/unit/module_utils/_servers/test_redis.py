# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of a user mean the same however the server writes them, and nothing else does."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._servers import redis

DIGEST = "#42e6f00d800641206bd4c63924542b8b3cbe1195a416ce038f8e0842dc6f6735"
WANTED = (
    f"user shop reset on {DIGEST} &shop:* &shop:/0.celeryev/* ~shop:* -@all +ping +get +client|setname "
    "+multi +exec +discard +watch +unwatch"
)
#: As Redis 7.0 and 8.0 tell it.
OLD = (
    f"user shop on sanitize-payload {DIGEST} ~shop:* resetchannels &shop:* &shop:/0.celeryev/* "
    "-@all +@transaction +get +client|setname +ping"
)
NEW = (
    f"user shop on sanitize-payload {DIGEST} ~shop:* resetchannels &shop:* &shop:/0.celeryev/* "
    "-@all +ping +get +client|setname +multi +exec +discard +watch +unwatch"
)
TRANSACTION = ["unwatch", "discard", "exec", "watch", "multi"]


def category(name: str) -> Sequence[str]:
    """Return the commands of the one category that is known here."""
    return TRANSACTION if name == "transaction" else []


@pytest.mark.parametrize("found", [OLD, NEW])
def test_the_same_rights_are_the_same(found: str) -> None:
    assert redis.same_rules(WANTED, found, category)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("user shop", "user blog"),
        (" on ", " off "),
        (DIGEST, "#00"),
        (DIGEST, f"{DIGEST} #00"),
        ("~shop:*", "~*"),
        ("&shop:* ", ""),
        (" +get", ""),
        (" +get", " +get +flushall"),
        ("-@all", "+@all"),
        (" +exec", " +exec -exec"),
    ],
)
def test_other_rights_are_others(old: str, new: str) -> None:
    changed = NEW.replace(old, new)
    assert changed != NEW
    assert not redis.same_rules(WANTED, changed, category)


@pytest.fixture
def places(tmp_path: Path) -> redis.Places:
    """The configuration of a server that is as it should be."""
    parts = tmp_path / "celeriac.d"
    (parts / "tls").mkdir(parents=True)
    found = redis.Places(
        tmp_path / "redis.conf", tmp_path / "celeriac.conf", parts, tmp_path / "pid", parts / "user-shop.conf"
    )
    found.file.write_text(f"port 6379\n# requirepass no\ninclude {found.added}\n")
    found.added.touch()
    found.pid.touch()
    (parts / "admin.conf").write_text("requirepass secret\n")
    found.user.write_text(f"# By us.\n{WANTED}\n")
    return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the client was given: a server with the user answers it."""
    given: list[str] = []

    def run(command: Any, **options: Any) -> Any:
        given.append(options["input"])
        answers = {
            "PING": "PONG",
            "ACL LIST": f"user default on\n{OLD}",
            "ACL CAT transaction": "\n".join(TRANSACTION),
        }
        lines = [answers.get(line, "OK") for line in options["input"].splitlines()]
        return subprocess.CompletedProcess(command, 0, "\n".join(lines), "")

    monkeypatch.setattr(_command, "run", run)
    return given


def test_a_server_that_is_as_it_should_be(places: redis.Places, told: list[str]) -> None:
    assert redis.look(places, ["redis-cli"], tls=False) == redis.State(
        outdated=False,
        aclfile=False,
        included=True,
        administrator=True,
        answers=True,
        knows_user=True,
        certified=True,
    )
    assert told[0] == "AUTH secret\nPING\nACL LIST\n"


def test_what_is_missing_is_told(places: redis.Places, told: list[str]) -> None:
    places.file.write_text("aclfile /etc/redis/users.acl\n")
    (places.parts / "admin.conf").unlink()
    places.user.write_text(WANTED.replace("+get", "+get +set"))
    found = redis.look(places, ["redis-cli"], tls=False)
    assert found.aclfile
    assert not any((found.included, found.administrator, found.knows_user))
    assert told[0].startswith("PING")


def test_a_server_that_is_not_there_answers_nothing(places: redis.Places) -> None:
    found = redis.look(places, ["/no/such/client"], tls=False)
    assert not found.answers
    assert not found.knows_user
