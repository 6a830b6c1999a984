#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run's turn, where no proof has ended it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_turn
short_description: Let the next run change a deployment
version_added: 0.1.0
description:
  - Used by the role celeriac.django.celery.
  - A run that changes a deployment has its turn on each host. M(celeriac.django.celery_deployment) takes it,
    and the proof ends it; where no proof is made, this does.
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
  - celeriac.django._attributes.run
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Let the next run have its turn
  celeriac.django.celery_turn:
    run: "{{ shop.run }}"
"""

RETURN = r"""
what:
  description: The checkout whose deployment the next run can change.
  returned: success
  type: str
  sample: /srv/shop
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._runtime import turn


def main() -> None:
    module = AnsibleModule(argument_spec=turn.ARGUMENTS, supports_check_mode=True)
    with turn.of(module, last=True):
        module.exit_json(changed=False, what=module.params["run"].get("what", ""))


if __name__ == "__main__":
    main()
