#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_guard
short_description: See that a release can run beside the one before
version_added: 0.1.0
description:
  - Migrations that the code which still runs cannot bear are refused, with file and operation.
  - So is a release that does not know a task which is queued, held by a worker or in the schedule.
  - It changes nothing.
  - Used by the role P(celeriac.django.celery_release#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
options:
  app:
    description: What C(celery -A) takes.
    type: str
    required: true
  release:
    description: The folder of the release.
    type: path
    required: true
  databases:
    description: The aliases of the databases; left empty, those that are migrated.
    type: list
    elements: str
    default: []
  queues:
    description: The queues that workers serve.
    type: list
    elements: str
    default: []
  migrations:
    description: What becomes of a release with such migrations.
    type: str
    choices: [refuse, warn, allow]
    default: refuse
  skew:
    description: What becomes of a release without such a task.
    type: str
    choices: [refuse, warn, allow]
    default: refuse
  newer:
    description: The project of the release that runs, which knows migrations that this one lacks.
    type: dict
    default: {}
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: See that the release can run beside the one before
  celeriac.django.celery_guard:
    app: shop
    release: /srv/shop/releases/20261130-140501-3f2a91c0de
    project: "{{ shop.deployment.inside }}"
"""

RETURN = r"""
pending:
  description: The migrations that the databases still have to get.
  returned: success
  type: list
  elements: str
  sample: [orders.0002_country]
told:
  description: What was found and is allowed.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._project import python
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import guard
from ansible_collections.celeriac.django.plugins.module_utils._release import guards
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, turn

CHOICES = ["refuse", "warn", "allow"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "app": {"type": "str", "required": True},
            "release": {"type": "path", "required": True},
            "databases": {"type": "list", "elements": "str", "default": []},
            "queues": {"type": "list", "elements": "str", "default": []},
            "migrations": {"type": "str", "default": "refuse", "choices": CHOICES},
            "skew": {"type": "str", "default": "refuse", "choices": CHOICES},
            "newer": {"type": "dict", "default": {}},
            **python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    with turn.of(module):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    params = censor.parameters(module)
    try:
        job = {name: params[name] for name in ("app", "databases", "queues", "release")}
        answer = python.ProjectPython.from_params(params).run(guard, job, role=python.WORKER)
        behind = []
        if answer["ahead"] and params["newer"]:
            newer = python.ProjectPython.from_params({**params, "project": params["newer"]})
            behind = newer.run(guard, {"only": answer["ahead"]}, role=python.MIGRATE)["unsafe"]
    except python.ProjectError as error:
        module.fail_json(msg=f"The release does not work: {error}. What runs was left alone.")
    found = guards.judge(answer, behind, params, params["release"])
    if found.problems:
        module.fail_json(msg=f"Nothing was migrated or started: {'. '.join(found.problems)}.")
    for text in found.warnings:
        module.warn(text)
    module.exit_json(changed=False, pending=answer["pending"], told=list(found.warnings))


if __name__ == "__main__":
    main()
