# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of all hosts tell before any host is touched: slips, placeholders, open servers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

#: As .env.example and the example of the vault write it, alone or within a URL.
_PLACEHOLDER = re.compile(r"_your_key_here|change[-_]?me", re.IGNORECASE)
#: A server that anybody can reach is tried with all shorter ones.
SHORTEST = 8

#: The variables of a role, each with its type and more.
Specs = Mapping[str, Mapping[str, Any]]

#: The servers that the inventory sets up: group to what names another server instead, and its passwords.
_SERVERS = {
    "celery_broker": ("celery_broker_url", "celery_broker_password", ("celery_broker_admin_password",)),
    "celery_database": ("", "celery_database_password", ()),
}
#: What may hold a secret in other ways, as a text or by name.
_SECRETS = (
    "celery_broker_url",
    "celery_broker_sentinel_password",
    "celery_broker_cookie",
    "celery_result_backend",
    "celery_secrets",
)


@dataclass
class Look:
    """What there is to say, each text once, with the hosts that it is about."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)

    def told(self, texts: Mapping[str, Sequence[str]], hosts: Sequence[str]) -> list[str]:
        """Return texts for a screen; the hosts are named where it is not all of them."""
        return [
            text if list(about) == list(hosts) else f"{', '.join(about)}: {text}"
            for text, about in texts.items()
        ]


def look(
    variables: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    specs: Mapping[str, Specs],
) -> Look:
    """Look at the variables of each host.

    Args:
        variables: host to its variables, those that begin with ``celery_``.
        groups: the inventory's groups, name to hosts.
        specs: role to the specifications of its variables.
    """
    found = Look()
    known = {name for options in specs.values() for name in options}
    for host, own in variables.items():
        for text in [*_misspelt(host, own, groups, specs), *_wrong(own, groups)]:
            found.errors.setdefault(text, []).append(host)
        for text in [*_unknown(own, known), *_open(host, own, groups)]:
            found.warnings.setdefault(text, []).append(host)
    return found


def _misspelt(
    host: str, own: Mapping[str, Any], groups: Mapping[str, Sequence[str]], specs: Mapping[str, Specs]
) -> list[str]:
    """Return what is of another type than specified, or none of the choices, or has a key too many."""
    texts = []
    for role, options in specs.items():
        if role == "celery_init" or (role in _SERVERS and host not in groups.get(role, ())):
            continue
        given = {name: own[name] for name in options if own.get(name) is not None}
        for name, value in given.items():
            # One at a time: no error takes another one's place. What is required says so elsewhere.
            result = ArgumentSpecValidator({name: {**options[name], "required": False}}).validate(
                {name: value}
            )
            keys = sorted(path[-1] for path in result.unsupported_parameters)
            if keys:
                texts.append(f"{name}: {_no_key(keys[0], options[name])}")
            elif result.error_messages and options[name].get("no_log"):
                texts.append(f"{name} has to be of the type {options[name]['type']}.")
            elif result.error_messages:
                texts.append(f"{name}: {result.error_messages[0]}.")
    return list(dict.fromkeys(texts))


def _no_key(key: str, spec: Mapping[str, Any]) -> str:
    known = list(spec.get("options") or {})
    near = difflib.get_close_matches(key, known, 1)
    advice = f"; is {near[0]} meant?" if near else f". There are {', '.join(known)}."
    return f"there is no key {key}{advice}"


def _wrong(own: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> list[str]:
    texts = []
    for group, (elsewhere, password, others) in _SERVERS.items():
        if not groups.get(group) or (elsewhere and own.get(elsewhere)):
            continue
        if not _text(own.get(password)):
            texts.append(
                f"{password} is missing or empty, and the group {group} sets up a server that has it. Set it "
                "for all hosts, in a file encrypted with ansible-vault, such as group_vars/all/vault.yml."
            )
        texts += [
            text
            for name in (password, *others)
            if _text(own.get(name)) and (text := _bad_password(name, _text(own[name])))
        ]
    for name in _SECRETS:
        value = own.get(name)
        entries = value.items() if isinstance(value, Mapping) else [("", value)]
        texts += [
            f"{name}{f'.{key}' if key else ''} is still a placeholder, as the example has it. Put the value "
            "into the vault (ansible-vault edit), and run this again."
            for key, text in entries
            if _PLACEHOLDER.search(_text(text))
        ]
    return texts


def _bad_password(name: str, password: str) -> str:
    how = "Put one of your own into the vault: openssl rand -hex 32."
    if _PLACEHOLDER.search(password):
        return f"{name} is still a placeholder, and would be the password of a server. {how}"
    if len(password) < SHORTEST:
        return f"{name} has less than {SHORTEST} characters, and would be the password of a server. {how}"
    return ""


def _unknown(own: Mapping[str, Any], known: Collection[str]) -> list[str]:
    texts = []
    for name in own:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 1, 0.75)
        advice = (
            f". Is {near[0]} meant?" if near else "; ansible-doc -t role celeriac.django.celery lists them."
        )
        texts.append(f"{name} is no variable of this collection, and is ignored{advice}")
    return texts


def _open(host: str, own: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Tell of servers that anybody can talk to who reaches the host, and that talk in the clear."""
    texts = []
    for group, (elsewhere, _password, _others) in _SERVERS.items():
        address, tls = _text(own.get(f"{group}_address")), own.get(f"{group}_tls", False)
        serves = host in groups.get(group, ()) and not (elsewhere and own.get(elsewhere))
        # Without an address, it listens on those that its clients use.
        limited = re.match(r"\Z|[0-9.]+\Z|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\Z|localhost\Z", address)
        if serves and not limited and str(tls).lower() not in ("true", "yes", "1", "on"):
            texts.append(
                f"{group}_address is a name, so the server listens on all addresses of {host}, and passwords "
                "and data cross the network in the clear. Set it to an IP address, or set "
                f"{group}_tls, and have a firewall in front of it."
            )
    return texts


def _text(value: Any) -> str:
    return "" if value is None else str(value)
