# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of the inventory do what, by its groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Groups = Mapping[str, Sequence[str]]

#: The groups whose hosts run something of Celery, and those that only serve the others.
_WORK = ("celery_worker", "celery_beat", "celery_web")
_SERVE = ("celery_broker", "celery_database")


def _members(groups: Groups, names: Sequence[str]) -> dict[str, None]:
    return dict.fromkeys(host for name in names for host in groups.get(name, ()))


def running(groups: Groups) -> list[str]:
    """Return the hosts that Celery is put on: all but those that only serve broker or database."""
    work, serve = _members(groups, _WORK), _members(groups, _SERVE)
    return [host for host in groups.get("all", ()) if host in work or host not in serve]


def clients(groups: Groups) -> list[str]:
    """Return the hosts that the servers of the inventory let in.

    Where groups say who runs workers and beat, it is they alone: a host in no group, such as a web server,
    may be in the inventory for another reason.
    """
    return list(_members(groups, _WORK)) or running(groups)
