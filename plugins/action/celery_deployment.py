# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables, look at host and project, decide."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._options import ARGUMENTS
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import broker as _broker
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import (
    deployment,
    findings,
    rabbitmq,
    warnings,
)
from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import hosts as _hosts


class ActionModule(ActionBase):
    """The controller's part of celery_deployment."""

    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the deployment, or fail with what is wrong."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        host = task_vars["inventory_hostname"]
        try:
            if options["broker_server"] == "rabbitmq":
                # As the server has it from the role celery_broker, for all hosts together.
                everybody = [task_vars["hostvars"][name] for name in _hosts.running(options["group_names"])]
                plan = rabbitmq.plan([rabbitmq.variables(variables) for variables in everybody])
                options["consumer_timeout"] = plan["consumer_timeout"]
            if not options["removing"]:
                hosts = task_vars["ansible_play_hosts_all"]
                deployment.check(options, options["group_names"], hosts)
            broker = _broker.parse(options["broker_url"])
        except ValueError as error:
            return {"failed": True, "msg": str(error)}  # not raised: the role judges all hosts together
        # --tags project touches the checkout alone, and needs neither broker nor Python.
        unasked = options["removing"] or set(task_vars.get("ansible_run_tags", ())) == {"project"}
        found: dict[str, Any] = self._execute_module(
            module_args={
                "project_path": options["project_path"],
                "project_name": options["project_name"],
                "project_package": options["project_package"],
                "project_settings": options["project_settings"],
                "requirements": options["requirements"],
                "python": options["python"],
                "venv_path": options["venv_path"],
                "addresses": [] if unasked else [list(address) for address in broker.addresses],
                "broker_ca": "" if unasked else options["broker_ca"],
                "database_ca": "" if unasked else options["database_ca"],
                "removing": unasked,
            },
            task_vars=task_vars,
        )
        if found.get("failed"):
            return found
        try:
            project = Project.from_data(found["project"])
            found["project"] = deployment.with_app(project, options["project_app"])
            deployment.check_authorities(found["unread_authorities"])
            # Check mode has left the hosts of the group celery_broker as they are.
            ours = bool(options["broker_server"])
            pending = ours and bool(self._task.check_mode)
            told = deployment.check_broker(broker, found["silent"], ours, pending)
            duty = deployment.duties(host, options["group_names"])
            fleet = _fleet(options, task_vars["ansible_play_hosts_all"], task_vars)
            served = deployment.served(fleet, options["other_queues"])
            found["deployment"] = deployment.decide(
                {**options, "served_queues": served, "worker_hosts": len(fleet)}, found, duty
            )
            found["deployment"]["served"] = served
            if not options["removing"]:
                findings.check(options, found["project"], found["deployment"], unasked)
                deployment.check_queues(found["deployment"]["served"])
                found["warnings"] = [told] * bool(told) + warnings.warnings(
                    options, found, found["deployment"], unasked
                )
        except ValueError as error:
            return {"failed": True, "msg": str(error)}  # not raised: the role judges all hosts together
        found["project"] = found["project"].as_data()
        return found


def _fleet(options: dict[str, Any], hosts: list[str], task_vars: dict[str, Any]) -> dict[str, Any]:
    """Return the pools of all worker hosts; one that has a broker of its own is alone."""
    groups, host = options["group_names"], task_vars["inventory_hostname"]
    local = deployment.is_alone(options, _broker.parse(options["broker_url"]))
    known = [host] if local else [*dict.fromkeys([*groups.get("celery_worker", ()), *hosts])]
    return {
        name: (
            options["workers"]
            if name == host
            else task_vars["hostvars"][name].get("celery_workers") or [{"name": "default"}]
        )
        for name in known
        if "worker" in deployment.duties(name, groups)
    }
