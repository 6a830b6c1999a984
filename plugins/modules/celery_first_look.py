#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_first_look
short_description: Find slips and placeholders in the variables of all hosts before any host is touched
version_added: 0.1.0
description:
  - Reads the variables of the play's hosts that begin with C(celery_), on the controller.
  - Fails where one is of another type than its role specifies, none of the choices, or has a key that there
    is not.
  - Fails where the password of a server that the inventory sets up is missing, a placeholder or very short,
    and where another secret is still a placeholder.
  - Warns of variables that the roles of this collection do not know, with the nearest that they know, and of
    servers that listen on all addresses without TLS.
extends_documentation_fragment:
  - celeriac.django._attributes
attributes:
  action:
    support: full
    description: All of it is done on the controller, by an action plugin of the same name.
options: {}
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the variables
  celeriac.django.celery_first_look:
  run_once: true
"""

RETURN = r"""
told:
  description: What it warns of, each once, with the hosts where it is not all of them.
  returned: success
  type: list
  elements: str
  sample:
    - celery_enviroment is no variable of this collection, and is ignored. Is celery_environment meant?
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.fail_json(msg="celery_first_look runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
