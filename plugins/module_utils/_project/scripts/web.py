# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load what a server of the web loads, and tell which databases it would use."""

from __future__ import annotations

import importlib
from typing import Any

from .common import databases


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Import the module ``job["module"]`` (wsgi.py or asgi.py), and say what Django has after that."""
    importlib.import_module(job["module"])
    from django.conf import settings

    return {"settings": settings.SETTINGS_MODULE, "databases": databases()}
