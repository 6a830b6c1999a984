#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_rabbitmq
short_description: What Celery needs in a RabbitMQ
version_added: 0.1.0
description:
  - Sees that the RabbitMQ of the host has a vhost, a user with its password and permissions, a policy for
    the queues of the tasks, and a place for dead letters. The user C(guest) is removed.
  - It compares the definitions that RabbitMQ exports, and imports what is missing. What is there besides
    stays as it is.
  - Unlike the modules of C(community.rabbitmq), it has no password in the list of processes, and needs
    neither the management plugin nor a Python package on the host.
  - Used by the role P(celeriac.django.celery_broker#role).
extends_documentation_fragment:
  - celeriac.django._attributes
options:
  vhost:
    description: The vhost.
    type: str
    required: true
  user:
    description: The user. Tags that it has stay.
    type: str
    required: true
  password:
    description: The user's password.
    type: str
    required: true
  permissions:
    description: What the user may C(configure), C(write) and C(read) in the vhost, each a regular expression.
    type: dict
    required: true
  queue_pattern:
    description: A regular expression for the queues of the tasks.
    type: str
    required: true
  delivery_limit:
    description:
      - How often a message is delivered that comes back because its worker was lost. After that, it goes to
        the exchange and the queue C(dead-letters).
    type: int
    default: 20
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Decide what the server gets
  celeriac.django.celery_rabbitmq_plan:
  register: plan

- name: Give it that
  celeriac.django.celery_rabbitmq:
    vhost: shop
    user: shop
    password: "{{ vault_celery_broker_password }}"
    permissions: "{{ plan.permissions }}"
    queue_pattern: "{{ plan.queue_pattern }}"
"""

RETURN = r"""
changes:
  description: What was imported and removed, or would be.
  returned: success
  type: str
  sample: "users: shop"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq import definitions


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "vhost": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "permissions": {"type": "dict", "required": True},
            "queue_pattern": {"type": "str", "required": True},
            "delivery_limit": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    try:
        found = definitions.exported()
        missing = definitions.missing(found, definitions.wanted_of(module.params))
        strangers = definitions.strangers(found)
        if not module.check_mode:
            if missing:
                definitions.import_(missing)
            definitions.remove(strangers)
    except definitions.RabbitError as error:
        module.fail_json(msg=str(error))
    changes = definitions.summary(missing, strangers)
    module.exit_json(changed=bool(changes), changes=changes, diff={"before": "", "after": changes})


if __name__ == "__main__":
    main()
