# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What init.yml shows: what was discovered, the answers, and the commands that come next."""

from __future__ import annotations

import os.path
import re
import shlex
import textwrap
from collections.abc import Sequence

from .._decisions import web
from . import inventory, questions

_WIDTH = 100
_SOURCES = {
    "given": "given",
    "answered": "your answer",
    "kept": "as the inventory has it",
    "recommended": "recommended",
}


def describe(found: questions.Found) -> list[str]:
    """Return the lines that tell what was discovered."""
    project = found.project
    celery = "none so far"
    if found.own_app:
        celery = f"{found.own_app} ({project.own_app.place}), which is deployed as it is"
    elif project.integrated:
        celery = "this collection's"
    tasks = project.tasks
    rows = {
        "settings": f"{project.settings}, named by {project.settings_source}",
        "gets a block": ", ".join(
            os.path.relpath(place.file, project.path) for place in project.settings_places
        ),
        "apps": ", ".join(project.apps) or "none of its own",
        "database": {"url": "by a URL in the environment"}.get(project.database, project.database),
        "requirements": ", ".join(project.requirements) or "no file",
        "installed": ", ".join(f"{key} {value}" for key, value in sorted(found.versions.items())),
        "Celery app": celery,
        "tasks": ", ".join(f"{name} ({place})" for name, place in list(tasks.items())[:3])
        + (f" and {len(tasks) - 3} more" if len(tasks) > 3 else ""),
        "environment": ", ".join(f"{name} ({place})" for name, place in found.secrets.items()),
    }
    return [
        f"Found in {project.path}:",
        *(f"  {name:{14}}  {text}" for name, text in rows.items() if text),
    ]


def summary(answers: Sequence[questions.Answer], asked: bool) -> list[str]:
    """Return the lines that tell the answers, and whose they are."""
    head = "The answers:"
    if not asked:
        head = (
            "There is no terminal to ask at. What is not given by a variable is as an earlier inventory has "
            "it, or as recommended; the variable changes it:"
        )
    rows = [(answer.question.variable, questions.shown(answer.value), answer) for answer in answers]
    names = max(len(name) for name, _text, _answer in rows)
    texts = max(len(text) for _name, text, _answer in rows)
    lines = textwrap.wrap(head, _WIDTH)
    for name, text, answer in rows:
        why = f": {answer.question.reason}" if answer.source == "recommended" and not asked else ""
        first = f"  {name:{names}}  {text:{texts}}  "
        lines += textwrap.wrap(
            f"{_SOURCES[answer.source]}{why}",
            max(_WIDTH, len(first) + 40),
            initial_indent=first,
            subsequent_indent=" " * len(first),
        )
    return lines


def integrate_playbook(playbooks: Sequence[str]) -> str:
    """Return how integrate.yml is called, in the way in which init.yml was."""
    for playbook in playbooks:
        match = re.fullmatch(r"((?:.*[./])?)init((?:\.ya?ml)?)", playbook)
        if match:
            return f"{match[1]}integrate{match[2]}"
    return "celeriac.django.integrate"


def in_the_way(paths: Sequence[str]) -> str:
    """Return the error about files that would be replaced."""
    return (
        f"{' and '.join(paths)}: there already, and different from what would be written, which --diff "
        "shows. Nothing was written. To replace what is there, set celery_init_overwrite to true; to keep "
        "it, name another folder in celery_init_path."
    )


def commands(playbook: str, folder: str, values: questions.Values, vault: bool, has_vault: bool) -> list[str]:
    """Return the commands that come next.

    Args:
        playbook: integrate.yml, as it is called.
        folder: the folder of the inventory, as it is typed.
        values: the answers.
        vault: whether there are secrets.
        has_vault: whether a vault is there already.
    """

    def place(name: str) -> str:
        return shlex.quote(os.path.normpath(os.path.join(folder, name)))

    run = f"ansible-playbook {shlex.quote(playbook)} -i {place(inventory.INVENTORY)}"
    if _needs_root(values):
        run += " -b"
    lines = []
    if vault:
        run += " --ask-vault-pass"
        if not has_vault:
            vault_file = place(inventory.VAULT)
            lines = [
                f"ansible-vault encrypt --output {vault_file} {place(inventory.VAULT_EXAMPLE)} && "
                f"ansible-vault edit {vault_file}",
            ]
    return [*lines, f"{run} --check --diff", run]


def beforehand(found: questions.Found, values: questions.Values) -> list[str]:
    """Return the lines that tell what the integration means for the project's web process."""
    packages = (
        []
        if found.own_app
        else ["- the packages that the run adds to the requirements, before its next restart"]
    )
    environment = [
        "- the environment of the workers, in its unit under [Service]:",
        *(f"    {line}" for line in web.lines(f"/etc/{found.name}-celery")),
    ]
    wanted = [*packages, *(environment if _needs_root(values) else [])]
    if not wanted:
        return []
    return [
        "The project's web process imports Celery from then on. It needs",
        *(f"  {line}" for line in wanted),
    ]


def _needs_root(values: questions.Values) -> bool:
    return (
        values["celery_init_hosts"] != [questions.THIS_MACHINE]
        or values.get("celery_init_broker") in questions.SERVERS
        or values.get("celery_init_database") == "postgresql"
    )
