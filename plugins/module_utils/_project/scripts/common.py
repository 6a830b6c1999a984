# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scripts ask. It is sent along with each of them, by :mod:`_project.python`."""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any


def pooled_databases() -> list[str]:
    """Return the databases whose connections Django pools."""
    from django.db import connections

    return [alias for alias, settings in connections.settings.items() if settings["OPTIONS"].get("pool")]


def unregistered(app: Any, tasks: Mapping[str, str]) -> list[str]:
    """Return the tasks that no worker of the app would know, each with what names it.

    Args:
        app: the Celery app.
        tasks: what names the task, by the name of the task.
    """
    if not tasks:
        return []
    app.loader.import_default_modules()
    app.finalize()
    texts = []
    for name, where in tasks.items():
        if name not in app.tasks:
            close = difflib.get_close_matches(name, list(app.tasks), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            texts.append(f"{where}: no task {name} is registered{hint}")
    return texts


def own_line(error: BaseException) -> str:
    """Return the last line of the checkout that an error went through, as FILE:LINE, if there is one."""
    # A virtual environment may be in the checkout.
    here, installed = os.getcwd() + os.sep, sys.prefix + os.sep
    own = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(here) and not frame.filename.startswith(installed)
    ]
    return own[-1] if own else ""
