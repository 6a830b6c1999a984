# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project's own lines do to a deployment of Celery: each with file, line and what to do about it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import given
from .imports import Module
from .project import App, Finding
from .source import dotted, walk

#: Where a finding matters: everywhere, only to the integration, or only to an app of the project's own.
ALWAYS, INTEGRATION, OWN_APP, SCHEDULER = "", "integration", "own app", "database scheduler"

_EAGER = r"(\w+_)?TASK_ALWAYS_EAGER|CELERY_ALWAYS_EAGER"
_BROKER = r"(CELERY_)?BROKER(_URL|_HOST)|CELERY_BROKER"
_BACKEND = r"CELERY_RESULT_BACKEND"


def of_settings(files: Sequence[Module], base: Path) -> list[Finding]:
    """Return what the settings say of Celery that makes its proof void.

    Args:
        files: the settings module and those that go into it, the nearest first.
        base: the folder that places are relative to.
    """
    return [*_eager(files, base), *_in_memory(files, base)]


def _eager(files: Sequence[Module], base: Path) -> Iterator[Finding]:
    effect = "no task reaches a worker, each runs in the process that sends it"
    for entry in given.find(files, _EAGER, base):
        if entry.value is False or (entry.value in (None, "", 0) and entry.variable):
            if entry.variable:
                yield Finding(
                    f"{entry.place}: {entry.name} follows {entry.variable} of the environment: where that is "
                    f"set to true, {effect}.",
                    variable=f"+{entry.variable}",
                )
            continue
        if entry.variable:
            yield Finding(
                f"{entry.place}: {entry.name} is {entry.value!r} where the environment has no "
                f"{entry.variable}: then {effect}. Put {entry.variable}: 'false' into celery_environment, "
                "and into the environment of the web process.",
                refuses=True,
                variable=entry.variable,
            )
        elif entry.condition and entry.condition.variable and entry.value:
            yield _below_a_condition(entry, entry.condition, effect)
        elif entry.conditional or entry.value is None:
            when = f" {entry.condition.text}" if entry.condition else ""
            yield Finding(
                f"{entry.place}: {entry.name}{when} depends on what cannot be read here. Where it is true, "
                f"{effect}. "
                "See that it is false in production."
            )
        elif entry.value:
            yield Finding(
                f"{entry.place}: {entry.name} is {entry.value!r}: {effect}. Take the line out of "
                "production's settings, for instance into those of the tests.",
                refuses=True,
            )


def _below_a_condition(entry: given.Given, condition: given.Condition, effect: str) -> Finding:
    """Tell of a line that a variable of the environment turns on or off."""
    variable = condition.variable
    what = (
        f"{entry.place}: {entry.name} is {entry.value!r} {condition.text}, which {variable} of the "
        "environment decides"
    )
    if condition.default is False:
        return Finding(f"{what}. Where that is so, {effect}.", variable=f"+{variable}")
    usual = "; without it, that line counts" if condition.default else ""
    return Finding(
        f"{what}{usual}: then {effect}. Put {variable}, as production has it, into celery_environment, and "
        "into the environment of the web process.",
        refuses=bool(condition.default),
        variable=variable,
    )


def of_the_app(module: Module, relative: str) -> list[Finding]:
    """Return what the module of a Celery app sets that makes the proof void."""
    found = []
    for node in walk(module.tree):
        for name, value in _configured(node):
            if name != "task_always_eager" or not isinstance(value, ast.Constant) or not value.value:
                continue
            text = (
                f"{relative}:{value.lineno}: task_always_eager is {value.value!r}: no task reaches a worker, "
                "each runs in the process that sends it. Take the line out."
            )
            found.append(Finding(text, refuses=True, concerns=OWN_APP))
    return found


def _configured(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield what ``app.conf.x = …``, ``app.conf.update(x=…)`` and ``Celery(…, x=…)`` set."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            holder, _dot, name = dotted(target).rpartition(".")
            if holder.rpartition(".")[2] == "conf":
                yield name, node.value
    elif isinstance(node, ast.Call):
        called = dotted(node.func)
        if called.endswith("conf.update") or called.rpartition(".")[2] == "Celery":
            yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)


def _in_memory(files: Sequence[Module], base: Path) -> Iterator[Finding]:
    for entry in given.find(files, _BROKER, base):
        condition = entry.condition
        if condition and condition.default is False:
            continue
        if isinstance(entry.value, str) and entry.value.startswith("memory:"):
            unless = f" where the environment has no {entry.variable}" if entry.variable else ""
            unless += f" {condition.text}" if condition else ""
            yield Finding(
                f"{entry.place}: {entry.name} is {entry.value}{unless}, which is a broker in the memory of "
                "one process: what the web sends, no worker sees. Name a Redis or RabbitMQ there"
                + (f", or {entry.variable} in celery_secrets." if entry.variable else "."),
                concerns=OWN_APP,
                variable=entry.variable,
            )
    for entry in given.find(files, _BACKEND, base):
        if isinstance(entry.value, str) and entry.value.startswith(("cache+memory:", "rpc:")):
            what = "keeps results in the memory of one process, where nobody else reads them"
            if entry.value.startswith("rpc:"):
                what = "gives a result to the process alone that has sent the task, and only once"
            yield Finding(
                f"{entry.place}: {entry.name} is {entry.value}, which {what}.",
                concerns=OWN_APP,
                variable=entry.variable,
            )


def of_other_settings(app: App | None, settings: str, source: str) -> list[Finding]:
    """Return what to say where an app names other settings than production runs with."""
    if not app or not app.settings or app.settings == settings:
        return []
    text = (
        f"{app.settings_place} names {app.settings} for the Celery app, and {source} names {settings}: "
        f"workers and beat run with {settings}. If the other one is meant, set celery_project_settings to it."
    )
    return [Finding(text, concerns=OWN_APP, option="project_settings")]


def of_equal_apps(places: Sequence[str]) -> list[Finding]:
    """Refuse to choose between apps of several environments."""
    if not places:
        return []
    text = (
        f"celery_project_app: there are Celery apps for several settings modules ({', '.join(places)}), and "
        "none has those that production runs with. Set celery_project_app to the one that is meant, such as "
        "shop.celery:app."
    )
    return [Finding(text, refuses=True, concerns=OWN_APP, option="project_app")]


def of_clashes(clashes: Sequence[str]) -> list[Finding]:
    """Return the findings of tasks that would be one."""
    return [Finding(text) for text in clashes]
