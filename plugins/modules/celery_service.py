#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_service
short_description: Run Celery's workers, beat and the site as systemd units
version_added: 0.1.0
description:
  - A worker pool runs as an instance of a unit, named after its generation, a digest of code, packages,
    environment and
    unit. A change starts the new generation beside the old one, waits until it consumes, and then lets the
      old one finish
    its tasks in the background.
  - A generation that does not get ready is stopped again, and the old one goes on.
  - A generation of the site shares the socket of the site with the old one, and is asked for a page
    before it gets requests.
  - What did not change is not restarted.
  - Where no service manager runs them, only the program is put there that they are started with.
  - Used by the role P(celeriac.django.celery_worker#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
attributes:
  action:
    support: full
    description: The units are rendered on the controller, by an action plugin of the same name.
options:
  state:
    description:
      - Whether the units are there and run.
      - V(back) lets run again what ran before, after a change that O(back_to) tells of.
    type: str
    choices: [present, absent, back]
    default: present
  kind:
    description: Which of the services are meant.
    type: str
    choices: [worker, web, beat, metrics, all]
    default: all
  deployment:
    description: The decisions, as RV(celeriac.django.celery_deployment#module:deployment).
    type: dict
  hostname:
    description: What the host calls itself.
    type: str
    default: ""
  templates_path:
    description: Folders on the controller whose templates replace those of the collection.
    type: list
    elements: path
    default: []
  environment_path:
    description: The folder with the environment and the secrets; by default that of the deployment.
    type: path
  hold:
    description:
      - Whether the generation before goes on beside the new one, which does not come back after a reboot,
        until this is called without it.
    type: bool
    default: false
  tidy:
    description: Whether the files of generations that have ended go. They are needed to go back to one.
    type: bool
    default: true
  see:
    description: Whether this only looks whether what is to run can, and changes nothing.
    type: bool
    default: false
  back_to:
    description:
      - Instances that ran before, each of which still has its unit file and environment. They run again, and
        what else runs is let go.
      - With the units that are no instances in O(kind), beat is again what it was before its last change.
    type: list
    elements: str
    default: []
  proven:
    description:
      - The folder of the release that was proven last. Of the instances that run, RV(before) has those of it
        alone, if there are any. A run that was killed in the middle may have left others.
    type: path
    default: ""
  pending:
    description: In check mode, whether code, packages or environment are going to change before this.
    type: bool
    default: false
  name:
    description: The name of the project. Given by the action plugin.
    type: str
  target:
    description: The target that all units belong to. Given by the action plugin.
    type: str
  base:
    description: The folder of manage.py. Given by the action plugin.
    type: path
  venv:
    description: The virtual environment. Given by the action plugin.
    type: path
  record:
    description: The file that says which generation of beat runs. Given by the action plugin.
    type: path
  site:
    description: How the site is asked, where it is served. Given by the action plugin.
    type: dict
  drained:
    description: Whether the host is drained, so that workers are put there, and do not start.
    type: bool
    default: false
  files:
    description: Files with the environment. Given by the action plugin.
    type: list
    elements: path
    default: []
  replace:
    description: Whether an old generation ends before the new one starts. Given by the action plugin.
    type: bool
    default: false
  systemd:
    description: Whether systemd runs them. Given by the action plugin.
    type: bool
    default: true
  owner:
    description: Who owns that program where systemd does not run it. Given by the action plugin.
    type: str
    default: ""
  support:
    description: Other files that the units start from, path to text. Given by the action plugin.
    type: dict
    default: {}
  preflight:
    description: What is going to run, to see before it starts that it can. Given by the action plugin.
    type: dict
  user:
    description: The user of the services. Given by the action plugin.
    type: str
  units:
    description: The unit files, name to text. Given by the action plugin.
    type: dict
    default: {}
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    variables:
      celery_project_path: /srv/shop
    broker_url: redis://redis.example.com:6379/0
  register: shop

- name: Run workers and beat
  celeriac.django.celery_service:
    deployment: "{{ shop.deployment }}"
    hostname: "{{ shop.host.hostname }}"
"""

RETURN = r"""
steps:
  description: What was done to the units, or would be.
  returned: success
  type: list
  elements: str
  sample: ["start shop-worker-default@1f0c9a2b.service"]
before:
  description: The instances that ran, and that an undo goes back to.
  returned: with O(state=present)
  type: list
  elements: str
  sample: ["shop-worker-default@0e41b7aa.service"]
started:
  description: The instances that are to run.
  returned: with O(state=present)
  type: list
  elements: str
  sample: ["shop-worker-default@1f0c9a2b.service"]
"""

import os
from pathlib import Path
from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._owner import OwnerError
from ansible_collections.celeriac.django.plugins.module_utils._runtime import (
    censor,
    environment_file,
    launcher,
    ownership,
    turn,
)
from ansible_collections.celeriac.django.plugins.module_utils._services import preflight, systemd, web
from ansible_collections.celeriac.django.plugins.module_utils._services import services as _services


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **turn.ARGUMENTS,
            "state": {"type": "str", "default": "present", "choices": ["present", "absent", "back"]},
            "kind": {"type": "str", "default": "all", "choices": [*_services.PATTERNS, "all"]},
            "deployment": {"type": "dict"},
            "hostname": {"type": "str", "default": ""},
            "templates_path": {"type": "list", "elements": "path", "default": []},
            "name": {"type": "str"},
            "target": {"type": "str"},
            "base": {"type": "path"},
            "venv": {"type": "path"},
            "record": {"type": "path"},
            "files": {"type": "list", "elements": "path", "default": []},
            "units": {"type": "dict", "default": {}},
            "environment_path": {"type": "path"},
            "hold": {"type": "bool", "default": False},
            "tidy": {"type": "bool", "default": True},
            "see": {"type": "bool", "default": False},
            "back_to": {"type": "list", "elements": "str", "default": []},
            "proven": {"type": "path", "default": ""},
            "pending": {"type": "bool", "default": False},
            "replace": {"type": "bool", "default": False},
            "support": {"type": "dict", "default": {}},
            "systemd": {"type": "bool", "default": True},
            "owner": {"type": "str", "default": ""},
            "preflight": {"type": "dict"},
            "site": {"type": "dict"},
            "drained": {"type": "bool", "default": False},
            "user": {"type": "str"},
        },
        supports_check_mode=True,
    )
    with turn.of(module):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    os.umask(0o022)
    params = module.params
    support = {Path(path): text for path, text in params["support"].items()}
    if not params["systemd"]:
        put_launcher(module, support)
    kinds = list(_services.PATTERNS) if params["kind"] == "all" else [params["kind"]]
    files = [Path(file) for file in params["files"]]
    services = _services.Services(
        params["name"], kinds, params["target"], systemd.Systemd(), Path(params["record"]), files
    )
    services.drained = params["drained"]
    if params["site"]:
        services.site = web.Site.from_params(params["site"])
    running: list[str] = []
    try:
        if params["state"] == "absent":
            gone = _services.remove(services, module.check_mode)
            module.exit_json(changed=bool(gone), steps=[f"remove {unit}" for unit in gone])
        if params["state"] == "back":
            steps = [] if module.check_mode else services.go_back(params["back_to"])
            module.exit_json(changed=bool(steps), steps=steps)
        # Read from the host's own file, so Ansible knows none of them.
        secrets = environment_file.load(environment_file.read(files[-1])) if files else {}
        module.no_log_values.update(censor.texts(secrets.values()))
        if params["see"]:
            see(module, files)
        texts = _services.shared_texts(support)
        inputs = _services.Inputs(Path(params["base"]), Path(params["venv"]), files, texts).digest()
        if module.check_mode and params["pending"]:
            inputs = b""  # what it will be is not known yet, only that it differs
        plan = services.plan(params["units"], inputs)
        plan.support = services.support(support)
        running = services.before(plan, params["proven"])
        diff = services.diff(plan)
        if not module.check_mode:
            if params["preflight"] and (plan.start or plan.restart):
                look_ahead(module, files)
            services.apply(plan, params["units"], inputs, params["replace"], params["hold"], params["tidy"])
    except (preflight.PreflightError, _services.ServiceError, systemd.SystemdError, OwnerError) as error:
        module.fail_json(msg=str(error), before=running)
    module.exit_json(
        changed=bool(plan),
        steps=plan.lines(),
        before=running,
        started=plan.wanted,
        diff={"prepared": diff},
    )


def look_ahead(module: AnsibleModule, files: list[Path]) -> None:
    """See that what is to run can, and tell what could not be found out."""
    params = module.params
    python = f"{params['venv']}/bin/python"
    for note in preflight.check(params["preflight"], python, params["base"], params["user"], files):
        module.warn(note)


def see(module: AnsibleModule, files: list[Path]) -> NoReturn:
    """Only look, and end."""
    if module.params["preflight"] and not module.check_mode:
        look_ahead(module, files)
    module.exit_json(changed=False, steps=[], before=[], started=[])


def put_launcher(module: AnsibleModule, files: dict[Path, str]) -> NoReturn:
    """See that the program is there, and end."""
    try:
        changed, diff = launcher.put(files, module.params["owner"], module.check_mode)
    except ownership.OwnershipError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, steps=[], diff={"prepared": diff})


if __name__ == "__main__":
    main()
