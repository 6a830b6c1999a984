# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the units, then let the module run them."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import connections
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import templates as _render
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import units


class ActionModule(ActionBase):
    """The controller's part of celery_service."""

    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, and call the module."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        deployment = Deployment.from_data(arguments.pop("deployment"))
        hostname = arguments.pop("hostname", "")
        overrides = arguments.pop("templates_path", None) or []
        templates = _render.Templates("systemd", overrides)
        arguments["name"] = deployment.name
        arguments["target"] = deployment.units.target
        arguments["base"] = deployment.code.base
        arguments["venv"] = deployment.places.venv
        arguments["record"] = f"{deployment.places.config}/beat-generation"
        arguments["files"] = [f"{deployment.places.config}/{name}" for name in ("environment", "secrets")]
        arguments["user"] = deployment.account.runs_as
        arguments["replace"] = deployment.units.restart == "replace"
        arguments["systemd"] = deployment.run.systemd
        arguments["owner"] = deployment.account.config_owner
        if arguments.get("state", "present") == "present":
            kind = arguments.get("kind", "all")
            # Where there are workers, they have seen to it before beat.
            if deployment.run.systemd and (kind != "beat" or "worker" not in deployment.run.duties):
                fleet = _fleet(task_vars or {})
                arguments["preflight"] = units.preflight(deployment, fleet)
            try:
                if deployment.run.systemd:
                    arguments["units"] = units.render(templates, deployment, hostname, kind)
                    arguments["support"] = units.files(overrides, deployment, kind)
                else:
                    arguments["support"] = units.launcher(overrides, deployment)
            except _render.RenderError as error:
                raise AnsibleActionFail(str(error)) from None  # Ansible would tell it twice
        result: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
        return result


def _fleet(task_vars: dict[str, Any]) -> dict[str, connections.Load]:
    """Return what the hosts of this deployment run: those that were looked at in this run, and others."""
    host = task_vars["inventory_hostname"]
    variables = task_vars["hostvars"]
    found = {
        name: variables[name].get("__celery_found", {})
        for name in task_vars["ansible_play_hosts_all"]
        if name in variables
    }
    members = {
        name: connections.Member(Deployment.from_data(one["deployment"]), one["host"]["processors"])
        for name, one in found.items()
        if "deployment" in one
    }
    if host not in members:  # the module alone, without the roles of this collection
        return {}
    return connections.fleet(host, members, task_vars["groups"], variables)
