# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the demo what the playbook does, as lines of JSON; the demo's own process shows it."""

from __future__ import annotations

import json
from typing import Any

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase

from ansible_collections.celeriac.django.plugins.callback.report import QUIET, step_of

DOCUMENTATION = r"""
name: celeriac_demo
type: stdout
short_description: What the demo of celeriac.django listens to
description:
  - Writes a line of JSON for each task that starts or ends, and one at the end of the run.
author:
  - celeriac.django contributors (@celeriac)
"""

#: What the demo needs of a task's result.
_TOLD = ("msg", "deployment", "files", "migrations", "packages", "proofs")


class CallbackModule(CallbackBase):
    """The demo's stdout callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "celeriac_demo"

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002
        """A task starts."""
        self._tell("start", step=step_of(task))

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """A task is done."""
        self._end("ok", result)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """A task failed."""
        self._end("ok" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """The host cannot be reached."""
        self._end("failed", result)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        """A task was not for this host."""
        self._end("skipped", result)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """The run is over."""
        self._tell("stats", changed=sum(stats.changed.values()))

    def _end(self, status: str, result: CallbackTaskResult) -> None:
        answer = result.result
        self._handle_warnings(answer)
        if status == "ok" and result.task.action in QUIET:
            status = "skipped"
        told = {name: answer[name] for name in _TOLD if name in answer}
        self._tell("end", status=status, changed=bool(answer.get("changed")), result=told)

    def _tell(self, event: str, **values: Any) -> None:
        self._display.display(json.dumps({"event": event, **values}, default=str))
