#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_redis_look
short_description: Look once at all of a Redis or Valkey that a role compares
version_added: 0.1.0
description:
  - Tells what a host has of a server, how that is configured, whether it does so as it runs, and what other
    projects want of it. It changes nothing, and asks the server as its administrator.
  - Used by the role P(celeriac.django.celery_broker#role), which applies what differs.
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.server
options:
  client:
    description: The server's client, with what TLS takes.
    type: list
    elements: str
    required: true
  tls:
    description: Whether it is to serve nothing without TLS.
    type: bool
    default: false
  file:
    description: Its own configuration.
    type: path
    required: true
  added:
    description: The file that the role adds to it.
    type: path
    required: true
  parts:
    description: The folder with the parts of that one.
    type: path
    required: true
  pid:
    description: The file that it writes as it starts.
    type: path
    required: true
  user:
    description: The project's user.
    type: str
    required: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the server
  celeriac.django.celery_redis_look:
    packages: [redis-server]
    units: [redis-server.service]
    client: [redis-cli]
    file: /etc/redis/redis.conf
    added: /etc/redis/celeriac.conf
    parts: /etc/redis/celeriac.d
    pid: /run/redis/redis-server.pid
    user: shop
  register: seen
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
server:
  description: What the server has and does.
  returned: success
  type: dict
  contains:
    outdated:
      description: Whether O(added) was written since it has started.
      type: bool
    aclfile:
      description: Whether it keeps its users in a file of its own.
      type: bool
    included:
      description: Whether it reads O(added).
      type: bool
    administrator:
      description: Whether its administrator has a password.
      type: bool
    answers:
      description: Whether it answers its administrator.
      type: bool
    knows_user:
      description: Whether it gives O(user) the rights that its file has.
      type: bool
    certified:
      description: Whether it shows the certificate that it was given.
      type: bool
wishes:
  description: What each other project wants of the server, by its user.
  returned: success
  type: dict
  sample:
    blog:
      bind: 127.0.0.1 -::1
      celery_broker_tls: "false"
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._servers import look, redis, wishes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **look.ARGUMENTS,
            "client": {"type": "list", "elements": "str", "required": True},
            "tls": {"type": "bool", "default": False},
            "file": {"type": "path", "required": True},
            "added": {"type": "path", "required": True},
            "parts": {"type": "path", "required": True},
            "pid": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    parts = Path(given["parts"])
    places = redis.Places(
        file=Path(given["file"]),
        added=Path(given["added"]),
        parts=parts,
        pid=Path(given["pid"]),
        user=parts / f"user-{given['user']}.conf",
    )
    try:
        seen = look.look(given)
        if not seen.root:
            module.exit_json(changed=False, **seen.as_result(), server={}, wishes={})
        others = wishes.of_others(parts, given["user"])
    except (look.LookError, wishes.WishError) as error:
        module.fail_json(msg=str(error))
    for text in seen.warnings:
        module.warn(text)
    server = redis.look(places, given["client"], given["tls"])
    module.exit_json(changed=False, **seen.as_result(), server=asdict(server), wishes=others)


if __name__ == "__main__":
    main()
