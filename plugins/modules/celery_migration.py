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
  - Applies what is pending, and nothing where nothing is. In check mode, it tells what C(manage.py migrate
    --plan) would.
  - On PostgreSQL, an advisory lock keeps other hosts from migrating the same database meanwhile.
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.project
options:
  database:
    description: The alias of the database in DATABASES.
    type: str
    default: default
  lock_timeout:
    description: How many seconds to wait for another host that is migrating.
    type: int
    default: 600
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Migrate
  celeriac.django.celery_migration:
    python: /var/lib/shop-celery/venv/bin/python
    base: /srv/shop
    settings: shop.settings.production
    user: shop
"""

RETURN = r"""
migrations:
  description: The migrations that were applied, or would be, in order.
  returned: success
  type: list
  elements: str
  sample: [orders.0001_initial]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils import _project_python
from ansible_collections.celeriac.django.plugins.module_utils._inside import migrate


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "default": "default"},
            "lock_timeout": {"type": "int", "default": 600},
            **_project_python.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    params = module.params
    if module.check_mode and not os.path.exists(params["python"]):
        # The environment is only about to be made, and the migrations are in its packages.
        module.exit_json(changed=True, migrations=["all of a new installation"])
    job = {
        "database": params["database"],
        "check": module.check_mode,
        "timeout": params["lock_timeout"],
    }
    try:
        project = _project_python.ProjectPython.from_params(params)
        pending = project.run(migrate, job, timeout=3600 + params["lock_timeout"])["pending"]
    except _project_python.ProjectError as error:
        module.fail_json(
            msg=f"The database {params['database']!r} could not be migrated: {error}. "
            "Workers and beat were not touched. Mend this, then run again."
        )
    module.exit_json(
        changed=bool(pending),
        migrations=pending,
        diff={"prepared": "".join(f"+{name}\n" for name in pending)},
    )


if __name__ == "__main__":
    main()
