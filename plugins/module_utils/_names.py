# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that follow from the project's, for the host and the controller alike."""

from __future__ import annotations


def project_name(given: str, package: str) -> str:
    """Return the name of a deployment: the one that was given, else the package's as a unit can have it."""
    return given or package.lower().replace(".", "-")


def system_state(name: str) -> str:
    """Return the state folder of a deployment that systemd runs."""
    return f"/var/lib/{name}-celery"
