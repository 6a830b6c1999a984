#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_periodic_task
short_description: Write periodic tasks into the tables of django-celery-beat
version_added: 0.1.0
description:
  - Writes through Django's ORM, in one transaction, so a running beat sees the change at its next tick.
  - All entries are checked first, and that their tasks are registered. If one cannot be, nothing is
    written.
  - Entries that this module made, and that are not in O(schedule) any more, are removed. Those that people
    made in the admin are left alone, unless O(exclusive).
  - Used by the role P(celeriac.django.celery_beat#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
options:
  schedule:
    description:
      - The periodic tasks, as the variable C(celery_beat_schedule) of the role
        C(celeriac.django.celery).
      - The keys are C(name), C(task), one of C(crontab), C(interval), C(solar) and C(clocked), C(args),
        C(kwargs), C(queue), C(expires), C(enabled), C(timezone), and C(state), which is C(present) or
        C(absent).
    type: list
    elements: dict
    default: []
  exclusive:
    description:
      - Whether entries that are not in O(schedule) are removed, whoever made them.
      - Those of CELERY_BEAT_SCHEDULE in the settings stay, as beat would make them again.
    type: bool
    default: false
  timezone:
    description: That of crontabs without one of their own. Left out, the project's.
    type: str
    default: ""
  app:
    description: What C(celery -A) takes.
    type: str
    required: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Remind customers each working day
  celeriac.django.celery_periodic_task:
    schedule:
      - name: remind customers
        task: orders.tasks.remind
        crontab: 30 8 * * mon-fri
        timezone: Europe/Berlin
        expires: 1h
    app: shop
    project:
      python: /var/lib/shop-celery/venv/bin/python
      base: /srv/shop
      settings: shop.settings.production
      user: shop
"""

RETURN = r"""
entries:
  description: The names of the entries that were written or removed, or would be.
  returned: success
  type: list
  elements: str
  sample: [remind customers]
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._project import python
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import periodic
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, turn


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "schedule": {"type": "list", "elements": "dict", "default": []},
            "exclusive": {"type": "bool", "default": False},
            "timezone": {"type": "str", "default": ""},
            "app": {"type": "str", "required": True},
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
        entries = [entry.as_data() for entry in _schedule.complete(params["schedule"], params["timezone"])]
        if module.check_mode and not os.path.exists(params["project"]["python"]):
            # The environment is only about to be made, and the tables with it.
            names = [entry["name"] for entry in entries if not entry["absent"]]
            module.exit_json(changed=bool(names), entries=names)
        project = python.ProjectPython.from_params(params)
        job = {
            "app": params["app"],
            "entries": entries,
            "exclusive": params["exclusive"],
            "keep": [],
            "check": module.check_mode,
        }
        answer = project.run(periodic, job, role=python.SHELL)
    except (_schedule.ScheduleError, python.ProjectError) as error:
        module.fail_json(
            msg=f"The periodic tasks could not be written: {error}. No periodic task was changed."
        )
    if answer["problems"]:
        listed = "; ".join(answer["problems"])
        module.fail_json(
            msg=f"The periodic tasks could not be written: {listed}. No periodic task was changed."
        )
    before, after = answer["before"], answer["after"]
    module.exit_json(
        changed=before != after,
        entries=sorted({*before, *after}),
        diff={"before": _shown(before), "after": _shown(after)},
    )


def _shown(entries: dict[str, object]) -> str:
    return json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False) + "\n" if entries else ""


if __name__ == "__main__":
    main()
