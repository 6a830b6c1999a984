# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a checkout on the controller, ask what it does not tell, and write the inventory."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.celeriac.django.plugins.module_utils import _names, _whole
from ansible_collections.celeriac.django.plugins.module_utils._discovery import discover, source
from ansible_collections.celeriac.django.plugins.module_utils._runtime import packages
from ansible_collections.celeriac.django.plugins.plugin_utils._init import (
    earlier,
    inventory,
    questions,
    report,
)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "default": "."},
    "overwrite": {"type": "bool", "default": False},
    "project_path": {"type": "path", "default": "."},
    "project_name": {"type": "str"},
    "project_package": {"type": "str"},
    "project_settings": {"type": "str"},
    "project_integrate": {"type": "str", "choices": ["auto", "always", "never"]},
    "hosts": {"type": "list", "elements": "str"},
    "host_path": {"type": "path"},
    "broker": {"type": "str", "choices": ["embedded", *questions.SERVERS, "url"]},
    "broker_url": {"type": "str", "no_log": True},
    "database": {"type": "str", "choices": ["postgresql", "url", "sqlite"]},
    "periodic": {"type": "bool"},
    "beat_scheduler": {"type": "str"},
    "result_backend": {"type": "str"},
    "sample_apps": {"type": "list", "elements": "str"},
}
#: The variables of the arguments whose name has more than the prefix celery_.
_VARIABLES = {
    "hosts": "celery_init_hosts",
    "host_path": "celery_init_host_path",
    "broker": "celery_init_broker",
    "database": "celery_init_database",
    "periodic": "celery_init_periodic",
    "sample_apps": "celery_project_sample_apps",
}

#: Ansible reads it in the folder where it is called.
_CONFIG = "ansible.cfg"

display = Display()


class ActionModule(ActionBase):
    """All of celery_init: it works on the controller."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask, show and write, or fail with what is wrong."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        folder = Path(os.path.abspath(options["path"]))
        terminal = _Terminal()
        try:
            known = _earlier(folder)
            found = _find(options, known)
            _say(report.describe(found))
            answers: list[questions.Answer] = []
            written = None
            while written is None:
                answers = questions.settle(
                    found, terminal.ask, lambda question: earlier.offered(question, known), answers
                )
                files = inventory.render(found, questions.values_of(answers))
                if _read(folder / _CONFIG) in ("", inventory.CONFIGURATION):  # somebody's own is left alone
                    files[_CONFIG] = inventory.CONFIGURATION
                pending = _pending(folder, files)
                _say(["", *report.summary(answers, terminal.there)])
                if terminal.there or not self._task.diff:
                    _say(line for name in files for line in _quoted(folder / name, files[name]))
                try:
                    written = self._write(folder, pending, bool(options["overwrite"]), terminal)
                except questions.BackError:
                    continue
        except (questions.AnswerError, source.DiscoveryError, OSError) as error:
            raise AnsibleActionFail(str(error)) from None  # Ansible would tell it twice
        except AnsiblePromptInterrupt:
            raise AnsibleActionFail("Stopped; nothing was written.") from None
        values = questions.values_of(answers)
        commands = report.commands(
            report.integrate_playbook(context.CLIARGS.get("args", ())),
            _typed(folder),
            values,
            vault=inventory.VAULT_EXAMPLE in files,
            has_vault=(folder / inventory.VAULT).exists(),
        )
        _say(
            [
                "",
                *(["Next:", *(f"  {line}" for line in commands)] if written else ["Nothing was written."]),
                "",
                *(report.beforehand(found, values) if written else []),
            ]
        )
        return {
            "changed": bool(written and pending),
            "answers": {name: questions.shown(value) for name, value in values.items()},
            "sources": {answer.question.variable: answer.source for answer in answers},
            "files": [str(folder / name) for name in files],
            "commands": commands,
            "warnings": [
                f"{name} is set, but has no use with these answers, and is in none of the files."
                for name in questions.unused(found, answers)
            ],
            "diff": [_diff(folder / name, *texts) for name, texts in pending.items()] if written else [],
        }

    def _write(
        self, folder: Path, pending: dict[str, tuple[str, str]], overwrite: bool, terminal: _Terminal
    ) -> bool:
        """Write the files, or in check mode see that they could be written; False if somebody said no.

        Raises:
            AnsibleActionFail: one is there already and differs, and nobody said that it may be replaced.
            BackError: somebody wants to change an answer.
        """
        replaced = [] if overwrite else [name for name, (before, _after) in pending.items() if before]
        check = bool(self._task.check_mode)
        if replaced:
            agreed = None
            if self._task.diff or (terminal.there and not check):
                _say(line for name in replaced for line in _unified(folder / name, *pending[name]))
            if not check:
                agreed = terminal.agrees(
                    "Replace them? yes replaces, Enter or no leaves all as it is, < goes back:", False
                )
            if agreed is None:
                raise AnsibleActionFail(report.in_the_way([str(folder / name) for name in replaced]))
        elif check or not pending:
            agreed = True
        else:
            agreed = terminal.agrees(
                "Write these files? Enter or yes writes, no leaves all as it is, < goes back:", True
            )
        # Without a terminal, the run itself says that they are to be written.
        if agreed is False:
            return False
        for name, (_before, after) in {} if check else pending.items():
            _replace(folder / name, after)
        return True


class _Terminal:
    """Where somebody can be asked, as far as that is known."""

    def __init__(self) -> None:
        self.there = True

    def ask(self, text: str) -> str:
        """Show a text, and return the line that was typed.

        Raises:
            NoTerminalError: there is none.
        """
        try:
            typed: bytes = display.prompt_until(text)
        except AnsiblePromptNoninteractive:
            self.there = False
            raise questions.NoTerminalError from None
        line = typed.decode("utf-8", "replace").strip()
        display.display(f"> {line}".rstrip())
        return line

    def agrees(self, text: str, otherwise: bool) -> bool | None:
        """Ask for yes or no until it is one of them; None where nobody can be asked.

        Raises:
            BackError: somebody wants to change an answer.
        """
        agreed = None
        while agreed is None and self.there:
            try:
                typed = self.ask(f"\n{text}")
            except questions.NoTerminalError:
                return None
            if typed == questions.BACK:
                raise questions.BackError
            agreed = questions.agrees(typed, otherwise)
        return agreed


def _earlier(folder: Path) -> dict[str, Any]:
    """Return the answers that an inventory of before stands for; one that somebody broke is told."""
    try:
        return earlier.read(_read(folder / inventory.INVENTORY), _read(folder / inventory.SETTINGS))
    except earlier.EarlierError as error:
        _say([f"{error}, so the answers in it are not offered."])
        return {}


def _find(options: dict[str, Any], known: Mapping[str, Any]) -> questions.Found:
    """Look at the checkout, with what the inventory of before was told about it."""
    names = ("name", "package", "settings", "integrate")
    told = {f"project_{name}": known.get(f"celery_project_{name}") for name in names}
    options = {**options, **{name: value for name, value in told.items() if value and not options[name]}}
    path = os.path.abspath(options["project_path"])
    project = discover.discover(path, options["project_package"] or "", options["project_settings"] or "")
    name = questions.name_of(options["project_name"] or "", project)
    versions = packages.versions(
        [
            f"{_names.system_state(name)}/venv",
            *(f"{project.base}/{place}" for place in (".celery/venv", ".venv", "venv", "env")),
        ]
    )
    given = {
        _VARIABLES.get(key, f"celery_{key}"): value
        for key, value in options.items()
        if key not in ("path", "overwrite", "project_path")
    }
    return questions.Found(project, versions, given)


def _pending(folder: Path, files: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the files that differ from what is there: before and after."""
    before = {name: _read(folder / name) for name in files}
    return {name: (before[name], text) for name, text in files.items() if before[name] != text}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    _whole.write(path, text, mode)


def _diff(path: Path, before: str, after: str) -> dict[str, str]:
    return {"before_header": str(path), "after_header": str(path), "before": before, "after": after}


def _unified(path: Path, before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="")
    return ["", *lines]


def _quoted(path: Path, text: str) -> list[str]:
    return ["", f"{path}:", "", *(f"  {line}".rstrip() for line in text.splitlines())]


def _typed(folder: Path) -> str:
    """Return a folder as somebody would type it here."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        display.display(line)
