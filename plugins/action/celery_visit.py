# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from the roles' own tasks what a run would do on a host, and let the module ask whether it has to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.action import celery_project, celery_service
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import templates as _render

_ROLES = Path(__file__).parents[2] / "roles"
#: The parts of a run in its order, as __celery_parts of the role celery has them, each with its tasks.
PARTS = {
    "packages": "celery_runtime/tasks/packages.yml",
    "checkout": "celery_project/tasks/main.yml",
    "environment": "celery_runtime/tasks/configure.yml",
    "migrations": "celery_runtime/tasks/migrate.yml",
    "workers": "celery_worker/tasks/main.yml",
    "web": "celery_web/tasks/main.yml",
    "beat": "celery_beat/tasks/main.yml",
    "metrics": "celery_metrics/tasks/main.yml",
    "proof": "celery_verify/tasks/ask.yml",
}
_OURS = "celeriac.django."
#: Modules that change nothing on a host.
_TELL = (
    "ansible.builtin.debug",
    "ansible.builtin.assert",
    "ansible.builtin.set_fact",
    "celeriac.django.celery_review",
)
#: What the modules take besides what the tasks say.
DEFAULTS: dict[str, dict[str, Any]] = {
    "celery_commands": {"folder": "/usr/local/bin", "sudoers": "/etc/sudoers.d"},
    "celery_service": {"kind": "all", "state": "present", "units": {}, "support": {}},
}


class ActionModule(ActionBase):
    """The controller's part of celery_visit."""

    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read the tasks, and call the module."""
        super().run(tmp, task_vars)
        arguments = {**self._task.args, "steps": self._steps(task_vars or {})}
        result: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
        return result

    def _steps(self, task_vars: dict[str, Any]) -> list[dict[str, Any]]:
        # The roles of the parts are included where something differs: what they bring is not known yet.
        defaults: dict[str, Any] = {}
        for role in {file.partition("/")[0] for file in PARTS.values()}:
            path = _ROLES / role / "defaults/main.yml"
            if path.exists():
                defaults.update(self._loader.load_from_file(str(path), trusted_as_template=True) or {})
        self._templar.available_variables = {**defaults, **task_vars}
        steps = []
        for part, file in PARTS.items():
            tasks = self._loader.load_from_file(str(_ROLES / file), trusted_as_template=True)
            for task in tasks:
                name = action_of(task)
                if name in _TELL or not self._applies(task, part):
                    continue
                module = name.removeprefix(_OURS)
                given = self._given(module, task[name], task_vars) if name.startswith(_OURS) else {}
                steps.append({"part": part, "module": module, "given": given})
        return steps

    def _applies(self, task: dict[str, Any], part: str) -> bool:
        conditions = task.get("when", [])
        texts = conditions if isinstance(conditions, list) else [conditions]
        # Whether the part is to be done at all is what the visit is to find out.
        return all(
            self._templar.evaluate_conditional(text) for text in texts if text != f"'{part}' in __celery_todo"
        )

    def _given(self, module: str, said: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = {**DEFAULTS.get(module, {}), **self._templar.template(said)}
        # Once is enough.
        given.pop("secrets", None)
        given.pop("run", None)
        try:
            if module == "celery_project":
                return celery_project.arguments({**given, "state": "present"})
            if module == "celery_service":
                rendered = celery_service.arguments(given, task_vars)
                rendered.pop("preflight", None)
                return rendered
        except _render.RenderError as error:
            raise AnsibleActionFail(str(error)) from None  # Ansible would tell it twice
        return given


def action_of(task: dict[str, Any]) -> str:
    """Return the module of a task, by its whole name."""
    return next(key for key in task if key.startswith((_OURS, "ansible.")))
