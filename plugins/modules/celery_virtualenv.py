#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_virtualenv
short_description: Make the virtual environment that a Django project and Celery run in
version_added: 0.1.0
description:
  - Solves the project's requirements and Celery's together, installs them with uv, and sees that the
    project's settings load
    with them and that its databases answer.
  - A set that cannot be solved is refused before anything changes. Each set is an environment of its own
    beside the one in use, which O(venv) links to. The link is exchanged when the new one is whole and the
    project works in it, so that what runs keeps its packages.
  - To build packages is to run their code, so root does not. The owner of the checkout builds, and what was
    built is copied to be root's. Where root owns the checkout, the user of the services builds.
  - uv is taken from the host, or fetched from the package index that the host's pip uses.
  - Used by the role P(celeriac.django.celery_runtime#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
options:
  state:
    description: Whether the environment is there. V(absent) only removes one that this module made.
    type: str
    choices: [present, absent]
    default: present
  venv:
    description: The folder of the environment.
    type: path
    required: true
  tools:
    description: The folder for uv where the host has none.
    type: path
    required: true
  interpreter:
    description: The Python to make it with, as RV(celeriac.django.celery_deployment#module:interpreter).
    type: dict
  files:
    description: Requirement files on the host.
    type: list
    elements: path
    default: []
  specs:
    description: Further requirements.
    type: list
    elements: str
    default: []
  lock:
    description:
      - A lock file of uv, poetry, pdm or pipenv, whose versions are kept for all packages that it names.
      - What O(specs) add is solved with them.
    type: path
  folder:
    description: Where relative paths in the requirement files are meant from. By default O(project.base).
    type: path
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    variables:
      celery_project_path: /srv/shop
  register: shop

- name: Make the virtual environment
  celeriac.django.celery_virtualenv:
    venv: /var/lib/shop-celery/venv
    tools: /var/lib/shop-celery/bin
    interpreter: "{{ shop.interpreter }}"
    project: "{{ shop.deployment.inside }}"
    files: [/srv/shop/requirements.txt]
    specs: ["celery[redis]>=5.7,<6"]
"""

RETURN = r"""
packages:
  description: What was installed and removed, or would be.
  returned: success
  type: list
  elements: str
  sample: ["+celery==5.7.0"]
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._project import python as _project_python
from ansible_collections.celeriac.django.plugins.module_utils._project import works
from ansible_collections.celeriac.django.plugins.module_utils._runtime import (
    builder,
    censor,
    interpreter,
    lock,
    removal,
    turn,
    uv,
)
from ansible_collections.celeriac.django.plugins.module_utils._runtime import packages as _packages


def remove(module: AnsibleModule) -> None:
    venv, tools = Path(module.params["venv"]), Path(module.params["tools"])
    there = [*_packages.ours(venv), *([tools] if tools.exists() else [])]
    try:
        for path in [] if module.check_mode else there:
            removal.remove(path)
    except removal.RemovalError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(there), packages=[])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "venv": {"type": "path", "required": True},
            "tools": {"type": "path", "required": True},
            "interpreter": {"type": "dict"},
            "files": {"type": "list", "elements": "path", "default": []},
            "specs": {"type": "list", "elements": "str", "default": []},
            "lock": {"type": "path"},
            "folder": {"type": "path"},
            **_project_python.ARGUMENTS,
        },
        required_if=[("state", "present", ["interpreter"])],
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
    wanted = _packages.Wanted(
        venv=Path(params["venv"]),
        interpreter=interpreter.Interpreter(**params["interpreter"]),
        files=[Path(file) for file in params["files"]],
        specs=params["specs"],
        tools=Path(params["tools"]),
        lock=Path(params["lock"]) if params["lock"] else None,
        folder=Path(params["folder"] or params["project"]["base"]),
    )
    strange = uv.unfollowed()
    if strange:
        module.warn(
            f"pip's settings on this host have {', '.join(strange)}, which is not followed: docs/packages.md "
            "has the list. See that the packages are those that are meant."
        )
    who = builder.Builder.choose(params["project"]["base"], params["project"]["user"])

    def see(python: Path) -> None:
        project = _project_python.ProjectPython.from_params(params, as_owner=True, python=str(python))
        what = "The project does not work as it is"
        if not _packages.is_ours(wanted.venv):
            what += f" with the packages that are now in {wanted.venv}"
        else:
            what += "; nothing was changed"
        works.see(project, {"databases": True}, what)

    try:
        packages = _packages.install(wanted, module.check_mode, see, who)
    except (
        lock.LockError,
        uv.PackagesError,
        _project_python.ProjectError,
        works.WorksError,
    ) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(packages),
        packages=packages,
        diff={"prepared": "".join(f"{line}\n" for line in packages)},
    )


if __name__ == "__main__":
    main()
