# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What task files and playbooks ask of the inventory: hosts, URLs of its servers, what differs on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import hosts, servers, urls
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import releases


def _access(user: Any, password: Any, tls: Any) -> urls.Access:
    return urls.Access(str(user), str(password), bool(tls))


def broker_url(  # noqa: PLR0913 - what a task file hands over, by name
    nodes: Sequence[str],
    asking: str,
    hostvars: Mapping[str, Any],
    *,
    server: str,
    tls: bool,
    user: str,
    password: Any,
    vhost: str,
) -> str:
    """Return the URL of the group celery_broker, empty where it has no host."""
    if not nodes:
        return ""
    access = _access(user, password, tls)
    return urls.broker_url(nodes, asking, hostvars, server=server, access=access, vhost=str(vhost))


def database_url(  # noqa: PLR0913 - what a task file hands over, by name
    nodes: Sequence[str],
    asking: str,
    hostvars: Mapping[str, Any],
    *,
    name: str,
    tls: bool,
    user: str,
    password: Any,
    authority: str,
) -> str:
    """Return the URL of the group celery_database, empty where it has no host."""
    if not nodes:
        return ""
    access = _access(user, password, tls)
    return urls.database_url(
        nodes[0], asking, hostvars, name=str(name), access=access, authority=str(authority)
    )


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them."""
        return {
            "celery_batches": hosts.batches,
            "celery_hosts": hosts.running,
            "celery_release_plan": releases.plan,
            "celery_release_table": releases.shown,
            "celery_clients": hosts.clients,
            "celery_fleet": hosts.fleet,
            "celery_broker_url": broker_url,
            "celery_database_url": database_url,
            "celery_differing": servers.differing,
            "celery_sqlalchemy_url": urls.sqlalchemy_url,
        }
