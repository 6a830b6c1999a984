#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_rabbitmq_plan
short_description: What a RabbitMQ of the inventory gets
version_added: 0.1.0
description:
  - Decides what the RabbitMQ of the group C(celery_broker) gets, from the variables of the hosts that use it.
    It looks at no host, and changes nothing.
  - It runs on the controller, as an action plugin.
  - Used by the role P(celeriac.django.celery_broker#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
options: {}
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Decide what the server gets
  celeriac.django.celery_rabbitmq_plan:
  register: plan
"""

RETURN = r"""
queues:
  description: The names of the tasks' queues.
  returned: success
  type: list
  elements: str
  sample: [celery, mail]
queue_pattern:
  description: A regular expression for these.
  returned: success
  type: str
  sample: ^(celery|mail)$
consumer_timeout:
  description: For how many seconds a worker may hold a message.
  returned: success
  type: int
  sample: 1800
permissions:
  description: What the user of Celery may C(configure), C(write) and C(read), as regular expressions.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.fail_json(msg="celery_rabbitmq_plan runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
