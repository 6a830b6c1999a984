#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_review
short_description: Say what a Celery app that a Django project wrote itself lacks
version_added: 0.1.0
description:
  - Loads the app in the project's virtual environment, and warns with file and line of what the guarantees
    of this collection miss in it. It changes nothing.
  - It is an error if no task could ever reach a worker, because the app runs them where they are sent
    (C(task_always_eager)) or keeps them in memory.
  - Looked at are the prefix of its settings, the result backend, the broker and the delivery against what the
    inventory asks for, settings that Celery ignores, and tasks that cannot be sent on commit.
  - Used by the role P(celeriac.django.celery_project#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.project
options:
  discovered:
    description: The discovered project, as RV(celeriac.django.celery_deployment#module:project).
    type: dict
    required: true
  app:
    description: What C(celery -A) takes.
    type: str
    required: true
  delivery:
    description: What was asked for.
    type: str
    choices: [at_most_once, at_least_once]
    default: at_most_once
  served:
    description: The queues that a pool of the deployment serves. Without any, nobody is asked.
    type: list
    elements: str
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    variables:
      celery_project_path: /srv/shop
  register: shop

- name: Say what its own Celery app lacks
  celeriac.django.celery_review:
    discovered: "{{ shop.project }}"
    app: "{{ shop.deployment.code.app }}"
    project: "{{ shop.deployment.inside }}"
"""

RETURN = r"""
lacks:
  description: What is missing, each with file and line. They are warnings too.
  returned: success
  type: list
  elements: str
  sample:
    - "shop/settings.py:40: Celery knows no setting CELERY_BROKER_UR, and ignores it."
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._discovery import project
from ansible_collections.celeriac.django.plugins.module_utils._project import (
    known_settings,
    python,
    review,
    works,
)
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import review as inside_review
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "discovered": {"type": "dict", "required": True},
            "app": {"type": "str", "required": True},
            "delivery": {
                "type": "str",
                "default": "at_most_once",
                "choices": ["at_most_once", "at_least_once"],
            },
            "served": {"type": "list", "elements": "str", "default": []},
            **python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    params = censor.parameters(module)
    interpreter = params["project"]["python"]
    if not interpreter or not os.path.exists(interpreter):
        module.exit_json(changed=False, lacks=[])
    try:
        inside = python.ProjectPython.from_params(params, as_owner=True)
        found = project.Project.from_data(params["discovered"])
        job = {
            "app": params["app"],
            "places": found.celery_settings,
            "unlisted": known_settings.UNLISTED,
        }
        answer = inside.run(inside_review, job, role=python.WORKER)
    except python.ProjectError as error:
        module.fail_json(msg=f"The project's own Celery app {params['app']} does not load: {error}")
    if answer["void"]:
        module.fail_json(msg=f"No worker would ever get a task: {'; '.join(answer['void'])}.")
    unserved = review.unserved(found, answer["queues"], params["served"])
    if unserved:
        module.fail_json(msg=f"{unserved} Nothing was changed.")
    try:
        job = {"broker": True, "app": params["app"], "places": found.celery_settings}
        works.see(inside, job, f"The project's own Celery app {params['app']}; nothing was changed")
    except works.WorksError as error:
        module.fail_json(
            msg=f"{error}. Start it, or correct the setting ({review.broker_place(found)}); what that reads "
            "from the environment goes into celery_secrets."
        )
    answer["unknown"] = review.unread(found.base, answer["unknown"])
    lacks = review.lacks(found, answer, params["delivery"])
    for text in lacks:
        module.warn(text)
    module.exit_json(changed=False, lacks=lacks)


if __name__ == "__main__":
    main()
