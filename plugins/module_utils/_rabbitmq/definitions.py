# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Celery has in a RabbitMQ, by its definitions: exported, compared, and what is missing imported.

rabbitmqctl takes a password as an argument, for everybody to read in the list of processes; that of
RabbitMQ 4.0 waits for ever on a standard input. The modules of community.rabbitmq call it in the first
way, and want the package requests. Definitions hold the hash of a password, and are read from a file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _command

#: The exchange and the queue of what is refused, or was delivered too often.
DEAD_LETTERS = "dead-letters"
#: RabbitMQ's name of what `password_hash` makes.
_ALGORITHM = "rabbit_password_hashing_sha256"
#: Since version 4, a quorum queue drops what was given back 20 times: so would be a dead letter by being
#: looked at.
_ANY_NUMBER = 2_000_000_000
_SALT = 4
_TIMEOUT = 120


class RabbitError(Exception):
    """RabbitMQ did not do what it was asked for. The text has what it says."""


def password_hash(password: str, salt: bytes) -> str:
    """Return the hash of a password as RabbitMQ keeps it: the salt, and SHA-256 over salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def knows(user: Mapping[str, Any], password: str) -> bool:
    """Tell whether this is the user's password."""
    if user.get("hashing_algorithm") != _ALGORITHM:
        return False
    try:
        salt = base64.b64decode(user.get("password_hash") or "", validate=True)[:_SALT]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(password_hash(password, salt), user.get("password_hash") or "")


@dataclass(frozen=True)
class Wanted:
    """What Celery is to have in a RabbitMQ."""

    vhost: str
    user: str
    password: str
    #: Regular expressions for what the user may ``configure``, ``write`` and ``read``.
    permissions: Mapping[str, str]
    #: A regular expression for the queues of the tasks.
    queues: str
    #: How often a message is delivered that comes back because its worker was lost.
    delivery_limit: int


def wanted_of(account: Mapping[str, Any]) -> Wanted:
    """Return what Celery is to have, from the options of a module."""
    given = dict(account)
    return Wanted(queues=given.pop("queue_pattern"), **given)


def complete(account: Mapping[str, Any]) -> bool:
    """Tell whether the RabbitMQ of this host has all that Celery is to have, and no user of everybody's."""
    try:
        found = exported()
    except RabbitError:
        return False
    return not missing(found, wanted_of(account)) and not strangers(found)


def missing(
    found: Mapping[str, Any], wanted: Wanted, salt: Callable[[int], bytes] = os.urandom
) -> dict[str, list[dict[str, Any]]]:
    """Return the definitions that are to be imported; empty if all is there. What is there besides stays.

    Args:
        found: the definitions that RabbitMQ has exported.
        wanted: what is to be there.
        salt: what makes so many bytes.
    """
    result: dict[str, list[dict[str, Any]]] = {}
    for kind, entry in _definitions(found, wanted, salt):
        if not any(entry.items() <= old.items() for old in found.get(kind) or []):
            result.setdefault(kind, []).append(entry)
    return result


def _definitions(
    found: Mapping[str, Any], wanted: Wanted, salt: Callable[[int], bytes]
) -> Iterator[tuple[str, dict[str, Any]]]:
    there = next((user for user in found.get("users") or [] if user["name"] == wanted.user), None)
    if there is None or not knows(there, wanted.password):
        # Tags and limits are somebody else's: they stay.
        there = {
            "tags": [],
            "limits": {},
            **(there or {}),
            "name": wanted.user,
            "password_hash": password_hash(wanted.password, salt(_SALT)),
            "hashing_algorithm": _ALGORITHM,
        }
    lasting = {"name": DEAD_LETTERS, "vhost": wanted.vhost, "durable": True, "auto_delete": False}
    policy = {"vhost": wanted.vhost, "apply-to": "queues", "priority": 0}
    yield "vhosts", {"name": wanted.vhost}
    yield "users", there
    yield "permissions", {"user": wanted.user, "vhost": wanted.vhost, **wanted.permissions}
    yield (
        "policies",
        {
            **policy,
            "name": "celeriac-tasks",
            "pattern": wanted.queues,
            "definition": {
                "delivery-limit": wanted.delivery_limit,
                "dead-letter-exchange": DEAD_LETTERS,
                # At all costs: the queue that a dead letter comes from holds it until it has arrived.
                "dead-letter-strategy": "at-least-once",
                "overflow": "reject-publish",
            },
        },
    )
    yield (
        "policies",
        {
            **policy,
            "name": "celeriac-dead-letters",
            "pattern": f"^{DEAD_LETTERS}$",
            "definition": {"delivery-limit": _ANY_NUMBER},
        },
    )
    yield "exchanges", {**lasting, "type": "fanout", "arguments": {}}
    yield "queues", {**lasting, "arguments": {"x-queue-type": "quorum"}}
    yield (
        "bindings",
        {
            "vhost": wanted.vhost,
            "source": DEAD_LETTERS,
            "destination": DEAD_LETTERS,
            "destination_type": "queue",
            "routing_key": "",
            "arguments": {},
        },
    )


def summary(definitions: Mapping[str, list[dict[str, Any]]], removed: Sequence[str]) -> str:
    """Return what is imported and removed, without secrets, for a diff."""
    lines = [
        f"{kind}: {entry.get('name') or entry.get('user') or entry['source']}"
        for kind, entries in definitions.items()
        for entry in entries
    ]
    return "".join(f"{line}\n" for line in [*lines, *(f"removed: {user}" for user in removed)])


def strangers(found: Mapping[str, Any]) -> list[str]:
    """Return the users that RabbitMQ brings along, and whose passwords everybody knows."""
    return [user["name"] for user in found.get("users") or [] if user["name"] == "guest"]


def remove(users: Sequence[str]) -> None:
    """Remove users from the RabbitMQ of this host.

    Raises:
        RabbitError: it refuses.
    """
    for user in users:
        _rabbitmqctl("delete_user", user)


def exported() -> dict[str, Any]:
    """Return the definitions of the RabbitMQ of this host.

    Raises:
        RabbitError: it does not answer.
    """
    text = _rabbitmqctl("export_definitions", "-")
    try:
        # What rabbitmqctl says besides comes before it.
        definitions: dict[str, Any] = json.loads(text[text.index("{") :])
    except ValueError:
        raise RabbitError(f"rabbitmqctl export_definitions gives no definitions: {text[:200]!r}") from None
    return definitions


def import_(definitions: Mapping[str, Any]) -> None:
    """Have the RabbitMQ of this host take definitions.

    Raises:
        RabbitError: it refuses them.
    """
    folder = tempfile.mkdtemp(prefix="celeriac-")  # root's alone
    try:
        path = os.path.join(folder, "definitions.json")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
            json.dump(definitions, file)
        # rabbitmqctl reads it as the user rabbitmq, who sees this one file and no other name.
        shutil.chown(path, "rabbitmq", "rabbitmq")
        os.chmod(folder, 0o711)  # noqa: S103 - a folder with one file, whose reader is its owner
        _rabbitmqctl("import_definitions", path)
    finally:
        shutil.rmtree(folder)


def _rabbitmqctl(*arguments: str) -> str:
    try:
        done = _command.run(["rabbitmqctl", "--quiet", *arguments], stdin=_command.NO_INPUT, timeout=_TIMEOUT)
    except OSError as error:
        raise RabbitError(f"rabbitmqctl cannot be started: {error}.") from None
    except _command.TimeoutExpired:
        raise RabbitError(f"rabbitmqctl {arguments[0]} has not answered for {_TIMEOUT} s.") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise RabbitError(f"rabbitmqctl {arguments[0]} ended with status {done.returncode}: {said}")
    return done.stdout
