#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a deployment for people: NAME-celery and NAME-manage."""

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_commands
short_description: Commands of a deployment on its host
description:
  - Used by the role P(celeriac.django.celery_runtime#role).
  - Installs C(NAME-celery) and C(NAME-manage), which run Celery's and manage.py's commands
    as the services would, with their environment, secrets, folder and user.
  - A file of somebody else's under one of these names is left alone, and is an error.
version_added: 0.1.0
extends_documentation_fragment:
  - celeriac.django._attributes
options:
  state:
    description: Whether the commands are to be there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: The name of the deployment, as in C(NAME-celery).
    type: str
    required: true
  program:
    description: The text of the commands; required if O(state=present).
    type: str
    default: ""
  completion:
    description:
      - What bash completes of C(NAME-celery).
      - In this text, C(@NAME@) stands for O(name), C(@POOLS@) for the names of the pools, C(@CELERY@) for the
        program of Celery.
    type: str
    default: ""
  setup:
    description:
      - What the commands are run with. They read it from C(operate.json) in O(config_path).
      - Required if O(state=present).
    type: dict
    default: {}
  config_path:
    description: The folder of the deployment's configuration.
    type: path
    required: true
  group:
    description:
      - A group of the host whose members may run the commands through sudo, without a password.
      - If it is empty, sudo's own rules decide.
    type: str
    default: ""
  folder:
    description: Where the commands go.
    type: path
    default: /usr/local/bin
  sudoers:
    description: The folder of sudo's rules.
    type: path
    default: /etc/sudoers.d
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Install shop-celery and shop-manage
  celeriac.django.celery_commands:
    name: shop
    program: "{{ lookup('ansible.builtin.file', 'operate.py', rstrip=false) }}"
    completion: "{{ lookup('ansible.builtin.file', 'completion.bash', rstrip=false) }}"
    config_path: /etc/shop-celery
    group: shop-operators
    setup:
      user: shop
      base: /srv/shop
      manage: /srv/shop/manage.py
      python: /var/lib/shop-celery/venv/bin/python
      app: shop
      environment: [/etc/shop-celery/environment, /etc/shop-celery/secrets]
      pools:
        default: [celery]
"""

RETURN = r"""
paths:
  description: The files that were written or removed, or would be.
  returned: success
  type: list
  elements: str
  sample: [/usr/local/bin/shop-celery, /usr/local/bin/shop-manage]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._runtime import commands
from ansible_collections.celeriac.django.plugins.module_utils._runtime.ownership import OwnershipError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "name": {"type": "str", "required": True},
            "program": {"type": "str", "default": ""},
            "completion": {"type": "str", "default": ""},
            "setup": {"type": "dict", "default": {}},
            "config_path": {"type": "path", "required": True},
            "group": {"type": "str", "default": ""},
            "folder": {"type": "path", "default": "/usr/local/bin"},
            "sudoers": {"type": "path", "default": "/etc/sudoers.d"},
        },
        required_if=[("state", "present", ["program", "setup"])],
        supports_check_mode=True,
    )
    params = module.params
    places = commands.Places.of(params["name"], params["folder"], params["config_path"], params["sudoers"])
    try:
        if params["state"] == "absent":
            paths = commands.remove(places, module.check_mode)
        else:
            texts = commands.Texts(params["program"], params["completion"])
            paths = commands.install(places, texts, params["setup"], params["group"], module.check_mode)
    except OwnershipError as error:
        module.fail_json(msg=str(error))
    sign = "-" if params["state"] == "absent" else "~"
    module.exit_json(
        changed=bool(paths), paths=paths, diff={"prepared": "".join(f"{sign}{path}\n" for path in paths)}
    )


if __name__ == "__main__":
    main()
