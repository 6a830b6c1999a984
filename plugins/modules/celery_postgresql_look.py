#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_postgresql_look
short_description: Look once at all of a PostgreSQL that a role compares
version_added: 0.1.0
description:
  - Tells what a host has of PostgreSQL, and what the server has of a project. It changes nothing, and asks
    the server as its administrator C(postgres).
  - Used by the role P(celeriac.django.celery_database#role), which applies what differs.
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.server
options:
  required:
    description: Whether it is an error that the server does not answer.
    type: bool
    default: false
  database:
    description: The project's database.
    type: str
    required: true
  owner:
    description: Its owner.
    type: str
    required: true
  password:
    description: The password that the owner is to have. Whether it has is told.
    type: str
    required: true
  beside:
    description: More of O(paths), relative to the folder of the server's configuration.
    type: list
    elements: str
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the server
  celeriac.django.celery_postgresql_look:
    packages: ["postgresql-[0-9]*"]
    units: [postgresql.service]
    database: shop
    owner: shop
    password: "{{ vault_celery_database_password }}"
  register: seen
"""

RETURN = r"""
root:
  description: Whether the look was root's; if not, nothing else was looked at.
  returned: success
  type: bool
packages:
  description: The installed ones of O(packages), with their versions.
  returned: success
  type: dict
units:
  description: Those of O(units) that are enabled and run.
  returned: success
  type: list
  elements: str
paths:
  description: What is at O(paths). Kind, owner, group and mode, of a file a digest.
  returned: success
  type: dict
certificate_problem:
  description: Why a server could not use O(certificate) with O(key); empty if it can.
  returned: success
  type: str
addresses:
  description: The addresses of each of the other hosts, loopback left out.
  returned: success
  type: dict
  sample:
    app1.example: [10.0.0.7]
local:
  description: The addresses of this host that they use, loopback left out.
  returned: success
  type: list
  elements: str
  sample: [10.0.0.5]
state:
  description: What the server says; empty where it does not answer.
  returned: success
  type: dict
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._servers import look, postgresql


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **look.ARGUMENTS,
            "required": {"type": "bool", "default": False},
            "database": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "beside": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    state = {}
    try:
        seen = look.look({**given, "paths": []})
        if not seen.root:
            module.exit_json(changed=False, **seen.as_result(), state={})
        try:
            networks = given["reach"].get("networks") or []
            state = postgresql.ask(given["database"], given["owner"], given["password"], networks)
        except postgresql.DatabaseError as error:
            if given["required"]:
                module.fail_json(msg=f"PostgreSQL on this host: {error}")
    except look.LookError as error:
        module.fail_json(msg=str(error))
    for text in seen.warnings:
        module.warn(text)
    result = seen.as_result()
    paths = [Path(path) for path in given["paths"]]
    if state:
        paths += [Path(state["config_file"]).parent / name for name in given["beside"]]
    result["paths"] = {str(path): found for path in paths if (found := look.at(path))}
    module.exit_json(changed=False, **result, state=state)


if __name__ == "__main__":
    main()
