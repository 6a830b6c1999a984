# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a run as its steps: what each took and changed, what was proven, and warnings once, at the end."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: stdout
short_description: A run of this collection in few lines
version_added: 0.1.0
description:
  - Shows the steps of a run with the seconds that each took and what it changed, by host where there are
    several, then the table of proofs, what failed, and each warning once.
  - At a terminal, the step that runs is shown, too.
  - With C(-v), each task that changed something is named. With C(--diff), the differences are shown.
options: {}
author:
  - celeriac.django contributors (@celeriac)
"""

import os
import re
import sys
import textwrap
import time
from collections.abc import Mapping
from typing import Any

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase

from ansible_collections.celeriac.django.plugins.plugin_utils._report import text as _text

#: What only looks at variables or says something; no step unless it fails.
QUIET = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "ansible.builtin.")
    for name in ("assert", "debug", "fail", "validate_argument_spec")
)
#: What is counted of a result, and what one of it is called.
_COUNTED = {"files": "file", "packages": "package", "migrations": "migration"}
_NAME_WIDTH = 44
_CHANGED = "yellow"
_ERROR = "red"
_WARN = "bright purple"
#: What a step of celery_service says of a generation.
_ROLES = {"start": "new", "restart": "new", "drain": "old", "stop": "old"}
#: A step of celery_service, as it tells of a generation of a pool.
_GENERATION = re.compile(r"(\w+) \S+-worker-([^@\s]+)@([^.\s]+)")


class Step:
    """What tasks of one name around them came to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        #: What was changed, and by which hosts.
        self.changes: dict[str, list[str]] = {}
        self.failed: list[str] = []
        #: Whether anything was done at all.
        self.done = False

    def line(self, hosts: int) -> str:
        """Return what is shown of it; empty where all of it was skipped."""
        if not self.done:
            return ""
        texts = [
            text if len(about) == hosts else f"{text} ({', '.join(about)})"
            for text, about in self.changes.items()
        ]
        if self.failed:
            texts.append(f"FAILED ({', '.join(self.failed)})" if hosts > 1 else "FAILED")
        name = textwrap.shorten(self.name, _NAME_WIDTH, placeholder=" ..")
        seconds = f"{time.monotonic() - self.started:6.1f} s"
        return "\n".join(_text.wrapped(", ".join(texts) or "ok", f"  {name:<{_NAME_WIDTH}}{seconds}  "))


class CallbackModule(CallbackBase):
    """The stdout callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "celeriac.django.report"

    def __init__(self) -> None:
        super().__init__()
        self._step: Step | None = None
        self._hosts = 1
        #: Host to its proofs; text to the hosts that it is about.
        self._proofs: dict[str, list[dict[str, Any]]] = {}
        #: The deployment's, as far as a run tells it.
        self._name = "NAME"
        self._failures: dict[str, list[str]] = {}
        self._warnings: dict[str, list[str]] = {}
        #: What each host's run says at its end.
        self._next: dict[tuple[str, ...], None] = {}
        self._check = False
        #: Whether a line can be written again, and what stands on one that is not ended yet.
        self._live = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._pending = False

    def v2_playbook_on_play_start(self, play: Play) -> None:
        """A play starts."""
        self._end_step()
        self._check = bool(play.check_mode)
        self._hosts = max(len(play.get_variable_manager()._inventory.get_hosts(play.hosts)), 1)

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible passes it
        """A task starts."""
        name = step_of(task)
        if not self._step or self._step.name != name:
            self._end_step()
            self._step = Step(name)
            self._announce(name)

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        """A handler starts."""
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """A task is done."""
        host, answer = self._take(result)
        if not self._step or result.task.action in QUIET:
            return
        self._step.done = True
        if not answer.get("changed"):
            return
        for text in changes(answer):
            about = self._step.changes.setdefault(text, [])
            if host not in about:
                about.append(host)
        if self._display.verbosity:
            self._say(f"    changed: {result.task.get_name()} [{host}]", color=_CHANGED)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """A task failed."""
        host, answer = self._take(result)
        if ignore_errors:
            return
        self._fail(host, str(answer.get("msg") or answer.get("stderr") or "failed without a word"))

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """The host cannot be reached."""
        host, answer = self._take(result)
        self._fail(host, f"unreachable: {answer.get('msg', '')}")

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        """A task was not for this host."""

    def v2_on_file_diff(self, result: CallbackTaskResult) -> None:
        """Show what a task changes in a file, with --diff."""
        answer = result.result
        found = (
            [answer, *(answer.get("results") or [])] if isinstance(answer.get("results"), list) else [answer]
        )
        for entry in found:
            if entry.get("diff") and entry.get("changed"):
                text: str = self._get_diff(entry["diff"])  # type: ignore[no-untyped-call] # Ansible's own
                self._say(text.rstrip())

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """No host is in the pattern of a play: such as where no server is to be set up."""

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """The run is over: report."""
        self._end_step()
        if self._proofs:
            self._say("")
        for line in _text.table(self._proofs, self._name):
            self._say(line.text, color=line.colour)
        for text, hosts in self._failures.items():
            self._say("", *_text.wrapped(f"FAILED, {', '.join(hosts)}: {text}", ""), color=_ERROR)
        if self._warnings:
            self._say("", "Warnings:", color=_WARN)
            for text, hosts in self._warnings.items():
                about = f" ({', '.join(hosts)})" if self._hosts > 1 else ""
                self._say(*_text.wrapped(f"{text}{about}", "  - "), color=_WARN)
        if not self._failures:
            for lines in self._next:
                self._say("", *lines)
        changed = sum(stats.changed.values())
        ended = (
            f"{changed} tasks {'would change' if self._check else 'changed'} something"
            if changed
            else ("Nothing changed" if not self._check else "Nothing would change")
        )
        self._say("", f"{ended}{', and the run failed' if self._failures else ''}.")

    def _take(self, result: CallbackTaskResult) -> tuple[str, dict[str, Any]]:
        """Keep what is told at the end."""
        host, answer = str(result.host.get_name()), result.result
        for warning in answer.get("warnings") or ():
            hosts = self._warnings.setdefault(str(warning).removeprefix("[WARNING]: "), [])
            if host not in hosts:
                hosts.append(host)
        if answer.get("proofs"):
            self._proofs[host] = answer["proofs"]
        decided = answer.get("deployment")
        if isinstance(decided, Mapping):
            self._name = str(decided.get("name") or self._name)
        if answer.get("next"):
            self._next.setdefault(tuple(map(str, answer["next"])))
        return host, dict(answer)

    def _fail(self, host: str, text: str) -> None:
        if self._step:
            self._step.done = True
            self._step.failed.append(host)
        self._failures.setdefault(text, []).append(host)

    def _end_step(self) -> None:
        self._clear()
        line = self._step.line(self._hosts) if self._step else ""
        if line and self._step:
            color = _ERROR if self._step.failed else None
            self._say(line, color=color or (_CHANGED if self._step.changes else None))
        self._step = None

    def _announce(self, name: str) -> None:
        """Show the step that runs, until there is more to say of it."""
        if self._live and not self._display.verbosity:
            self._clear()
            sys.stdout.write(f"  {textwrap.shorten(name, _NAME_WIDTH, placeholder=' ..')} ..")
            sys.stdout.flush()
            self._pending = True

    def _clear(self) -> None:
        if self._pending:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
        self._pending = False

    def _say(self, *lines: str, color: str | None = None) -> None:
        self._clear()
        for line in lines:
            self._display.display(line, color=color)


def step_of(task: Any) -> str:
    """Return what the nearest import or include around a task is called, else the task itself."""
    parent = task
    while parent is not None:
        if isinstance(parent, TaskInclude) and parent.name:
            return str(parent.name)
        parent = parent._parent
    return str(task.name or task.action)


def changes(answer: Mapping[str, Any]) -> list[str]:
    """Return what a result changed, in words: pools old to new, files, packages."""
    texts = [
        f"{len(answer[key])} {name}{'s' if len(answer[key]) > 1 else ''}"
        for key, name in _COUNTED.items()
        if answer.get(key)
    ]
    pools: dict[str, dict[str, str]] = {}
    for done, pool, generation in map(_parts, answer.get("steps") or ()):
        if done in _ROLES:
            pools.setdefault(pool, {})[_ROLES[done]] = generation
    texts += [
        f"pool {pool} {known.get('old', 'none')} -> {known.get('new', 'none')}"
        for pool, known in pools.items()
    ]
    return texts or ["changed"]


def _parts(step: str) -> tuple[str, str, str]:
    match = _GENERATION.match(step)
    return (match[1], match[2], match[3]) if match else ("", "", "")
