# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit files of a deployment on one host."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _data
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._runtime import environment_file
from ansible_collections.celeriac.django.plugins.module_utils._services.web import Site

from .._decisions.connections import Load
from .._decisions.places import SERVICE
from .templates import RUNTIME, Templates

#: Servers that can be on the same host: where they are, they start first.
LOCAL_SERVICES = "postgresql.service redis-server.service valkey-server.service rabbitmq-server.service"
#: The one file that web processes use as well: it comes from what goes into checkouts.
_RABBITMQ = "package/celery_ops/rabbitmq.py"
#: What gunicorn is configured by, in the launcher's package.
_SITE = "web.py"
#: A worker's node name: pool and generation, so that old and new are told apart.
NODE = "{pool}.%i@%H"


#: The exporter looks how much memory the processes of the others have, which anybody may.
_SEES_OTHERS = [("ProtectProc", ["default"])]


def worker_template(name: str, pool: str) -> str:
    """Return the name of a pool's unit file."""
    return f"{name}-worker-{pool}@.service"


def render(templates: Templates, deployment: Deployment, hostname: str, kind: str) -> dict[str, str]:
    """Return the unit files that the host needs, name to text.

    Args:
        templates: where they come from.
        deployment: the decisions.
        hostname: what the host calls itself.
        kind: ``worker``, ``beat``, ``web`` or ``all``.

    Raises:
        RenderError: a template does not work.
    """
    values = {**_values(deployment), "hostname": hostname, "local_services": LOCAL_SERVICES}
    workers = {
        **values,
        "overrides": deployment.sandbox.worker_overrides,
        "overrides_name": "celery_worker_unit_overrides",
    }
    beats = {
        **values,
        "overrides": deployment.sandbox.beat_overrides,
        "overrides_name": "celery_beat_unit_overrides",
    }
    units: dict[str, str] = {}
    duties = _duties(deployment, kind)
    if "worker" in duties:
        for pool in deployment.pools:
            units[worker_template(deployment.name, pool.name)] = templates.render(
                "worker.service", {**workers, "pool": pool, "node": NODE.format(pool=pool.name)}
            )
    if "beat" in duties:
        units[deployment.units.beat] = templates.render("beat.service", beats)
    if "web" in duties:
        units[deployment.units.web_socket] = templates.render("web.socket", values)
        units[deployment.units.web] = templates.render(
            "web.service",
            {
                **values,
                "arguments": _gunicorn(deployment),
                "overrides": deployment.sandbox.web_overrides,
                "overrides_name": "celery_web_unit_overrides",
            },
        )
    if "metrics" in duties:
        units[deployment.units.metrics] = templates.render(
            "metrics.service", {**values, "overrides": _SEES_OTHERS, "overrides_name": "its template"}
        )
    if deployment.run.duties:
        units[deployment.units.target] = templates.render("celery.target", values)
        units[deployment.units.slice] = templates.render("celery.slice", values)
    return units


def _values(deployment: Deployment) -> dict[str, Any]:
    """Return what the templates of units are made of: the parts that they are about, by their names."""
    return {
        "name": deployment.name,
        "code": deployment.code,
        "places": deployment.places,
        "account": deployment.account,
        "units": deployment.units,
        "beat": deployment.beat,
        "web": deployment.web,
        "metrics": deployment.metrics,
        "limits": deployment.limits,
        "sandbox": deployment.sandbox,
    }


def _gunicorn(deployment: Deployment) -> list[str]:
    """Return the arguments of gunicorn; those of the inventory come last, and count."""
    site = deployment.web
    by_asgi = site.interface == "asgi"
    kind = ["--worker-class=uvicorn_worker.UvicornWorker"] if by_asgi else [f"--threads={site.threads}"]
    return [
        f"--config={os.path.join(os.path.dirname(deployment.places.launcher), SERVICE, _SITE)}",
        f"--workers={site.processes}",
        *kind,
        f"--timeout={site.timeout}",
        f"--graceful-timeout={site.timeout}",
        *site.arguments,
        site.application,
    ]


def site(deployment: Deployment) -> dict[str, Any]:
    """Return how the site is asked, for the module's argument."""
    found = Site.of(deployment)
    return {**vars(found), "record": str(found.record), "folder": str(found.folder)}


def _duties(deployment: Deployment, kind: str) -> list[str]:
    return [duty for duty in deployment.run.duties if kind in (duty, "all")]


def files(overrides: Sequence[str], deployment: Deployment, kind: str) -> dict[str, str]:
    """Return the other files that the units start from, path to text.

    Args:
        overrides: folders whose templates replace those of the collection.
        deployment: the decisions.
        kind: ``worker``, ``beat`` or ``all``.

    Raises:
        RenderError: a template does not work.
    """
    duties = _duties(deployment, kind)
    if not duties:
        return {}
    found = launcher(overrides, deployment)
    if "worker" in duties:
        for pool in deployment.pools:
            if pool.environment:
                path = os.path.join(deployment.places.config, f"pool-{pool.name}")
                found[path] = environment_file.dump(pool.environment)
    return found


def launcher(overrides: Sequence[str], deployment: Deployment) -> dict[str, str]:
    """Return the program that workers and beat start from, and its package, path to text.

    They are the same for all projects, and whoever deploys owns them: a new one changes no checkout.

    Args:
        overrides: folders whose files replace those of the collection.
        deployment: the decisions.

    Raises:
        RenderError: a template that replaces one does not work.
    """
    program = deployment.places.launcher
    folder = os.path.dirname(program)
    runtime, values = Templates(RUNTIME, overrides), _values(deployment)
    found = {program: runtime.render(os.path.basename(program), values)}
    for name in runtime.names(SERVICE):
        found[os.path.join(folder, name)] = runtime.render(name, values)
    place = os.path.join(folder, SERVICE, os.path.basename(_RABBITMQ))
    found[place] = Templates("project", overrides).render(_RABBITMQ, values)
    return found


def preflight(deployment: Deployment, fleet: Mapping[str, Load]) -> dict[str, Any]:
    """Return what has to be known to see whether the workers can start.

    Args:
        deployment: the decisions.
        fleet: what each host of the deployment runs.
    """
    return {
        "fleet": {host: _data.as_data(load) for host, load in fleet.items()},
        "web_connections": deployment.limits.web_connections,
        "database_max_connections": deployment.limits.database_max_connections,
        "app": deployment.code.app,
        "pools": [_data.as_data(pool) for pool in deployment.pools],
        "served": list(deployment.run.served),
        "visibility": deployment.limits.visibility_timeout,
        "consumer": deployment.limits.consumer_timeout,
        "own_app": not deployment.code.integrate,
    }
