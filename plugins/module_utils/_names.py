# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that follow from the project's, for the host and the controller alike."""

from __future__ import annotations

import os
import re

#: Packages of which every other project has one: the checkout's folder tells projects apart.
_COMMON = frozenset(
    {
        "app",
        "apps",
        "backend",
        "conf",
        "config",
        "core",
        "django",
        "django_project",
        "main",
        "mysite",
        "project",
        "server",
        "settings",
        "site",
        "src",
    }
)


def project_name(given: str, package: str, path: str) -> str:
    """Return the name of a deployment, as a unit can have it.

    Args:
        given: the name of the inventory, empty where it has none.
        package: the project's package, dotted.
        path: the checkout; its folder gives the name where the package's says nothing.
    """
    if given:
        return given
    name = package.lower().replace(".", "-")
    if name.partition("-")[0] not in _COMMON and name:
        return name
    folder = re.sub(r"[^a-z0-9_]+", "-", os.path.basename(os.path.normpath(path)).lower()).strip("-_")
    return folder if re.match(r"[a-z]", folder) and folder not in _COMMON else name or folder


def system_state(name: str) -> str:
    """Return the state folder of a deployment that systemd runs."""
    return f"/var/lib/{name}-celery"
