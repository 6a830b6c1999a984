# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that the site serves: asked where everybody asks it."""

from __future__ import annotations

import time
from typing import Any

from .._owner import OwnerError
from .._project.scripts import prove as inside_prove
from .._services.systemd import Systemd
from .._services.web import Site, SiteError

_NAME = "site serves"


def prove(site: Site, listen: str, systemd: Systemd) -> dict[str, Any]:
    """Return the proof.

    Args:
        site: how it is asked.
        listen: where it listens.
        systemd: the service manager.
    """
    unit, path = site.proven, site.health_path or "/"
    if not unit or systemd.states([unit]).get(unit) != "active":
        state = f"{unit} does not run" if unit else "no generation of it was ever proven"
        return inside_prove.proof(
            _NAME, False, f"{state}: see journalctl -u '{site.template.replace('@.', '@*.')}', and run again"
        )
    begin = time.monotonic()
    try:
        status = site.ask_where_it_listens(listen)
    except (OSError, OwnerError, SiteError) as error:
        return inside_prove.proof(_NAME, False, f"{unit} runs, and GET {path} at {listen} failed: {error}")
    took = f"GET {path} at {listen}: {status} in {1000 * (time.monotonic() - begin):.0f} ms"
    if site.is_well(status):
        return inside_prove.proof(_NAME, True, f"{took}; {unit} runs")
    return inside_prove.proof(_NAME, False, f"{took}{site.hint}: see journalctl -u {unit}")
