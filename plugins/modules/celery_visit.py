#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_visit
short_description: See in one visit whether a run would change anything on a host, and prove that it works
version_added: 0.1.0
description:
  - Used by the playbook integrate.yml. It asks each part of a run whether it would change something, in the
    order of the run, and changes nothing itself.
  - Where nothing would change, the proofs of M(celeriac.django.celery_proof) are made in the same start of
    the project's Python.
  - It never fails for what it finds. What is wrong is for the part itself to tell.
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.project
  - celeriac.django._attributes.run
attributes:
  action:
    support: full
    description: What the parts would do is read on the controller from the roles' own tasks, by an action
      plugin of the same name.
options:
  steps:
    description: What each part would do. Given by the action plugin.
    type: list
    elements: dict
    default: []
  ends:
    description: Whether the run is over at this host where nothing would change.
    type: bool
    default: false
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: See what differs
  celeriac.django.celery_visit:
    project: "{{ shop.deployment.inside }}"
  register: visit
"""

RETURN = r"""
differs:
  description: The first part of the run that would change something, empty where none would.
  returned: success
  type: str
  sample: packages
proofs:
  description: What was proven, as M(celeriac.django.celery_proof) has it. Empty where something differs.
  returned: success
  type: list
  elements: dict
lines:
  description: The same as text, a line for each proof.
  returned: success
  type: list
  elements: str
versions:
  description: The versions of Django and Celery.
  returned: success
  type: dict
unproven:
  description: Always empty; what could not be proven is for M(celeriac.django.celery_proof) to tell.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._project import python
from ansible_collections.celeriac.django.plugins.module_utils._proof import proof as _proof
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, packages, turn
from ansible_collections.celeriac.django.plugins.module_utils._visit import visit


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "steps": {"type": "list", "elements": "dict", "default": []},
            "ends": {"type": "bool", "default": False},
            **python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    params = censor.parameters(module)
    # Long, and nobody's to read: it is what the tasks say.
    module.params["steps"] = []
    steps = [visit.Step(**step) for step in params["steps"]]
    try:
        project = python.ProjectPython.from_params(params)
        found = visit.look(steps, project, params["secrets"], module.check_mode)
    except python.ProjectError:
        found = visit.Found(steps[0].part)
    proofs = [] if found.differs else list(found.proofs)
    for text in [text for proof in proofs for text in proof.pop("told", ())]:
        module.warn(text)
    run = turn.Run.of(params["run"])
    if run and params["ends"] and not found.differs:
        turn.give_back(run)
    module.exit_json(
        changed=False,
        differs=found.differs,
        proofs=proofs,
        lines=_proof.table(proofs),
        versions=packages.versions([str(Path(params["project"]["python"]).parents[1])]),
        unproven=[],
    )


if __name__ == "__main__":
    main()
