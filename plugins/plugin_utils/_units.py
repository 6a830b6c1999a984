# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit files of a deployment on one host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.celeriac.django.plugins.plugin_utils._render import Templates

#: Servers that can be on the same host: where they are, they start first.
LOCAL_SERVICES = "postgresql.service redis-server.service valkey-server.service rabbitmq-server.service"
#: A worker's node name: pool and generation, so that old and new are told apart.
NODE = "{pool}.%i@%H"


def worker_template(name: str, pool: str) -> str:
    """Return the name of a pool's unit file."""
    return f"{name}-worker-{pool}@.service"


def render(templates: Templates, deployment: Mapping[str, Any], hostname: str, kind: str) -> dict[str, str]:
    """Return the unit files that the host needs, name to text.

    Args:
        templates: where they come from.
        deployment: the decisions.
        hostname: what the host calls itself.
        kind: ``worker``, ``beat`` or ``all``.

    Raises:
        RenderError: a template does not work.
    """
    values = {**deployment, "hostname": hostname, "local_services": LOCAL_SERVICES}
    units: dict[str, str] = {}
    duties = [duty for duty in deployment["duties"] if kind in (duty, "all")]
    if "worker" in duties:
        for pool in deployment["pools"]:
            units[worker_template(deployment["name"], pool["name"])] = templates.render(
                "worker.service", {**values, "pool": pool, "node": NODE.format(pool=pool["name"])}
            )
    if "beat" in duties:
        units[deployment["beat_unit"]] = templates.render("beat.service", values)
    if deployment["duties"]:
        units[deployment["target"]] = templates.render("celery.target", values)
        units[deployment["slice"]] = templates.render("celery.slice", values)
    return units
