# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that follow from the project's, for the host and the controller alike."""

from __future__ import annotations

import os
import re

#: What the processes and the roles keep in a state folder.
STATE_NAMES = (
    ".celeriac",
    ".gitignore",
    "launch.py",
    "celeriac_service",
    "bin",
    "broker",
    "beat-schedule",
    "environment",
    "secrets",
)

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


#: Folders that are called alike for every project, besides: release folders and their link.
_PLACES = frozenset(
    {"checkout", "clone", "code", "current", "deploy", "latest", "live", "release", "releases", "repo"}
)
#: Names of the tutorial and of startproject that somebody has chosen all the same.
_CHOSEN = frozenset({"django_project", "mysite"})
#: Folders above checkouts.
_ABOVE = frozenset({"home", "html", "opt", "root", "srv", "tmp", "var", "www"})
_PLAIN = re.compile(r"(?!.*-(?:worker|beat))[a-z][a-z0-9_-]{0,30}\Z")


def project_name(given: str, package: str, path: str, recorded: str = "") -> str:
    """Return the name of a deployment, as a unit can have it.

    Args:
        given: the name of the inventory, empty where it has none.
        package: the project's package, dotted.
        path: the checkout; its folder gives the name where the package's says nothing.
        recorded: the name that a record in the checkout has: another folder is no other project.
    """
    if given or recorded:
        return given or recorded
    name = package.lower().replace(".", "-")
    if name.partition("-")[0] not in _COMMON and name:
        return name
    folder = re.sub(r"[^a-z0-9_]+", "-", os.path.basename(os.path.normpath(path)).lower()).strip("-_")
    return folder if re.match(r"[a-z]", folder) and folder not in _COMMON else name or folder


def says_nothing(name: str, package: str = "") -> bool:
    """Tell whether a name that was found, and not given, would be that of any project, or of one release.

    Args:
        name: it.
        package: the project's package, dotted: a package that is called ``live`` is somebody's choice.
    """
    if name in _CHOSEN:
        return False
    place = name != package.lower() and name.partition("-")[0] in _PLACES
    return name in _COMMON or place or bool(re.search(r"[0-9]{6}", name))


def suggestion(path: str) -> str:
    """Return a name for the checkout at *path* from the nearest folder above whose name says something."""
    for folder in reversed(os.path.normpath(path).split(os.sep)):
        name = re.sub(r"[^a-z0-9_]+", "-", folder.lower()).strip("-_")
        if name not in _ABOVE and _PLAIN.match(name) and not says_nothing(name):
            return name
    return "shop"


def system_state(name: str) -> str:
    """Return the state folder of a deployment that systemd runs."""
    return f"/var/lib/{name}-celery"
