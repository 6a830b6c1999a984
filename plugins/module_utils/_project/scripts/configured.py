# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings and the environment say that cannot be meant. No value of them is ever told."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

from .answers import Verdict, listed
from .preflight import broker_patience, problems_of

#: What people write into an example for somebody to replace.
_PLACEHOLDER = re.compile(
    r"(change|replace|fill)[-_ ]?(me|this|it|in)\b.*|to[-_ ]?do\b.*|<[^<>]*>|\$\{[^{}]*\}|your[-_ ].*"
    r"|.*_your_key_here|x{3,}|\.{3}|placeholder|insert[-_ ].*",
    re.IGNORECASE | re.DOTALL,
)
#: Settings whose value is for nobody to read.
_SECRET = re.compile(r"(SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|TOKEN)", re.IGNORECASE)
#: And those that only look so.
_NOT_SECRET = re.compile(
    r"(VALIDATORS|HASHERS|_(URL|NAME|HEADER|TIMEOUT|AGE|PATH|FIELD|CLASS)$)", re.IGNORECASE
)
#: A shorter one is no secret, and would be found anywhere.
_SHORTEST = 6


def variables(wanted: Mapping[str, str], names: Iterable[str], environment: Mapping[str, str]) -> Verdict:
    """See that each variable is there, and is not the one of an example.

    Args:
        wanted: those that the settings have no default for: name to place.
        names: those that the inventory gives besides.
        environment: what the processes have.
    """
    missing = [
        f"{name} is missing, which {place} wants" for name, place in wanted.items() if name not in environment
    ]
    known = sorted({*wanted, *names} & set(environment))
    left = [
        f"{name} is still a placeholder{f' ({wanted[name]})' if name in wanted else ''}"
        for name in known
        if is_placeholder(environment[name])
    ]
    return Verdict(not (missing or left), "; ".join([*missing, *left]) or f"{len(known)} are set")


def is_placeholder(value: str) -> bool:
    """Tell whether somebody has still to write the value, or the password of the URL that it is."""
    text = value.strip()
    if _PLACEHOLDER.fullmatch(text):
        return True
    return bool("://" in text and (password := password_of(text)) and _PLACEHOLDER.fullmatch(password))


def password_of(url: str) -> str:
    """Return the password of a URL, empty where it has none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def secrets(settings: Any, files: Sequence[str], environment: Mapping[str, str]) -> Verdict:
    """Look for secrets that production uses, and that stand in the source.

    Args:
        settings: Django's.
        files: the files that they are made of.
        environment: what the processes have: what comes from there is no fault.
    """
    given = set(environment.values())
    effective = {value: name for name, value in of_settings(settings) if value not in given}
    found = sorted({f"{place} has {name}" for place, name in literals(files, effective)})
    if not found:
        return Verdict(True, f"none in {len(files)} files of the settings")
    return Verdict(True, listed(found), warns=True)


def of_settings(settings: Any) -> Iterator[tuple[str, str]]:
    """Yield what is secret of the settings, each with the name of its setting."""
    for name in dir(settings):
        if not name.isupper():
            continue
        value = getattr(settings, name)
        if _SECRET.search(name) and not _NOT_SECRET.search(name):
            values = value if isinstance(value, (list, tuple)) else [value]
            yield from ((name, one) for one in values if _is_secret(one))
        elif isinstance(value, str) and "://" in value and _is_secret(password_of(value)):
            yield name, password_of(value)
    for alias, database in settings.DATABASES.items():
        if _is_secret(database.get("PASSWORD")):
            yield f"DATABASES[{alias!r}]", database["PASSWORD"]


def _is_secret(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST


def literals(files: Sequence[str], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the places at which a text of the source has one of the values, and the name that it has."""
    for file in files if values else ():
        try:
            with open(file, encoding="utf-8") as source:
                tree = ast.parse(source.read())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for value, name in values.items():
                    if value == node.value or (value in node.value and "://" in node.value):
                        yield f"{os.path.relpath(file)}:{node.lineno}", name


def files_of_settings(module: str) -> list[str]:
    """Return the files of the project that its settings are made of: the module, and what is beside it."""
    parent = module.rpartition(".")[0]
    here, installed = os.getcwd() + os.sep, sys.prefix + os.sep
    found = set()
    for name, loaded in list(sys.modules.items()):
        file = getattr(loaded, "__file__", None) or ""
        beside = parent and "settings" in parent.rpartition(".")[2] and name.startswith(f"{parent}.")
        named = "settings" in name.rpartition(".")[2]
        is_own = file.startswith(here) and not file.startswith(installed)
        if is_own and file.endswith(".py") and (name in (module, parent) or beside or named):
            found.add(file)
    return sorted(found)


def limits(app: Any, job: Mapping[str, Any]) -> Verdict:
    """See that no time of the chain is longer than the next one: task, its unit's stop, the broker.

    Args:
        app: the Celery app.
        job: ``pools``: those of this host; ``visibility`` and ``consumer``: what was decided of the
            broker's patience; ``own_app``: whether the project's settings decide about it; ``counts``:
            whether a message that is held for longer comes back.
    """
    patience, what = broker_patience(app, dict(job))
    wrong = []
    options = app.conf.broker_transport_options or {}
    here = int(options.get("visibility_timeout") or 3600)
    if job["counts"] and not job["own_app"] and here < job["visibility"]:
        wrong.append(
            f"the settings have a visibility timeout of {here} s, and the pools need {job['visibility']} s"
        )
    for task in app.tasks.values():
        # How the project's tasks are delivered is the pool's to say; what one says itself is its own.
        late = bool(task.acks_late) and not app.conf.task_acks_late
        own = SimpleNamespace(name=task.name, time_limit=task.time_limit, acks_late=late)
        for pool in job["pools"]:
            wrong += problems_of(app, own, dict(pool), patience, what)
    soft, hard = app.conf.task_soft_time_limit, app.conf.task_time_limit
    if soft and hard and soft >= hard:
        wrong.append(f"the soft limit {soft:g} s is not below the hard one {hard:g} s")
    return Verdict(
        not wrong, "; ".join(sorted(set(wrong))) or "; ".join(_chain(job["pools"], patience, what))
    )


def _chain(pools: Collection[Mapping[str, Any]], patience: int, what: str) -> list[str]:
    texts = []
    for pool in pools:
        task = f"{pool['time_limit']:g} s" if pool["time_limit"] else "without a limit"
        parts = [f"{pool['name']}: task {task}", f"stop {pool['stop_timeout']:g} s"]
        if patience:
            parts.append(f"{what.removeprefix('the ')} {patience} s")
        texts.append(", ".join(parts))
    return texts or ["no pool here"]
