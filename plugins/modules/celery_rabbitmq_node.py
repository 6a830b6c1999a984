#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_rabbitmq_node
short_description: What the RabbitMQ of a host is
version_added: 0.1.0
description:
  - Tells whether the RabbitMQ of the host is new, has data of its own, or is a node of a cluster, and what of
    its configuration it has not read yet. It changes nothing.
  - A server that does not answer is judged by its files.
  - Used by the role P(celeriac.django.celery_broker#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
options: {}
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
"""

import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq import node as _rabbitmq_node


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    node = _rabbitmq_node.look()
    module.exit_json(
        changed=False,
        hostname=socket.gethostname().partition(".")[0],
        running=node.running,
        nodes=node.nodes,
        established=node.established,
        unread=_rabbitmq_node.unread(),
    )


if __name__ == "__main__":
    main()
