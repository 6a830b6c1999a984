#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_project
short_description: Put Celery into a Django checkout, all or nothing, or take it out to the byte
version_added: 0.1.0
description:
  - Writes files of its own and marked blocks in the project's files. Everything is computed first, then
    written, then checked, and undone to the byte if a check fails.
  - Checked is that every changed file compiles and, where the project's Python exists, that the settings
    load, that Django's system checks pass and that the databases and the broker answer.
  - A run that was killed is undone by the next one.
  - The checkout is read and changed as its owner, also where the module runs as root. Nothing outside of it
    is changed, whatever links are in it.
  - Used by the role P(celeriac.django.celery_project#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
attributes:
  action:
    support: full
    description: The files are rendered on the controller, by an action plugin of the same name.
options:
  state:
    description: Whether the integration is in the checkout.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The checkout.
    type: path
    required: true
  record:
    description: The record of the integration, relative to O(path).
    type: str
    required: true
  deployment:
    description: The decisions, as RV(celeriac.django.celery_deployment#module:deployment).
    type: dict
    default: {}
  discovered:
    description: The discovered project, as RV(celeriac.django.celery_deployment#module:project).
    type: dict
    default: {}
  secret_names:
    description: Names of secrets, for .env.example.
    type: list
    elements: str
    default: []
  templates_path:
    description: Folders on the controller whose templates replace those of the collection. Laid out as its
      folder templates.
    type: list
    elements: path
    default: []
  files:
    description: Files that are made as a whole, relative path to text. Given by the action plugin.
    type: dict
    default: {}
  blocks:
    description: Marked blocks by the relative path of their file, each with C(lines) and C(hint). Given by
      the action plugin.
    type: dict
    default: {}
  samples:
    description: Files that belong together, and that are left alone as soon as one of them was edited. Given
      by the action plugin.
    type: list
    elements: list
    default: []
  tasks:
    description: Tasks that have to be registered, each with what names it. Given by the action plugin.
    type: dict
    default: {}
  places:
    description: Where the project's own settings of Celery stand, by their names. Given by the action plugin.
    type: dict
    default: {}
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
  results:
    description: What to try of the result backend. Given by the action plugin.
    type: dict
    default: {}
  name:
    description: The deployment's name, which the record keeps. Given by the action plugin.
    type: str
    default: ""
  overwrite:
    description: Whether generated files that somebody has edited are written again.
    type: bool
    default: false
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    variables:
      celery_project_path: /srv/shop
  register: shop

- name: Put Celery into it
  celeriac.django.celery_project:
    path: /srv/shop
    record: shop/celery_ops/integration.json
    project: "{{ shop.deployment.inside }}"
    deployment: "{{ shop.deployment }}"
    discovered: "{{ shop.project }}"

- name: Take Celery out again
  celeriac.django.celery_project:
    state: absent
    path: /srv/shop
    record: shop/celery_ops/integration.json
    project:
      base: /srv/shop
      settings: shop.settings.production
"""

RETURN = r"""
files:
  description: The files that were changed, relative to the checkout.
  returned: success
  type: list
  elements: str
  sample: [shop/celery.py]
kept:
  description: Generated files that somebody has edited, and that were left alone, with the reason.
  returned: success
  type: dict
  sample:
    shop/celery.py: edited since it was made, and left alone
recovered:
  description: Whether an interrupted run had to be undone first.
  returned: success
  type: bool
  sample: false
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._checkout import change, exceptions, integration
from ansible_collections.celeriac.django.plugins.module_utils._project import python, works
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, turn


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "path": {"type": "path", "required": True},
            "record": {"type": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "deployment": {"type": "dict", "default": {}},
            "discovered": {"type": "dict", "default": {}},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "templates_path": {"type": "list", "elements": "path", "default": []},
            "files": {"type": "dict", "default": {}},
            "blocks": {"type": "dict", "default": {}},
            "samples": {"type": "list", "elements": "list", "default": []},
            "tasks": {"type": "dict", "default": {}},
            "places": {"type": "dict", "default": {}},
            "app": {"type": "str", "default": ""},
            "prefork": {"type": "list", "elements": "str", "default": []},
            "results": {"type": "dict", "default": {}},
            "overwrite": {"type": "bool", "default": False},
            **python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    with turn.of(module):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    params = censor.parameters(module)
    top = Path(params["path"])

    def compute(read: integration.Reader) -> integration.Change:
        if params["state"] == "absent":
            return integration.remove(top, params["record"], read)
        return integration.integrate(
            top,
            params["record"],
            params["files"],
            exceptions.with_exceptions(top, [*params["files"], params["record"]], params["blocks"]),
            read,
            params["overwrite"],
            params["samples"],
            params["name"],
        )

    def see(_changed: list[Path]) -> None:
        interpreter = params["project"]["python"]
        if params["state"] == "present" and interpreter and os.path.exists(interpreter):
            project = python.ProjectPython.from_params(params, as_owner=True)
            job = {
                "system": True,
                "databases": True,
                "broker": True,
                "app": params["app"],
                "prefork": params["prefork"],
                "tasks": params["tasks"],
                "places": params["places"],
                "results": params["results"],
            }
            works.see(project, job, "With the integration, the project does not work, so it was undone")

    if params["state"] == "absent" and not os.path.lexists(top):
        # It is gone, and what was in it with it.
        module.exit_json(changed=False, diff={"prepared": ""}, files=[], kept={}, recovered=False)
    try:
        outcome = change.change(top, compute, see, module.check_mode)
    except (change.CheckoutError, python.ProjectError, works.WorksError) as error:
        module.fail_json(msg=str(error))
    for text in filter(None, (exceptions.told(outcome.diff), change.uncommitted(outcome))):
        if params["state"] == "present":
            module.warn(text)
    module.exit_json(
        changed=bool(outcome.files) or outcome.recovered,
        diff={"prepared": outcome.diff},
        files=outcome.files,
        kept=outcome.kept,
        recovered=outcome.recovered,
    )


if __name__ == "__main__":
    main()
