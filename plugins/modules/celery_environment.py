#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_environment
short_description: Write the environment and the secrets of Celery's processes
version_added: 0.1.0
description:
  - Makes the folders of a deployment, and writes two files for systemd's C(EnvironmentFile=) and for a
    shell, one with what is no secret (C(environment) of O(project)), and one with the secrets.
  - A secret's value is in no diff and in no result; the names of those that change are.
  - Where there are such files already, new values are tried first. The project's settings have to load with
    them, and its databases and the broker have to let them in.
  - Used by the role P(celeriac.django.celery_runtime#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
options:
  state:
    description: Whether folders and files are there.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The folder of the two files, which are called C(environment) and C(secrets).
    type: path
    required: true
  folders:
    description: The folders, each with C(path), C(owner), C(group) and C(mode). An empty owner or group is
      left as it is.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The folder.
        type: path
        required: true
      owner:
        description: Its owner, a name or a number.
        type: str
        default: ""
      group:
        description: Its group.
        type: str
        default: ""
      mode:
        description: Its mode, in octal digits.
        type: str
        default: "0755"
  paths:
    description: For O(state=absent), the folders and files that are removed, with all that is in them.
    type: list
    elements: path
    default: []
  ignored:
    description: Whether git ignores O(path), because it is inside a checkout.
    type: bool
    default: false
  owner:
    description: The owner of the files.
    type: str
    default: ""
  group:
    description: The group of the files, which may read them.
    type: str
    default: ""
  credentials:
    description: Whether systemd hands the secrets to the services, so that root alone has to read the file.
    type: bool
    default: false
  app:
    description: What C(celery -A) takes, to ask the broker.
    type: str
    default: ""
  prefork:
    description:
      - The pools of workers whose tasks run in forked processes.
      - With them, it is an error if Django pools the connections of a database.
    type: list
    elements: str
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Write the environment
  celeriac.django.celery_environment:
    path: /etc/shop-celery
    folders:
      - path: /etc/shop-celery
        owner: root
        group: shop
        mode: "0750"
    owner: root
    group: shop
    project:
      base: /srv/shop
      settings: shop.settings.production
      environment:
        ALLOWED_HOSTS: shop.example
    secrets:
      SECRET_KEY: "{{ vault_shop_secret_key }}"
"""

RETURN = r"""
secret_names:
  description: The names of the secrets that changed, or would change.
  returned: success
  type: list
  elements: str
  sample: [SECRET_KEY]
"""

import difflib
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._project import python, works
from ansible_collections.celeriac.django.plugins.module_utils._runtime import (
    censor,
    environment_file,
    ownership,
    removal,
    turn,
)


def remove(module: AnsibleModule) -> None:
    there = [Path(path) for path in module.params["paths"] if os.path.lexists(path)]
    try:
        for path in [] if module.check_mode else there:
            removal.remove(path, follow=True)
    except removal.RemovalError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(there),
        secret_names=[],
        diff={"prepared": "".join(f"-{path}\n" for path in there)},
    )


def see(params: dict[str, Any]) -> None:
    """See that the project works with the new values."""
    interpreter = params["project"]["python"]
    if interpreter and os.path.exists(interpreter):
        works.see(
            python.ProjectPython.from_params(params),
            {"databases": True, "broker": True, "app": params["app"], "prefork": params["prefork"]},
            "With the new environment, the project does not work, so the old one stays",
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            **python.ARGUMENTS,
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "path": {"type": "path", "required": True},
            "folders": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "path", "required": True},
                    "owner": {"type": "str", "default": ""},
                    "group": {"type": "str", "default": ""},
                    "mode": {"type": "str", "default": "0755"},
                },
            },
            "ignored": {"type": "bool", "default": False},
            "paths": {"type": "list", "elements": "path", "default": []},
            "owner": {"type": "str", "default": ""},
            "group": {"type": "str", "default": ""},
            "credentials": {"type": "bool", "default": False},
            "app": {"type": "str", "default": ""},
            "prefork": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    with turn.of(module):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    os.umask(0o022)
    params = censor.parameters(module)
    if params["state"] == "absent":
        remove(module)
    path = Path(params["path"])
    belongs = ownership.Belongs(params["owner"], params["group"], 0o640)
    secretly = ownership.Belongs("root", "root", 0o600) if params["credentials"] else belongs
    steps = []
    try:
        plain = environment_file.dump(params["project"]["environment"])
        secret = environment_file.dump(params["secrets"])
        for folder in params["folders"]:
            owned = ownership.Belongs(folder["owner"], folder["group"], int(folder["mode"], 8))
            if ownership.folder(Path(folder["path"]), owned, module.check_mode):
                steps.append(f"+folder {folder['path']}\n")
        if params["ignored"] and ownership.file(path / ".gitignore", "*\n", belongs, module.check_mode):
            steps.append(f"+file {path}/.gitignore\n")
        before = environment_file.read(path / "environment")
        names = environment_file.changed_names(path / "secrets", params["secrets"])
        if before and (names or before != plain) and not module.check_mode:
            see(params)
        changed = [
            ownership.file(path / "environment", plain, belongs, module.check_mode),
            ownership.file(path / "secrets", secret, secretly, module.check_mode),
        ]
    except (
        environment_file.BadNameError,
        ownership.OwnershipError,
        python.ProjectError,
        works.WorksError,
    ) as error:
        module.fail_json(msg=str(error))
    steps += difflib.unified_diff(
        before.splitlines(keepends=True),
        plain.splitlines(keepends=True),
        fromfile=f"a{path}/environment",
        tofile=f"b{path}/environment",
    )
    module.exit_json(
        changed=bool(steps) or any(changed),
        secret_names=names,
        diff={"prepared": "".join([*steps, *(f"~secret {name}\n" for name in names)])},
    )


if __name__ == "__main__":
    main()
