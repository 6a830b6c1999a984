# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says at its end: what runs, how to start it, what the web process needs; or what stays."""

from __future__ import annotations

import os.path
from collections.abc import Sequence

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
            f"{_what_runs(deployment)} {'would run' if check else 'run'} as units: "
            f"systemctl list-dependencies {deployment.units.target}",
            f"Commands on the host: {name}-celery status, {name}-manage shell",
            *_of_the_web(deployment),
        ]
    celery = "manage.py celery" if code.integrate else f"-m celery -A {code.app}"
    state, python = (_seen_from(code.base, path) for path in (config, deployment.places.python))
    return [
        "Nothing runs now: no service was started. To start a worker:",
        f"  cd {code.base} && set -a && . {state}/environment && . {state}/secrets && set +a",
        f"  {python} {celery} worker -l info",
    ]


def _what_runs(deployment: Deployment) -> str:
    words = {"worker": "workers", "beat": "beat", "web": "the site", "metrics": "metrics"}
    first, *rest = [words[duty] for duty in deployment.run.duties]
    listed = f"{', '.join([first, *rest[:-1]])} and {rest[-1]}" if rest else first
    return listed[0].upper() + listed[1:]


def _of_the_web(deployment: Deployment) -> list[str]:
    if deployment.has_web:
        site = deployment.web
        server = site.listen if site.listen.startswith("/") else f"http://{site.listen}"
        return [f"The site listens at {server}: see docs/web.md for the server in front of it."]
    return [
        "The web process needs the packages of the requirements, and in its unit, under [Service]:",
        *(f"  {line}" for line in web.lines(deployment.places.config)),
    ]


def _seen_from(folder: str, path: str) -> str:
    """Return a path as one types it in a folder: a line that can be read, where it is below."""
    return os.path.relpath(path, folder) if path.startswith(f"{folder}/") else path


def what_stays(deployment: Deployment, servers: Sequence[str]) -> list[str]:
    """Return the lines about what a removal leaves.

    Args:
        deployment: what is removed from a host.
        servers: the groups of servers that the inventory has set up.
    """
    account, code = deployment.account, deployment.code
    lines = []
    if code.integrate:
        lines.append("the tables that migrations have made in the project's database, with their rows")
    lines += [f"the server of the group {group}, with the project's user and data" for group in servers]
    if deployment.run.systemd and not account.is_ours:
        lines.append(f"the user {account.name}, who was there before")
    if deployment.run.systemd:
        lines.append("what the units have logged, in the journal")
    else:
        lines.append("uv's cache of this user, which other programs may use (uv cache clean)")
    return ["What stays:", *(f"  - {line}" for line in lines)]
