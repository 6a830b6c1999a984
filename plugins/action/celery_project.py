# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render what goes into the checkout, then let the module put it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import samples
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import project_files
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import templates as _render

#: Arguments that are of no use on the host.
_OWN = ("deployment", "discovered", "secret_names", "templates_path")


class ActionModule(ActionBase):
    """The controller's part of celery_project."""

    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, and call the module."""
        super().run(tmp, task_vars)
        try:
            given = arguments(self._task.args)
        except _render.RenderError as error:
            raise AnsibleActionFail(str(error)) from None  # Ansible would tell it twice
        result: dict[str, Any] = self._execute_module(module_args=given, task_vars=task_vars)
        return result


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the module is given.

    Args:
        given: what the task is given.

    Raises:
        RenderError: a template does not work.
    """
    found = dict(given)
    own = {name: found.pop(name, None) for name in _OWN}
    if found.get("state", "present") == "present":
        templates = _render.Templates("project", own["templates_path"] or [])
        deployment = Deployment.from_data(own["deployment"])
        project = Project.from_data(own["discovered"])
        found["files"], found["blocks"] = project_files.render(
            templates, deployment, project, own["secret_names"] or []
        )
        found["samples"] = samples.together(deployment.tasks.samples)
        found["name"] = deployment.name
        found["tasks"] = _tasks(deployment)
        found["places"] = project.celery_settings
        found["prefork"] = list(deployment.run.prefork)
        found["results"] = {
            "backend": deployment.results.word,
            "several_hosts": deployment.results.several_hosts,
        }
    # The state folder of the services is not for the user who owns the checkout.
    if found.get("project"):
        environment = dict(found["project"].get("environment") or {})
        environment.pop("CELERY_STATE_PATH", None)
        found["project"] = {**found["project"], "environment": environment}
    return found


def _tasks(deployment: Deployment) -> dict[str, str]:
    """Return the tasks that have to be registered, each with what names it."""
    return {
        entry.task: f"celery_beat_schedule ({entry.name})"
        for entry in deployment.tasks.schedule
        if not entry.absent
    }
