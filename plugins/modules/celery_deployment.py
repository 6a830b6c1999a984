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
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
attributes:
  action:
    support: full
    description: The decisions are made on the controller, by an action plugin of the same name.
options:
  project_path:
    description: The checkout on the host. manage.py is in it or below it.
    type: path
    required: true
  project_name:
    description: Names units, users and folders. Left out, it is the name of the project's package.
    type: str
    default: ""
  project_package:
    description: The package that gets celery.py. Left out, it is found.
    type: str
    default: ""
  project_settings:
    description: The settings module that production runs with. Left out, it is what wsgi.py, asgi.py or
      manage.py name.
    type: str
    default: ""
  project_app:
    description: The Celery app that the project has of its own, as C(celery -A) takes it. Left out, it is
      found.
    type: str
    default: ""
  project_integrate:
    description:
      - Whether the checkout gets a Celery app.
      - V(auto) leaves an existing Celery app alone and uses it.
    type: str
    choices: [auto, always, never]
    default: auto
  broker_url:
    description: The URL of the broker. Left out, a folder on the host stands in for it.
    type: str
    default: ""
  broker_server:
    description:
      - What the inventory sets up as the broker; empty if the broker is somebody else's.
      - Of a RabbitMQ of the inventory, the consumer timeout follows from the pools.
    type: str
    default: ""
  broker_ca:
    description: Who has signed the broker's certificate, a PEM file. Left out, whom the host trusts.
    type: str
    default: ""
  broker_master:
    description: The name by which Sentinels know the Redis.
    type: str
    default: ""
  broker_tls:
    description: Whether the Redis and its Sentinels are reached with TLS. Other URLs say it themselves.
    type: bool
    default: false
  database_ca:
    description: Who has signed the database's certificate, a PEM file on the host.
    type: str
    default: ""
  result_backend:
    description: V(django-db), V(django-cache), V(redis), V(database), V(none) or a URL.
    type: str
    default: django-db
  result_expires:
    description: After which time results are deleted, as seconds, V(12h), V(7d) or V(never).
    type: str
    default: 1d
  database_scheme:
    description: The scheme of DATABASE_URL, empty where there is none.
    type: str
    default: ""
  beat_scheduler:
    description: V(database), V(file), V(redbeat) or the dotted name of a class.
    type: str
    default: database
  sample_apps:
    description: Apps that get sample tasks with their tests.
    type: list
    elements: str
    default: []
  task_routes:
    description: Names of tasks or patterns of them, each with its queue, or with C(queue), C(priority) and
      C(rate_limit).
    type: dict
    default: {}
  beat_schedule:
    description: Periodic tasks.
    type: list
    elements: dict
    default: []
  beat_takeover:
    description: Seconds after which another beat takes over, with RedBeat.
    type: int
    default: 15
  workers:
    description: The worker pools.
    type: list
    elements: dict
    default:
      - name: default
  delivery:
    description: What happens to a task whose worker is lost.
    type: str
    choices: [at_most_once, at_least_once]
    default: at_most_once
  timezone:
    description: The timezone of schedules. Left out, the project's TIME_ZONE.
    type: str
    default: ""
  environment:
    description: Settings in the environment that are no secret.
    type: dict
    default: {}
  service_manager:
    description: What starts workers and beat.
    type: str
    choices: [auto, systemd, none]
    default: auto
  python:
    description: The Python that the virtual environment is made with. Left out, the first that fits.
    type: str
    default: ""
  state_path:
    description: Where the virtual environment and Celery's own files are kept.
    type: path
    default: ""
  venv_path:
    description: The virtual environment.
    type: path
    default: ""
  user:
    description: The user of the services. Left out, O(project_name).
    type: str
    default: ""
  requirements:
    description: Requirement files (relative to the checkout) and requirements. Left out, they are found.
    type: list
    elements: str
    default: []
  uses_postgresql:
    description: Whether a secret names a PostgreSQL database, so that its driver is needed.
    type: bool
    default: false
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
  addresses:
    description: The servers of the broker, each as host and port. Given by the action plugin.
    type: list
    elements: list
    default: []
  secret_names:
    description: The names of the secrets in the environment; their values are of no interest here.
    type: list
    elements: str
    default: []
  worker_restart:
    description: Whether a new generation starts beside the old one, or in its place.
    type: str
    choices: [overlap, replace]
    default: overlap
  worker_self_check:
    description: Whether workers send messages to themselves, to find out that they consume.
    type: bool
    default: true
  keep_connections:
    description: Whether workers keep their connections to databases between tasks.
    type: bool
    default: true
  database_from_url:
    description: Whether the settings fragment takes DATABASES from C(DATABASE_URL).
    type: bool
    default: false
  web_connections:
    description: How many connections to each database server the web processes need.
    type: int
    default: 0
  database_max_connections:
    description: How many connections the databases take. With V(0), their servers are asked.
    type: int
    default: 0
  visibility_timeout:
    description: Seconds after which Redis delivers a message again that nobody has acknowledged. Left out, it
      follows from the pools.
    type: int
  consumer_timeout:
    description: Seconds after which RabbitMQ does so. Left out, RabbitMQ's own default.
    type: int
  longest_eta:
    description: The longest ETA or countdown in seconds that the project uses.
    type: int
  other_queues:
    description: Queues that somebody else serves.
    type: list
    elements: str
    default: []
  writable_paths:
    description: Paths that the processes may write to, besides their state.
    type: list
    elements: path
    default: []
  worker_unit_overrides:
    description: Directives for the section Service of the workers' units, each with its value or values.
    type: dict
    default: {}
  beat_unit_overrides:
    description: The same for beat's unit.
    type: dict
    default: {}
  removing:
    description: Whether the deployment is to be removed, so that a broker that is down or a missing Python
      is no error. The action plugin says so too where the checkout alone is to be changed.
    type: bool
    default: false
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the project
  celeriac.django.celery_deployment:
    project_path: /srv/shop
    broker_url: redis://redis.example.com:6379/0
  register: shop_deployment

- name: Say which settings module production runs with
  ansible.builtin.debug:
    var: shop_deployment.deployment.settings
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
versions:
  description: The versions of Django and Celery in the project's virtual environment, where there is one.
  returned: success
  type: dict
  sample:
    celery: 5.7.0
    django: 5.2.19
host:
  description: What was found on the host.
  returned: success
  type: dict
  sample:
    has_systemd: true
    hostname: web1
    is_root: true
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils import _host, _names
from ansible_collections.celeriac.django.plugins.module_utils._discovery import discover, requirements, source
from ansible_collections.celeriac.django.plugins.module_utils._options import ARGUMENTS
from ansible_collections.celeriac.django.plugins.module_utils._runtime import interpreter as _interpreter
from ansible_collections.celeriac.django.plugins.module_utils._runtime import packages


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    try:
        project = discover.discover(
            module.params["project_path"],
            module.params["project_package"],
            module.params["project_settings"],
        )
        if module.params["requirements"]:
            # What is named instead of the files that were found says what the project asks for.
            project.requirements, project.required = requirements.asked(
                Path(project.path), module.params["requirements"]
            )
        interpreter = None
        if not module.params["removing"]:
            interpreter = _interpreter.choose(module.params["python"], project.requires_python)
    except (source.DiscoveryError, _interpreter.InterpreterError) as error:
        module.fail_json(msg=str(error))
    name = _names.project_name(
        module.params["project_name"], project.package, project.path, project.recorded_name
    )
    versions = packages.versions(
        [
            *filter(None, [module.params["venv_path"]]),
            f"{_names.system_state(name)}/venv",
            *(f"{project.base}/{folder}" for folder in (".celery/venv", ".venv", "venv", "env")),
        ]
    )
    accounts, groups = _host.accounts()
    module.exit_json(
        accounts=accounts,
        groups=groups,
        project=project.as_data(),
        versions=versions,
        host=asdict(_host.look()),
        interpreter=asdict(interpreter) if interpreter else None,
        silent=_host.silent(module.params["addresses"]),
        unread_authorities=_host.unread_authorities(
            {name: module.params[name] for name in ("broker_ca", "database_ca")}
        ),
    )


if __name__ == "__main__":
    main()
