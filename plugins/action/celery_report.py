# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what was proven, and write a report of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.modules.celery_report import ARGUMENTS
from ansible_collections.celeriac.django.plugins.plugin_utils._report import build, formats, text
from ansible_collections.celeriac.django.plugins.plugin_utils._report.data import Report

display = Display()
_OURS = "celeriac.django.report"
#: The row of a host that has not got so far.
_UNASKED = build.Row("host asked", False, "the run ended on this host before anything was proven")


class ActionModule(ActionBase):
    """All of celery_report: it works on the controller."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the files, or fail with what is wrong."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        hostvars = task_vars["hostvars"]
        hosts = [
            _asked(host, hostvars[host]["__celery_found"], hostvars[host].get("__celery_verify_answer") or {})
            for host in task_vars["ansible_play_hosts_all"]
            if host in hostvars and "deployment" in (hostvars[host].get("__celery_found") or {})
        ]
        self._show(task_vars)
        deployments: dict[str, list[build.Asked]] = {}
        for host in hosts:
            alone = f"{host.deployment.name}-{host.name}" if host.deployment.run.alone else ""
            deployments.setdefault(alone or host.deployment.name, []).append(host)
        written = []
        for name, together in deployments.items():
            for given_file in given["files"]:
                file = _place(given_file, name if len(deployments) > 1 else "")
                report = build.build(together, datetime.now(UTC), formats.read(file))
                written.append(self._write(file, report))
        return {"changed": False, "files": written}

    def _show(self, task_vars: Mapping[str, Any]) -> None:
        """Show the rows at the terminal, unless the callback of this collection does, at the end."""
        if constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK") == _OURS:
            return
        hostvars = task_vars["hostvars"]
        found = {host: hostvars[host] for host in task_vars["ansible_play_hosts_all"] if host in hostvars}
        answers = {host: one.get("__celery_verify_answer") or {} for host, one in found.items()}
        rows = {host: answer["proofs"] for host, answer in answers.items() if answer.get("proofs")}
        looked = [one["__celery_found"] for one in found.values() if one.get("__celery_found")]
        names = [one["deployment"]["name"] for one in looked if "deployment" in one]
        lines = text.table(rows, names[0] if len(set(names)) == 1 else "NAME")
        for line in lines:
            display.display(line.text, color=line.colour)
        # What to do next is for a run that came out well.
        failed = any(answer.get("unproven") for answer in answers.values())
        following = dict.fromkeys(tuple(one.get("next") or ()) for one in looked)
        for line in [] if failed else [line for lines_of_one in following for line in lines_of_one]:
            display.display(str(line))

    def _write(self, file: Path, report: Report) -> str:
        try:
            content = formats.write(report, str(file))
            if not self._task.check_mode:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content, encoding="utf-8")
        except formats.FormatError as error:
            raise AnsibleActionFail(str(error)) from None
        except OSError as error:
            raise AnsibleActionFail(
                f"celery_verify_report: {file} cannot be written: {error.strerror}. Name another file, or "
                "make the folder writable for whoever runs Ansible."
            ) from None
        return str(file)


def _asked(host: str, found: Mapping[str, Any], answer: Mapping[str, Any]) -> build.Asked:
    deployment = Deployment.from_data(found["deployment"])
    rows = tuple(
        build.Row(
            str(row["name"]),
            bool(row["ok"]),
            str(row["detail"]),
            skipped=bool(row.get("skipped")),
            warned=bool(row.get("warned")),
        )
        for row in answer.get("proofs") or ()
    )
    versions = answer.get("versions") or found.get("versions") or {}
    return build.Asked(
        host,
        Project.from_data(found["project"]),
        deployment,
        int(found["host"]["processors"]),
        rows or (_UNASKED,) if deployment.run.duties else rows,
        {str(name): str(version) for name, version in versions.items()},
    )


def _place(given: str, name: str) -> Path:
    """Return the file of a deployment; with a *name*, it is one of several."""
    file = Path(os.path.abspath(os.path.expanduser(given)))
    return file.with_name(f"{file.stem}-{name}{file.suffix}") if name else file
