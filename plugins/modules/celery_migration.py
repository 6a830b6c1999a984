#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_migration
short_description: Apply a Django project's pending migrations
version_added: 0.1.0
description:
  - Applies what is pending in each database of the project, and nothing where nothing is. In check mode, it
    tells what C(manage.py migrate --plan) would.
  - On PostgreSQL, MySQL and MariaDB, a lock in the server keeps other hosts from migrating the same database
    meanwhile; on SQLite, a lock of the host.
  - Used by the role P(celeriac.django.celery_runtime#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
  - celeriac.django._attributes.project
options:
  databases:
    description:
      - The aliases of the databases in DATABASES, in this order.
      - Left empty, C(default), and each other one of which a router (DATABASE_ROUTERS, C(allow_migrate)) says
        that tables belong there. A replica is left alone, and so is what has two aliases, the second time.
    type: list
    elements: str
    default: []
  lock_timeout:
    description: How many seconds to wait for another host that is migrating.
    type: int
    default: 3600
  prefork:
    description:
      - The pools of workers whose tasks run in forked processes.
      - With them, it is an error if Django pools the connections of a database, and nothing is migrated.
    type: list
    elements: str
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Migrate
  celeriac.django.celery_migration:
    project:
      python: /var/lib/shop-celery/venv/bin/python
      base: /srv/shop
      settings: shop.settings.production
      user: shop
"""

RETURN = r"""
migrations:
  description: The migrations that were applied, or would be, in order; those of other databases than
    C(default) begin with the alias.
  returned: success
  type: list
  elements: str
  sample: [orders.0001_initial, "analytics: events.0001_initial"]
left_alone:
  description: The databases that were not looked at, each with the reason.
  returned: success
  type: dict
  sample:
    replica: "it is a replica: its server takes no changes"
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._project import python
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import migrate
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, turn
from ansible_collections.celeriac.django.plugins.module_utils._services import preflight


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "databases": {"type": "list", "elements": "str", "default": []},
            "lock_timeout": {"type": "int", "default": 3600},
            "prefork": {"type": "list", "elements": "str", "default": []},
            **python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    with turn.of(module):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    params = censor.parameters(module)
    if module.check_mode and not os.path.exists(params["project"]["python"]):
        # The environment is only about to be made, and the migrations are in its packages.
        module.exit_json(changed=True, migrations=["all of a new installation"], left_alone={})
    job = {
        "databases": params["databases"],
        "check": module.check_mode,
        "timeout": params["lock_timeout"],
        "forks": bool(params["prefork"]),
    }
    try:
        project = python.ProjectPython.from_params(params)
        answer = project.run(migrate, job, timeout=3600 + params["lock_timeout"], role=python.MIGRATE)
    except python.ProjectError as error:
        module.fail_json(
            msg=f"The databases could not be migrated: {error}. "
            "Workers and beat were not touched. Mend this, then run again."
        )
    refused = preflight.pooled_problems(answer["pooled"], params["prefork"])
    if refused:
        module.fail_json(msg=f"Nothing was migrated or started: {refused[0]}.")
    pending = [
        name if alias == "default" else f"{alias}: {name}"
        for alias, names in answer["databases"].items()
        for name in names
    ]
    if answer["problem"]:
        before = f" Before that, these were applied: {', '.join(pending)}." if pending else ""
        module.fail_json(
            msg=f"The database {answer['problem']['database']!r} could not be migrated: "
            f"{answer['problem']['text']}. Workers and beat were not touched.{before} "
            "Mend this, then run again.",
            migrations=pending,
        )
    module.exit_json(
        changed=bool(pending),
        migrations=pending,
        left_alone=answer["skipped"],
        diff={"prepared": "".join(f"+{name}\n" for name in pending)},
    )


if __name__ == "__main__":
    main()
