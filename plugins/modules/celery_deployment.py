#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_deployment
short_description: Look at a Django checkout and its host, and decide how Celery is deployed there
version_added: 0.1.0
description:
  - Finds manage.py, the settings module, the project's package, apps, database engine, requirement files,
    tasks and Celery
    apps by parsing the source. None of the project's code is run.
  - Checks the variables of the deployment against each other and against what was found, before anything is
    changed.
  - The answer is what the roles of this collection work from. It holds no secret.
  - Used by the role P(celeriac.django.celery#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
attributes:
  action:
    support: full
    description: The decisions are made on the controller, by an action plugin of the same name.
options:
  variables:
    description:
      - The variables of the role celery by their names, as C(celery_project_path). Types, choices and
        defaults are those of its argument specs.
      - Those that hold secrets are left out; the next options say what matters of them.
    type: dict
    required: true
  broker_url:
    description: The URL of the broker. Left out, a folder on the host stands in for it.
    type: str
    default: ""
  broker_server:
    description:
      - What the inventory sets up as the broker; empty if the broker is somebody else's.
    type: str
    default: ""
  broker_patience:
    description: For how many seconds the RabbitMQ of the inventory lets a worker hold a message, as
      RV(celeriac.django.celery_rabbitmq_plan#module:consumer_timeout). V(0) for another broker.
    type: int
    default: 0
  database_ca:
    description: Who has signed the certificate of the database, a PEM file on the host.
    type: str
    default: ""
  database_scheme:
    description: The scheme of DATABASE_URL, empty where there is none.
    type: str
    default: ""
  uses_postgresql:
    description: Whether a secret names a PostgreSQL database, so that its driver is needed.
    type: bool
    default: false
  secret_names:
    description: The names of the secrets in the environment; their values are of no interest here.
    type: list
    elements: str
    default: []
  secret_schemes:
    description: What the secrets that are URLs begin with, such as V(redis). A project's own Celery app may
      have its broker from any of them.
    type: list
    elements: str
    default: []
  placeholders:
    description: The names of the secrets whose value is still a placeholder.
    type: list
    elements: str
    default: []
  group_names:
    description: The groups of the inventory, each with its hosts.
    type: dict
    default: {}
  removing:
    description: Whether the deployment is to be removed, so that a broker that is down or a missing Python
      is no error. The action plugin says so too where the checkout alone is to be changed.
    type: bool
    default: false
  unseen:
    description:
      - Whether a checkout that is gone or cannot be read is no error, as what runs is to be removed.
      - What is removed is then what the host's own configuration says of the deployment, which root alone can
        change.
    type: bool
    default: false
  release:
    description: The folder that holds the releases, where the checkout is one of them.
    type: str
    default: ""
  changes:
    description:
      - Whether the deployment is about to be changed. Then this is the beginning of the run's turn on the
        host, and other runs wait for its end.
    type: bool
    default: false
  run:
    description: Which run of a playbook this is, and whose. Given by the action plugin.
    type: dict
    default: {}
  gone:
    description: Runs that are known to be over. Given by the action plugin.
    type: list
    elements: str
    default: []
  addresses:
    description: The servers of the broker, each as host and port. Given by the action plugin.
    type: list
    elements: list
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    variables:
      celery_project_path: /srv/shop
    broker_url: redis://redis.example.com:6379/0
  register: shop_deployment

- name: Say which settings module production runs with
  ansible.builtin.debug:
    var: shop_deployment.deployment.code.settings
"""

RETURN = r"""
deployment:
  description: What was decided, as the roles of this collection use it.
  returned: success
  type: dict
  sample:
    app: shop
    duties: [worker, beat]
    name: shop
    settings: shop.settings.production
project:
  description: What was found in the checkout.
  returned: success
  type: dict
  sample:
    apps_file: /srv/shop/shop/settings/base.py
    settings: shop.settings.production
    settings_source: shop/wsgi.py:7
interpreter:
  description: The Python that the virtual environment is made with, and what it can do.
  returned: success, unless only the checkout is changed
  type: dict
versions:
  description: The versions of Django and Celery in the project's virtual environment, where there is one.
  returned: success
  type: dict
  sample:
    celery: 5.7.0
    django: 5.2.19
next:
  description: What there is to know at the end of a run, or of a removal, as lines.
  returned: success, unless only the checkout is changed
  type: list
  elements: str
serving:
  description:
    - The units of the host that serve the checkout as a web site, and whether they would find the workers.
  returned: success
  type: list
  elements: dict
  sample:
    - unit: gunicorn.service
      files: [/etc/shop-celery/environment, /etc/shop-celery/secrets]
      has_broker: false
      has_celery: true
      venv: /srv/shop/venv
run:
  description: The run, for the modules that are part of it; empty where nothing is about to be changed.
  returned: success
  type: dict
  sample: {}
unseen:
  description: Why the checkout could not be looked at, empty where it was.
  returned: success
  type: str
  sample: ""
host:
  description: What was found on the host.
  returned: success
  type: dict
  sample:
    has_systemd: true
    hostname: web1
    is_root: true
"""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils import _data, _host, _names
from ansible_collections.celeriac.django.plugins.module_utils import _owner as owner
from ansible_collections.celeriac.django.plugins.module_utils._discovery import discover, requirements, source
from ansible_collections.celeriac.django.plugins.module_utils._discovery import project as _project
from ansible_collections.celeriac.django.plugins.module_utils._runtime import deployed, packages, turn
from ansible_collections.celeriac.django.plugins.module_utils._runtime import interpreter as _interpreter
from ansible_collections.celeriac.django.plugins.module_utils._services import serving, systemd

#: For the action plugin as well.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "variables": {"type": "dict", "required": True},
    "broker_url": {"type": "str", "default": "", "no_log": True},
    "broker_server": {"type": "str", "default": ""},
    "broker_patience": {"type": "int", "default": 0},
    "database_ca": {"type": "str", "default": ""},
    "database_scheme": {"type": "str", "default": ""},
    "uses_postgresql": {"type": "bool", "default": False},
    "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "secret_schemes": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "placeholders": {"type": "list", "elements": "str", "default": []},
    "group_names": {"type": "dict", "default": {}},
    "removing": {"type": "bool", "default": False},
    "unseen": {"type": "bool", "default": False},
    "release": {"type": "str", "default": ""},
    "changes": {"type": "bool", "default": False},
    "run": {"type": "dict", "default": {}},
    "gone": {"type": "list", "elements": "str", "default": []},
    "addresses": {"type": "list", "elements": "list", "default": []},
}


def look(
    variables: dict[str, Any], found: list[deployed.Deployed], unseen: bool
) -> tuple[_project.Project, str]:
    """Return the project, and why it could not be seen where that is no error."""
    path = variables["project_path"]
    try:
        project = discover.discover(path, variables["project_package"], variables["project_settings"])
    except source.DiscoveryError as error:
        known = deployed.of(variables["project_name"], path, found) if unseen else None
        if known is None:
            raise
        return deployed.project_of(known), str(error)
    return project, ""


def see_places(variables: dict[str, Any], found: list[deployed.Deployed]) -> None:
    """See that what somebody has chosen as places can be ours."""
    if variables["state_path"]:
        deployed.see_that_state_is_ours(variables["state_path"], found)
    if variables["venv_path"]:
        deployed.see_that_venv_can_be_made(variables["venv_path"])


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    # Checked and completed by the action plugin.
    variables = module.params["variables"]
    run = None
    if module.params["run"]:
        # By whichever link a checkout is named, it is one; and its run goes on where that link is changed.
        what = os.path.realpath(module.params["release"] or variables["project_path"])
        run = turn.Run(**module.params["run"], what=what, undoes=bool(module.params["release"]))
        taken = turn.take(run, module.params["gone"])
        if not taken.mine:
            module.exit_json(held=asdict(taken))
    found = deployed.there()
    unseen = ""
    try:
        if run and not module.params["release"] and not module.params["removing"]:
            deployed.see_that_it_is_no_release(variables["project_path"])
        project, unseen = look(variables, found, module.params["unseen"])
        if variables["requirements"]:
            # What is named instead of the files that were found says what the project asks for.
            top = Path(project.path)
            project.requirements, project.required = owner.call(
                top, lambda _ask: requirements.asked(top, variables["requirements"])
            )
        interpreter = None
        if not module.params["removing"]:
            interpreter = _interpreter.choose(variables["python"], project.requires_python)
        name = _names.project_name(
            variables["project_name"], project.package, project.path, project.recorded_name
        )
        deployed.see_no_other(name, project.base, module.params["unseen"], found)
        if not module.params["removing"]:
            see_places(variables, found)
    except (
        source.DiscoveryError,
        _interpreter.InterpreterError,
        owner.OwnerError,
        deployed.DeployedError,
    ) as error:
        if run:
            turn.give_back(run)
        module.fail_json(msg=str(error))
    venvs = [
        *filter(None, [variables["venv_path"]]),
        f"{_names.system_state(name)}/venv",
        *(f"{project.base}/{folder}" for folder in (".celery/venv", ".venv", "venv", "env")),
    ]
    versions = {}
    if not unseen:
        versions = owner.call(Path(project.path), lambda _ask: packages.versions(venvs))
    module.exit_json(
        run=asdict(run) if run else {},
        unseen=unseen,
        project=project.as_data(),
        versions=versions,
        host=_data.as_data(
            _host.look(
                {variables["user"] or name},
                deployed.drained(name),
                any(systemd.UNITS.glob(f"{name}-metrics@*.service")),
            )
        ),
        interpreter=_data.as_data(interpreter) if interpreter else None,
        serving=[]
        if module.params["removing"]
        else [_data.as_data(server) for server in serving.look(project.path)],
        silent=_host.silent(module.params["addresses"]),
        unread_authorities=_host.unread_authorities(
            {"broker_ca": variables["broker_ca"], "database_ca": module.params["database_ca"]}
        ),
    )


if __name__ == "__main__":
    main()
