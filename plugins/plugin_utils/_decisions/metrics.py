# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus is told, and where."""

from __future__ import annotations

import re

from .variables import DeploymentError, Variables

#: ADDRESS:PORT or [ADDRESS]:PORT, by number: the exporter waits for no resolver.
_LISTEN = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):([0-9]{1,5})\Z")


def check(variables: Variables) -> None:
    """See that a place to listen is one.

    Raises:
        DeploymentError: it is not.
    """
    found = _LISTEN.match(variables.metrics_listen)
    if found is None or not 0 < int(found.group(1)) < 65536:
        raise DeploymentError(
            f"celery_metrics_listen is {variables.metrics_listen!r}; it has to be ADDRESS:PORT, such as "
            "127.0.0.1:9808 or [::1]:9808."
        )
