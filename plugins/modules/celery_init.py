#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_init
short_description: Ask how Celery is to run for a Django checkout, and write the inventory
version_added: 0.1.0
description:
  - Looks at a checkout on the controller by parsing its source. None of the project's code is run.
  - Asks what the checkout does not tell, with a recommendation for each question. What an argument says is
    not asked. What an inventory there says already is offered as the answer. Without a terminal nothing is
    asked, and that inventory or the recommendations stand in.
  - Shows what would be written, asks whether to write it, and writes an inventory, the variables of all its
    hosts, and an example of the vault with placeholders.
  - Never writes a secret. A URL that may hold a password is replaced by a variable of the vault.
  - Used by the role P(celeriac.django.celery_init#role).
extends_documentation_fragment:
  - celeriac.django._attributes
attributes:
  action:
    support: full
    description: All of it is done on the controller, by an action plugin of the same name.
options:
  path:
    description: The folder of the inventory on the controller, relative to the current one.
    type: path
    default: .
  overwrite:
    description: Whether files that are there already and differ are replaced. It is an error otherwise.
    type: bool
    default: false
  project_path:
    description: The checkout on the controller, relative to the current folder. manage.py is in it or below.
    type: path
    default: .
  project_name:
    description: Names units, users and folders. Left out, it is the name of the project's package.
    type: str
  project_package:
    description: The package that gets celery.py. Left out, it is found.
    type: str
  project_settings:
    description: The settings module that production runs with. Left out, it is found.
    type: str
  project_integrate:
    description: Whether the checkout gets a Celery app. Left out, it is decided by what is there.
    type: str
    choices: [auto, always, never]
  hosts:
    description:
      - The hosts that run workers, as SSH knows them. V(localhost) is the controller, and stands alone.
    type: list
    elements: str
  host_path:
    description: Where the checkout is on these hosts. Not for V(localhost).
    type: path
  broker:
    description:
      - Where tasks wait. V(embedded) is a folder, on one host, for trying.
      - V(redis), V(valkey) or V(rabbitmq) is set up on the first host, by the group C(celery_broker).
      - V(url) is a server that is there already. Its URL goes into the vault.
    type: str
    choices: [embedded, redis, valkey, rabbitmq, url]
  broker_url:
    description: The URL of the broker. It means V(url) for O(broker), and tells which placeholder fits.
    type: str
  database:
    description:
      - Where the project's database is. V(postgresql) is set up on the first host, by the group
        C(celery_database).
      - V(url) is a server that is there already. Its URL goes into the vault.
      - V(sqlite) is the file that the settings name, on one host.
    type: str
    choices: [postgresql, url, sqlite]
  periodic:
    description: Whether there are periodic tasks. Without them, no host is in the group C(celery_beat).
    type: bool
  beat_scheduler:
    description: V(database), V(file), V(redbeat) or the dotted name of a class.
    type: str
  result_backend:
    description: V(django-db), V(django-cache), V(redis), V(database) for SQLAlchemy, V(none) or a URL.
    type: str
  sample_apps:
    description: The apps that get sample tasks, by their dotted names.
    type: list
    elements: str
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Ask how Celery is to run
  celeriac.django.celery_init:
    project_path: ~/src/shop

- name: Write the inventory of two servers without asking about them
  celeriac.django.celery_init:
    project_path: ~/src/shop
    path: ~/deploy/shop
    hosts: [app1.example.com, app2.example.com]
    host_path: /srv/shop
    broker: redis
    periodic: true
"""

RETURN = r"""
answers:
  description: The answers by their variables, as somebody would type them.
  returned: success
  type: dict
  sample:
    celery_init_hosts: localhost
    celery_init_periodic: "yes"
    celery_result_backend: django-db
sources:
  description:
    - Whose each answer is. V(given) by an argument, V(answered) at the terminal, V(kept) from an inventory
      that was there, or V(recommended).
  returned: success
  type: dict
  sample:
    celery_init_hosts: recommended
    celery_init_periodic: given
    celery_result_backend: answered
files:
  description: The files.
  returned: success
  type: list
  elements: str
  sample:
    - /home/me/deploy/inventory.yml
    - /home/me/deploy/group_vars/all/celery.yml
commands:
  description: The commands that come next.
  returned: success
  type: list
  elements: str
  sample:
    - ansible-playbook celeriac.django.integrate -i inventory.yml --check --diff
    - ansible-playbook celeriac.django.integrate -i inventory.yml
"""
