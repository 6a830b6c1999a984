# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of this collection have in common in their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of a module."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and tell truthfully what it would change, without changing it.
  diff_mode:
    support: full
    description: Returns details on what has changed (or would change) when running in diff mode.
  idempotent:
    support: full
    description: A second run with the same arguments changes nothing.
  platform:
    platforms: posix
    support: full
    description: The systems that the module runs on.
"""
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode); it changes nothing anyway.
  diff_mode:
    support: N/A
    description: There is no diff, since nothing is changed.
  idempotent:
    support: full
    description: It changes nothing.
  platform:
    platforms: posix
    support: full
    description: The systems that the module runs on.
"""
    RUN = r"""
options:
  run:
    description:
      - The run of a playbook that this is part of, as RV(celeriac.django.celery_deployment#module:run).
        While a run has its turn, no other one changes the deployment on this host.
      - Left out, nobody has to wait.
    type: dict
    default: {}
"""
    PROJECT = r"""
options:
  project:
    description: How the project's own Python is run, as C(inside) of
      RV(celeriac.django.celery_deployment#module:deployment).
    type: dict
    required: true
    suboptions:
      python:
        description: The interpreter of the project's virtual environment.
        type: path
      base:
        description: The folder of manage.py, which the project is imported from.
        type: path
        required: true
      settings:
        description: The settings module that production runs with.
        type: str
        required: true
      user:
        description:
          - The user of the services, who runs the project's code. Left out, it is the owner of
            O(project.base).
          - What changes the checkout or its packages runs the code as that owner in any case. In root's
            place, it is this user, or C(nobody) until there is one.
        type: str
        default: ""
      environment:
        description: What the environment holds besides, and is no secret.
        type: dict
        default: {}
  secrets:
    description: Secrets that the environment holds besides.
    type: dict
    default: {}
"""
    SERVER = r"""
options:
  packages:
    description: Names of packages, as patterns.
    type: list
    elements: str
    default: []
  units:
    description: Units of systemd.
    type: list
    elements: str
    default: []
  paths:
    description: Files and folders.
    type: list
    elements: path
    default: []
  certificate:
    description: A certificate that the server is to have, a PEM file on the host.
    type: path
    default: ""
  key:
    description: Its key.
    type: path
    default: ""
  reach:
    description: The other hosts, by whose addresses it is told where the server has to listen.
    type: dict
    default: {}
    suboptions:
      hosts:
        description: Each of them with the list of names under which it may be known here.
        type: dict
        default: {}
      networks:
        description: Addresses and networks of others.
        type: list
        elements: str
        default: []
      variable:
        description: The variable that has the address of this host, for messages.
        type: str
        default: ""
      clients:
        description: The variable that has the addresses of the others, where there is one, for messages.
        type: str
        default: ""
      tls:
        description:
          - The variable that has the server encrypt what crosses the network, for a warning; empty where it
            does.
        type: str
        default: ""
"""
