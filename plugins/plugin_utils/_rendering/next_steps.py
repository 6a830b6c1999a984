# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says at its end: what runs now, how to start it, and what the web process needs."""

from __future__ import annotations

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment

from .._decisions import web


def next_steps(deployment: Deployment, check: bool) -> list[str]:
    """Return the lines.

    Args:
        deployment: what was decided for a host.
        check: whether the run only tells what it would do.
    """
    if not deployment.run.duties:
        return []
    name, code, config = deployment.name, deployment.code, deployment.places.config
    if deployment.run.systemd:
        return [
            f"Workers and beat {'would run' if check else 'run'} as units: "
            f"systemctl list-dependencies {deployment.units.target}",
            f"Commands on the host: {name}-celery status, {name}-manage shell",
            "The web process needs the packages of the requirements, and in its unit, under [Service]:",
            *(f"  {line}" for line in web.lines(config)),
        ]
    celery = "manage.py celery" if code.integrate else f"-m celery -A {code.app}"
    return [
        "Nothing runs now: no service was started. To start a worker:",
        f"  cd {code.base} && set -a && . {config}/environment && . {config}/secrets && set +a",
        f"  {deployment.places.python} {celery} worker -l info",
    ]
