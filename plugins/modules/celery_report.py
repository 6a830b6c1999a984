#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_report
short_description: Show what was proven, and write it to files, as a page, as JSON or as JUnit's XML
version_added: 0.1.0
description:
  - Shows the rows at the terminal, in columns, unless P(celeriac.django.report#callback) does so at the end.
  - Writes files on the controller, from what C(celery_deployment) has decided and C(celery_proof) has proven
    on the hosts of the play. It asks no host.
  - A page says what is different from the report that it replaces.
  - It runs on the controller, as an action plugin of the same name. Run it once for all hosts.
extends_documentation_fragment:
  - celeriac.django._attributes.read_only
options:
  files:
    description:
      - The files. By its ending, each is a page (C(.html)), data (C(.json)) or JUnit's XML (C(.xml)).
      - A relative path is meant from the folder in which Ansible was started.
      - Where the play has several deployments, each gets files of its own, with its name before the ending.
      - In check mode, none is written.
    type: list
    elements: path
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Write a page for people, and one for CI
  celeriac.django.celery_report:
    files: [report.html, junit.xml]
  run_once: true
"""

RETURN = r"""
files:
  description: The files that were written.
  returned: success
  type: list
  elements: str
  sample: [/home/deploy/shop/report.html]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

#: For the action plugin as well.
ARGUMENTS: dict[str, dict[str, Any]] = {"files": {"type": "list", "elements": "path", "default": []}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(msg="celery_report runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
