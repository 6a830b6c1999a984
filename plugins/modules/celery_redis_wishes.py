#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_redis_wishes
short_description: Tell what other projects want of a Redis that several share
version_added: 0.1.0
description:
  - Reads what runs of other projects have noted beside the server's configuration. It changes nothing.
  - Used by the role P(celeriac.django.celery_broker#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
options:
  path:
    description: The folder with the notes.
    type: path
    required: true
  own:
    description: The user of this project, whose own note is left out.
    type: str
    required: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Read what others want
  celeriac.django.celery_redis_wishes:
    path: /etc/redis/celeriac.d
    own: shop
  register: others
"""

RETURN = r"""
wishes:
  description: What each wants, by its user.
  returned: success
  type: dict
  sample:
    blog:
      bind: 127.0.0.1 -::1
      celery_broker_tls: "false"
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._servers import wishes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "own": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        found = wishes.of_others(Path(module.params["path"]), module.params["own"])
    except wishes.WishError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, wishes=found)


if __name__ == "__main__":
    main()
