# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the project's web process needs to send tasks, and the units of the host that lack it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment

#: What the environment of all processes consists of.
_FILES = ("environment", "secrets")


def lines(config_path: str) -> list[str]:
    """Return the lines of a unit that give a process the environment of the workers."""
    return [f"EnvironmentFile={config_path}/{name}" for name in _FILES]


def lacks(servers: Iterable[Mapping[str, Any]], deployment: Deployment) -> list[str]:
    """Return what the units lack that serve the checkout, as :func:`warnings` says it."""
    if not deployment.run.systemd:
        return []
    packages = deployment.requirements.own if deployment.code.integrate else ()
    return warnings(servers, deployment.places.config, packages)


def warnings(servers: Iterable[Mapping[str, Any]], config_path: str, packages: Sequence[str]) -> list[str]:
    """Return what the units lack that serve the checkout.

    Args:
        servers: the units, as the host has found them.
        config_path: the folder with the environment of the workers.
        packages: what the integration imports in every process; empty where the project has its own app.
    """
    wanted = {f"{config_path}/{name}" for name in _FILES}
    texts = []
    for server in servers:
        unit = server["unit"]
        has_environment = server["has_broker"] or wanted <= set(server["files"])
        if not has_environment:
            texts.append(
                f"{unit} serves this checkout and has no CELERY_BROKER_URL in its environment: it cannot "
                f"send tasks. Run `systemctl edit {unit}`, put these lines under [Service], and restart it: "
                f"{' '.join(lines(config_path))}"
            )
        if packages and not server["has_celery"]:
            texts.append(
                f"{unit} serves this checkout from {server['venv']}, which has no Celery: the site does not "
                f"come up again after a restart. Install {', '.join(packages)} there first, or run it from "
                "the workers' virtual environment."
            )
    return texts
