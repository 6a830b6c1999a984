# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the units, then let the module run them."""

from __future__ import annotations

from collections.abc import Mapping
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
        try:
            given = arguments(self._task.args, task_vars or {})
        except _render.RenderError as error:
            raise AnsibleActionFail(str(error)) from None  # Ansible would tell it twice
        result: dict[str, Any] = self._execute_module(module_args=given, task_vars=task_vars)
        return result


def arguments(given: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
    """Return what the module is given.

    Args:
        given: what the task is given.
        task_vars: the variables of all hosts.

    Raises:
        RenderError: a template does not work.
    """
    found = dict(given)
    deployment = Deployment.from_data(found.pop("deployment"))
    hostname = found.pop("hostname", "")
    overrides = found.pop("templates_path", None) or []
    templates = _render.Templates("systemd", overrides)
    found["name"] = deployment.name
    found["target"] = deployment.units.target
    found["base"] = deployment.code.base
    found["venv"] = deployment.places.venv
    found["record"] = f"{deployment.places.config}/beat-generation"
    environment = found.pop("environment_path", None) or deployment.places.config
    found["files"] = [f"{environment}/{name}" for name in ("environment", "secrets")]
    found["user"] = deployment.account.runs_as
    found["drained"] = bool(deployment.run.drained)
    # A site is replaced by none that has not answered: that is for the memory of workers.
    found["replace"] = deployment.units.restart == "replace" and found.get("kind") != "web"
    # Two of them cannot listen at one place.
    found["replace"] |= found.get("kind") == "metrics"
    found["systemd"] = deployment.run.systemd
    found["owner"] = deployment.account.config_owner
    if found.get("state") == "back" and deployment.has_web and found.get("kind") == "web":
        found["site"] = units.site(deployment)
    if found.get("state", "present") == "present":
        kind = found.get("kind", "all")
        # Where there are workers, they have seen to it before the others; in a deploy, a step of its own has.
        seen = found.get("hold") or (kind not in ("worker", "all") and "worker" in deployment.run.duties)
        if deployment.run.systemd and not seen:
            found["preflight"] = units.preflight(deployment, _fleet(task_vars))
        if deployment.run.systemd:
            found["units"] = units.render(templates, deployment, hostname, kind)
            if deployment.has_web and kind in ("web", "all"):
                found["site"] = units.site(deployment)
            found["support"] = units.files(overrides, deployment, kind)
        else:
            found["support"] = units.launcher(overrides, deployment)
    return found


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
