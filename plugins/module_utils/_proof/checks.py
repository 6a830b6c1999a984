# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be proven, each by the name by which ``celery_verify_checks`` chooses it."""

from __future__ import annotations

from collections.abc import Mapping

#: What the names of a check's rows begin with. docs/reference/proofs.md says what each proves.
ROWS: Mapping[str, tuple[str, ...]] = {
    "settings": ("settings loaded",),
    "known_settings": ("settings known",),
    "variables": ("variables set",),
    "secrets": ("secrets kept",),
    "limits": ("limits fit",),
    "tables": ("apps and tables migrated",),
    "web": ("web's databases",),
    "drained": ("host runs tasks",),
    "workers": ("units of pool", "workers answer"),
    "pools": ("pools as declared",),
    "fleet": ("whole fleet",),
    "queues": ("queues consumed",),
    "tasks": ("tasks registered",),
    "code": ("no other tasks",),
    "round_trip": ("round trip",),
    "nodes": ("each node works",),
    "clocks": ("clocks agree",),
    "errors": ("errors come back",),
    "transactions": ("rolled-back transaction", "committed transaction"),
    "beat": ("one beat answers", "beat runs", "beat fired"),
    "schedule": ("schedule as declared",),
    "site": ("site serves",),
}
NAMES = tuple(ROWS)
