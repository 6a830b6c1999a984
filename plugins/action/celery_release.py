# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the folder on the controller that a release is made of, and send it."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.module_utils._release import repository
from ansible_collections.celeriac.django.plugins.modules.celery_release import ARGUMENTS, resolved
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import run as _run

#: Seconds to wait for what a run has left at work that is over, and between two looks at it.
PATIENCE = 600.0
PAUSE = 3.0


class ActionModule(ActionBase):
    """The controller's part of celery_release."""

    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do what the controller has to do, and call the module for the rest."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if given["step"] == "look":
            return self._look(given, task_vars)
        if given["step"] == "resolve" and not repository.is_remote(given["source"]):
            return _resolve(given, bool(self._task.check_mode))
        if given["step"] == "unpack" and given["archive"] and not self._task.check_mode:
            place = self._connection._shell.join_path(self._make_tmp_path(), "release.tar")
            self._transfer_file(given["archive"], place)
            given["archive"] = place
        found: dict[str, Any] = self._execute_module(module_args=given, task_vars=task_vars)
        return found

    def _look(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        # Tasks run in children of the process that people have started.
        process = os.getppid()
        playbooks = context.CLIARGS.get("args") or ()
        run = {"token": _run.token(process), "who": _run.who(process, playbooks)}
        changes = given["changes"] and not self._task.check_mode
        gone: list[str] = []
        deadline = time.monotonic() + PATIENCE
        while True:
            found: dict[str, Any] = self._execute_module(
                module_args={**given, "run": run, "changes": changes, "gone": gone}, task_vars=task_vars
            )
            held = found.pop("held", None)
            if not held:
                return found
            if held["token"] in gone and time.monotonic() < deadline:
                # Its controller is dead, and a module that it has started is still at work.
                time.sleep(PAUSE)
                continue
            if held["token"] in gone or not _run.is_over(held["token"]):
                return {
                    "failed": True,
                    "msg": f"Another run changes {given['path']} ({held['who']}). Nothing was changed by "
                    "this one. Run again when it has ended; one that gives no sign of life for 15 minutes is "
                    "taken for over.",
                }
            gone.append(held["token"])


def _resolve(given: dict[str, Any], check: bool) -> dict[str, Any]:
    """Find the commit in a folder of the controller, and write what it holds into a file for all hosts."""
    folder = Path(given["source"]).expanduser().absolute()
    there = repository.Repository(folder)
    try:
        top = repository.Repository(Path(there.git("rev-parse", "--show-toplevel")))
        found = resolved(top, given["version"], given["before"])
        told = []
        if not given["version"] and top.not_committed():
            names = ", ".join(top.not_committed()[:5])
            told = [f"{top.folder} has changes that are not committed, and are not deployed: {names}."]
        archive = ""
        if not check:
            handle, archive = tempfile.mkstemp(prefix="celeriac-release-", suffix=".tar")
            os.close(handle)
            top.archive(found["commit"], Path(archive))
    except repository.RepositoryError as error:
        return {"failed": True, "msg": f"celery_release_source: {folder}: {error}. Nothing was changed."}
    return {"changed": False, **found, "archive": archive, "warnings": told}
