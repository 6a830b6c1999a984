# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables, look at host and project, decide."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible import context
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.celeriac.django.plugins.module_utils import _data
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._host import Host
from ansible_collections.celeriac.django.plugins.modules.celery_deployment import ARGUMENTS
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import (
    deployment,
    findings,
    warnings,
    web,
)
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import fleet as _fleet
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import run as _run
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import variables as _variables
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import next_steps

display = Display()
#: Seconds to wait for another run, and between two looks at it.
PATIENCE = 900.0
PAUSE = 3.0


class ActionModule(ActionBase):
    """The controller's part of celery_deployment."""

    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the deployment, or fail with what is wrong."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        groups, hostvars = given["group_names"], task_vars["hostvars"]
        hosts = list(task_vars["ansible_play_hosts_all"])
        host = task_vars["inventory_hostname"]
        try:
            options = {**_variables.complete(given["variables"]), **given}
            if given["broker_patience"]:
                options["consumer_timeout"] = given["broker_patience"]
            variables = _variables.read(options)
            if not variables.removing:
                deployment.check(variables, groups, hosts)
        except ValueError as error:
            return {"failed": True, "msg": str(error)}  # not raised: the role judges all hosts together
        # --tags project touches the checkout alone, and needs neither broker nor Python.
        unasked = variables.removing or set(task_vars.get("ansible_run_tags", ())) == {"project"}
        changes = given["changes"] and not self._task.check_mode
        found = self._look(
            {
                "variables": {
                    "project_path": variables.project_path,
                    "project_name": variables.project_name,
                    "project_package": variables.project_package,
                    "project_settings": variables.project_settings,
                    "requirements": variables.requirements,
                    "python": variables.python,
                    "venv_path": variables.venv_path,
                    "state_path": variables.state_path,
                    "user": variables.user,
                    "broker_ca": "" if unasked else variables.broker_ca,
                },
                "database_ca": "" if unasked else variables.database_ca,
                "addresses": [] if unasked else [list(address) for address in variables.broker.addresses],
                "removing": unasked,
                "unseen": variables.removing,
                "release": variables.release,
                # What changes the checkout alone has the lock of the checkout.
                "run": _this() if changes and (variables.removing or not unasked) else {},
            },
            task_vars,
            len(hosts),
        )
        if found.get("failed"):
            return _with_reason(found)
        try:
            project = deployment.with_app(Project.from_data(found["project"]), variables.project_app)
            looked = _data.from_data(Host, found["host"])
            deployment.check_authorities(found["unread_authorities"])
            # Check mode has left the hosts of the group celery_broker as they are.
            ours = bool(variables.broker_server)
            pending = ours and bool(self._task.check_mode)
            told = deployment.check_broker(variables.broker, found["silent"], ours, pending)
            fleet = _fleet.look(variables, groups, [host, *hosts], hostvars)
            decided = deployment.decide(variables, project, looked, fleet)
            if not variables.removing:
                findings.check(variables, project, decided, unasked)
                _fleet.check_queues(fleet.served, decided.code.integrate)
        except ValueError as error:
            return {"failed": True, "msg": str(error)}  # not raised: the role judges all hosts together
        if variables.removing:
            servers = [group for group in _fleet.SERVERS if groups.get(group)]
            found["next"] = next_steps.what_stays(decided, servers)
        else:
            found["warnings"] = [told] * bool(told) + warnings.warnings(
                variables, project, looked, decided, unasked
            )
        if not unasked:
            self._tell_of_the_web(found, decided)
        if found.get("unseen"):
            found["warnings"] = [
                f"{found['unseen']} What is on the host goes by its own configuration there; what is in the "
                "checkout goes as far as it can be read."
            ]
        return {**found, "project": project.as_data(), "deployment": decided.as_data()}

    def _tell_of_the_web(self, found: dict[str, Any], decided: Deployment) -> None:
        """Add what the process that serves the checkout needs, and whether it has it."""
        found["warnings"] += web.lacks(found["serving"], decided)
        # Whether the host serves the site by units of ours that may have to go.
        found["had_web"] = any(web.is_ours(server, decided) for server in found["serving"])
        found["next"] = next_steps.next_steps(decided, bool(self._task.check_mode))

    def _look(self, arguments: dict[str, Any], task_vars: dict[str, Any], hosts: int) -> dict[str, Any]:
        """Return what the module has found, as soon as no other run changes the deployment."""
        deadline = time.monotonic() + PATIENCE
        gone: list[str] = []
        told = False
        while True:
            found: dict[str, Any] = self._execute_module(
                module_args={**arguments, "gone": gone}, task_vars=task_vars
            )
            held = found.pop("held", None)
            if not held:
                return found
            if held["token"] not in gone and _run.is_over(held["token"]):
                gone.append(held["token"])
                continue
            text = f"Another run changes {arguments['variables']['project_path']} ({held['who']})"
            # Two runs that have just begun on several hosts must not each wait for the other.
            first = hosts > 1 and not held["begun"] and held["token"] < arguments["run"]["token"]
            if first or time.monotonic() > deadline:
                waited = "" if first else f", and has not ended within {PATIENCE:.0f} s"
                return {
                    "failed": True,
                    "msg": f"{text}{waited}. Nothing was changed. Run again when it has ended.",
                }
            if not told:
                display.warning(f"{text}. This one waits for it, for {PATIENCE / 60:.0f} minutes at most.")
                told = True
            time.sleep(PAUSE)


def _this() -> dict[str, str]:
    # Tasks run in children of the process that people have started.
    process = os.getppid()
    return {"token": _run.token(process), "who": _run.who(process, context.CLIARGS.get("args") or ())}


def _with_reason(failed: dict[str, Any]) -> dict[str, Any]:
    """Return a failure whose message says why: where no module ran at all, Ansible keeps that apart."""
    told = " ".join(str(failed.get("module_stderr") or "").split())
    if not told or told in str(failed.get("msg")):
        return failed
    hint = "Is ansible_python_interpreter a Python of that host?"
    return {**failed, "msg": f"Nothing could be run on the host: {told[-400:]} {hint}"}
