#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_certificate
short_description: Tell whether a server could use a certificate
version_added: 0.1.0
description:
  - Loads a certificate and its key as a server would. It changes nothing. Used by the role
    P(celeriac.django.celery_certificate#role).
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
options:
  certificate:
    description: A PEM file on the host, with the certificate first, then those between it and its authority.
    type: path
    required: true
  key:
    description: A PEM file on the host, without a passphrase.
    type: path
    required: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the certificate
  celeriac.django.celery_certificate:
    certificate: /etc/ssl/broker.pem
    key: /etc/ssl/private/broker.key
  register: certificate

- name: Refuse what a server could not use
  ansible.builtin.assert:
    that: certificate.problem == ""
"""

RETURN = r"""
problem:
  description: Why a server could not use them; empty if it can.
  returned: success
  type: str
  sample: "[X509: KEY_VALUES_MISMATCH] key values mismatch"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._servers import certificate


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    module.exit_json(
        changed=False, problem=certificate.problem(module.params["certificate"], module.params["key"])
    )


if __name__ == "__main__":
    main()
