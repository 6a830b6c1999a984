#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_rabbitmq_node
short_description: Look once at all of a RabbitMQ that a role compares
version_added: 0.1.0
description:
  - Tells whether the RabbitMQ of the host is new, has data of its own, or is a node of a cluster, and what of
    its configuration it has not read yet; what the host has of it; and whether it has all that Celery needs.
    It changes nothing.
  - A server that does not answer is judged by its files.
  - Used by the role P(celeriac.django.celery_broker#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.server
options:
  account:
    description: What Celery is to have, as the options of M(celeriac.django.celery_rabbitmq).
    type: dict
    suboptions:
      vhost:
        description: The vhost.
        type: str
        required: true
      user:
        description: The user.
        type: str
        required: true
      password:
        description: The user's password.
        type: str
        required: true
      permissions:
        description: What the user may do.
        type: dict
        required: true
      queue_pattern:
        description: A regular expression for the queues of the tasks.
        type: str
        required: true
      delivery_limit:
        description: How often a message is delivered.
        type: int
        required: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the server
  celeriac.django.celery_rabbitmq_node:
  register: node

- name: Join no node that has data of its own
  ansible.builtin.assert:
    that: not node.established
"""

RETURN = r"""
root:
  description: Whether the look was root's; if not, nothing else was looked at.
  returned: success
  type: bool
packages:
  description: The installed ones of O(packages), with their versions.
  returned: success
  type: dict
units:
  description: Those of O(units) that are enabled and run.
  returned: success
  type: list
  elements: str
paths:
  description: What is at O(paths). Kind, owner, group and mode, of a file a digest.
  returned: success
  type: dict
certificate_problem:
  description: Why a server could not use O(certificate) with O(key); empty if it can.
  returned: success
  type: str
addresses:
  description: The addresses of each of the other hosts, loopback left out.
  returned: success
  type: dict
  sample:
    app1.example: [10.0.0.7]
local:
  description: The addresses of this host that they use, loopback left out.
  returned: success
  type: list
  elements: str
  sample: [10.0.0.5]
hostname:
  description: The host's short name, by which nodes find each other.
  returned: success
  type: str
  sample: queue1
running:
  description: Whether it has answered.
  returned: success
  type: bool
nodes:
  description: All nodes of its cluster, itself among them; empty where it has never started.
  returned: success
  type: list
  elements: str
  sample: [rabbit@queue1, rabbit@queue2, rabbit@queue3]
established:
  description: Whether it has vhosts or queues, or is in a cluster. It would lose that if it joined another.
  returned: success
  type: bool
unread:
  description: The files of the configuration that were written since the server has started.
  returned: success
  type: list
  elements: str
  sample: [/etc/rabbitmq/conf.d/90-celeriac.conf]
included:
  description: Whether the server's environment reads what the role adds to it.
  returned: success
  type: bool
complete:
  description: Whether the server has all of O(account), and no user that RabbitMQ brings along.
  returned: success
  type: bool
"""

import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq import definitions
from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq import node as _rabbitmq_node
from ansible_collections.celeriac.django.plugins.module_utils._servers import look

_ACCOUNT = {
    "vhost": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "permissions": {"type": "dict", "required": True},
    "queue_pattern": {"type": "str", "required": True},
    "delivery_limit": {"type": "int", "required": True},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={**look.ARGUMENTS, "account": {"type": "dict", "options": _ACCOUNT}},
        supports_check_mode=True,
    )
    try:
        seen = look.look(module.params)
    except look.LookError as error:
        module.fail_json(msg=str(error))
    for text in seen.warnings:
        module.warn(text)
    node = _rabbitmq_node.look() if seen.root else _rabbitmq_node.NONE
    account = module.params["account"]
    module.exit_json(
        changed=False,
        **seen.as_result(),
        hostname=socket.gethostname().partition(".")[0],
        running=node.running,
        nodes=node.nodes,
        established=node.established,
        unread=_rabbitmq_node.unread(),
        included=_rabbitmq_node.included(),
        complete=bool(account) and node.running and definitions.complete(account),
    )


if __name__ == "__main__":
    main()
