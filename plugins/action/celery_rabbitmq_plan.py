# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what a RabbitMQ of the inventory gets."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.module_utils import _data
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import rabbitmq
from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import hosts


class ActionModule(ActionBase):
    """All of celery_rabbitmq_plan."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan, or fail with what is wrong."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        self.validate_argument_spec(argument_spec={})
        groups, hostvars = task_vars["groups"], task_vars["hostvars"]
        try:
            fleet = [rabbitmq.needs(hostvars[host]) for host in hosts.running(groups)]
            result.update(_data.as_data(rabbitmq.plan(fleet)), changed=False)
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None  # Ansible would tell it twice
        return result
