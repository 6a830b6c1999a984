#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_reach
short_description: Tell by which of its addresses a host is reached by others
version_added: 0.1.0
description:
  - Looks up other hosts, and asks the kernel of this one from which address it would answer each. A server
    that listens on these addresses is where its clients are, and nowhere else. It sends nothing and changes
    nothing.
  - Used by the roles P(celeriac.django.celery_broker#role) and P(celeriac.django.celery_database#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
options:
  hosts:
    description: The other hosts, each with the list of names under which it may be known here.
    type: dict
    required: true
  networks:
    description: Addresses and networks of others.
    type: list
    elements: str
    default: []
  variable:
    description: The variable that has the address of this host, for messages.
    type: str
    required: true
  clients:
    description: The variable that has the addresses of the others, where there is one, for messages.
    type: str
    default: ""
  tls:
    description:
      - The variable that has the server encrypt what crosses the network, for a warning; empty where it does.
    type: str
    default: ""
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: See by which address the workers reach this host
  celeriac.django.celery_reach:
    hosts:
      app1.example: [app1.example, 10.0.0.7]
    variable: celery_broker_address
  register: reached
"""

RETURN = r"""
addresses:
  description: The addresses of each host, loopback left out.
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
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._servers import reach


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "hosts": {"type": "dict", "required": True},
            "networks": {"type": "list", "elements": "str", "default": []},
            "variable": {"type": "str", "required": True},
            "clients": {"type": "str", "default": ""},
            "tls": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    found = reach.look(params["hosts"], params["networks"])
    if found.unknown:
        instead = f"{params['variable']} of this host to the address that they use"
        if params["clients"]:
            instead = f"{params['clients']} to the addresses that may connect"
        module.fail_json(
            msg=f"This host finds no address for {', '.join(found.unknown)}, or no way there, and its server "
            "is to listen where they are, and nowhere else. Give them names that it can resolve (DNS, "
            f"/etc/hosts), or set {instead}."
        )
    if params["tls"] and found.public:
        module.warn(
            f"The server listens on {', '.join(found.public)}, which the whole internet can reach, and "
            f"passwords and data cross the network in the clear. Set {params['variable']} to an address of a "
            f"private network, or {params['tls']}."
        )
    module.exit_json(changed=False, addresses=found.addresses, local=found.local)


if __name__ == "__main__":
    main()
