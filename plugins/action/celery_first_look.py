# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the variables of all hosts on the controller, before any of them is touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import first_look, fleet

#: How the variables of the servers begin.
_SERVERS = ("celery_broker_", "celery_database_")
_ROLES = Path(__file__).parents[2] / "roles"


class ActionModule(ActionBase):
    """All of celery_first_look: it works on the controller."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return warnings, or fail with all that is wrong."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        self.validate_argument_spec(argument_spec={})
        hosts = task_vars["ansible_play_hosts_all"]
        groups = task_vars["groups"]
        variables = {
            host: _own(task_vars["hostvars"][host], bool(fleet.duties(host, groups))) for host in hosts
        }
        found = first_look.look(variables, groups, specs())
        if found.errors:
            listed = " ".join(found.told(found.errors, hosts))
            raise AnsibleActionFail(f"{listed} Nothing was changed.")
        told = found.told(found.warnings, hosts)
        return {"changed": False, "told": told, "warnings": told}


def specs() -> dict[str, dict[str, Any]]:
    """Return the variables that the roles of the collection have, by role, as they are specified."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(_ROLES.glob("*/meta/argument_specs.yml")):
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
        found[file.parts[-3]] = {
            name: spec for entry in entries.values() for name, spec in (entry.get("options") or {}).items()
        }
    return found


def _own(variables: Mapping[str, Any], works: bool) -> dict[str, Any]:
    """Return the variables of a host that begin with celery_.

    What is for workers and beat need not be computable on a host that only serves the others: nothing
    reads it there.

    Args:
        variables: all that the host has.
        works: whether the host runs workers or beat.

    Raises:
        AnsibleActionFail: one cannot be computed, as where the vault lacks what it names.
    """
    own = {}
    for name in variables:
        if name.startswith("celery_"):
            try:
                own[name] = variables[name]
            except AnsibleError as error:
                if not works and not name.startswith(_SERVERS):
                    continue
                raise AnsibleActionFail(f"{name} cannot be computed: {error.message}") from None
    return own
