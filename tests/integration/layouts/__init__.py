# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkouts as real projects have them, written from here, each with what has to be found in it."""

from __future__ import annotations

from . import _bytes, _celery_there, _installed_apps, _places, _settings_modules
from ._parts import STRANGER, Layout
from ._refused import OF_CLASSES, REFUSED, Refused

#: Every layout that is integrated, or deployed as it is.
LAYOUTS = [
    *_settings_modules.LAYOUTS,
    *_installed_apps.LAYOUTS,
    *_places.LAYOUTS,
    *_bytes.LAYOUTS,
    *_celery_there.LAYOUTS,
]
BY_NAME = {layout.name: layout for layout in LAYOUTS}

__all__ = ["BY_NAME", "LAYOUTS", "OF_CLASSES", "REFUSED", "STRANGER", "Layout", "Refused"]
