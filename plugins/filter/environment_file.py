# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter environment_file."""

from __future__ import annotations

DOCUMENTATION = r"""
name: environment_file
short_description: The text of an environment file for systemd
version_added: 0.1.0
description:
  - Turns names and values into the text of a file for C(EnvironmentFile=), with everything quoted that has to be.
positional: _input
options:
  _input:
    description: Names and values.
    type: dict
    required: true
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Write an environment file
  ansible.builtin.copy:
    content: "{{ {'ALLOWED_HOSTS': 'shop.example'} | celeriac.django.environment_file }}"
    dest: /etc/celeriac/shop/environment
    owner: root
    group: root
    mode: "0640"
"""

RETURN = r"""
_value:
  description: The text of the file, sorted by name.
  type: str
"""

from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.celeriac.django.plugins.module_utils import _environment


def environment_file(values: Mapping[str, object]) -> str:
    """Return the text of an environment file."""
    try:
        return _environment.dump(values)
    except _environment.BadName as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return them by name."""
        return {"environment_file": environment_file}
