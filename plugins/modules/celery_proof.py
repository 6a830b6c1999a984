#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_proof
short_description: Prove that a Django project's Celery works
version_added: 0.1.0
description:
  - Asks the running workers and beat of this host. Where no service manager runs them, starts a worker and
    beat for the time
    of the proof.
  - The proofs are the settings module, the migrations, the tasks of the source against the registered ones,
    a round trip
    through the result backend for each pool, a rolled-back and a committed transaction, and beat's canary.
  - Used by the role P(celeriac.django.celery_verify#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
options:
  deployment:
    description: The decisions, as RV(celeriac.django.celery_deployment#module:deployment).
    type: dict
    required: true
  hostname:
    description: What the host calls itself.
    type: str
    required: true
  timeout:
    description: How many seconds to wait for each answer.
    type: int
    default: 20
  ignored_tasks:
    description: Tasks of the source that workers need not know, by name or by pattern (C(*), C(?)).
    type: list
    elements: str
    default: []
  checks:
    description: What is to be proven. By default, all of it.
    type: list
    elements: str
    default: []
    choices:
      - settings
      - known_settings
      - variables
      - secrets
      - limits
      - tables
      - web
      - drained
      - workers
      - pools
      - fleet
      - queues
      - tasks
      - code
      - round_trip
      - nodes
      - clocks
      - errors
      - transactions
      - beat
      - schedule
      - site
  fleet:
    description:
      - What the filter P(celeriac.django.celery_fleet#filter) gives; empty for a host that asks for
        itself alone.
    type: dict
    default: {}
  wanted:
    description: The variables that the settings have no default for, each with its place.
    type: dict
    default: {}
  pending:
    description:
      - Whether check mode has told of a change that it has not made, so that what runs knows nothing of it.
      - Then only what does not depend on it is proven.
    type: bool
    default: false
  units:
    description:
      - The instances that are asked, as a generation before may run beside them. Left out, all that run are.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Whether it fails if something is not proven. Otherwise RV(unproven) says what is not, and the caller
        can show the table before it fails.
    type: bool
    default: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    variables:
      celery_project_path: /srv/shop
  register: shop

- name: Prove that its Celery works
  celeriac.django.celery_proof:
    deployment: "{{ shop.deployment }}"
    hostname: "{{ shop.host.hostname }}"
    project: "{{ shop.deployment.inside }}"
"""

RETURN = r"""
proofs:
  description: What was proven, in order, and what was not.
  returned: success
  type: list
  elements: dict
  sample:
    - detail: 12 ms through the queue celery
      name: round trip, pool default
      ok: true
unproven:
  description: The names of those that failed.
  returned: success
  type: list
  elements: str
  sample: []
versions:
  description: The versions of Django and Celery in the virtual environment.
  returned: success
  type: dict
  sample: {"celery": "5.7.0", "django": "6.0"}
lines:
  description: The proofs as text, in columns.
  returned: success
  type: list
  elements: str
  sample: ["ok  round trip, pool default  12 ms through the queue celery"]
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._project import python
from ansible_collections.celeriac.django.plugins.module_utils._proof import checks, trial
from ansible_collections.celeriac.django.plugins.module_utils._proof import proof as _proof
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, packages, turn


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "deployment": {"type": "dict", "required": True},
            "hostname": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 20},
            "ignored_tasks": {"type": "list", "elements": "str", "default": []},
            "checks": {"type": "list", "elements": "str", "default": [], "choices": list(checks.NAMES)},
            "fleet": {"type": "dict", "default": {}},
            "wanted": {"type": "dict", "default": {}},
            "pending": {"type": "bool", "default": False},
            "strict": {"type": "bool", "default": True},
            "units": {"type": "list", "elements": "str", "default": []},
            **python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    with turn.of(module, last=not module.params["units"]):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    params = censor.parameters(module)
    if module.check_mode and not os.path.exists(params["project"]["python"]):
        module.exit_json(changed=False, proofs=[], lines=[], unproven=[], versions={})
    try:
        project = python.ProjectPython.from_params(params)
        deployment = Deployment.from_data(params["deployment"])
        proofs = _proof.prove(
            project,
            deployment,
            params["hostname"],
            _proof.Asked.of(params),
            module.check_mode,
            params["pending"],
        )
    except (python.ProjectError, trial.TrialError) as error:
        module.fail_json(msg=f"The proof could not be made: {error}")
    for text in [text for proof in proofs for text in proof.pop("told", ())]:
        module.warn(text)
    answer: dict[str, Any] = {
        "proofs": proofs,
        "lines": _proof.table(proofs),
        "versions": packages.versions([deployment.places.venv]),
        "unproven": [proof["name"] for proof in proofs if not proof["ok"]],
    }
    failed = [f"{proof['name']}: {proof['detail']}" for proof in proofs if not proof["ok"]]
    if failed and params["strict"]:
        module.fail_json(msg=f"Not proven: {'; '.join(failed)}", **answer)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
