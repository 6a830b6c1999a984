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


def void(app: Any, places: Mapping[str, str]) -> list[str]:
    """Return what keeps tasks from ever reaching a worker, so that no proof means a thing.

    Args:
        app: the Celery app.
        places: where the project's settings of Celery stand, as FILE:LINE by their names.
    """

    def where(*names: str) -> str:
        return next((f"{places[name]}: {name}" for name in names if name in places), names[0])

    texts = []
    if app.conf.task_always_eager:
        texts.append(
            f"{where('CELERY_TASK_ALWAYS_EAGER', 'CELERY_ALWAYS_EAGER')} is on: no task ever goes to a "
            "worker, each runs inside the process that sends it. Take it out of the settings that "
            "production reads; settings of tests and of development may keep it"
        )
    url = str(app.conf.broker_write_url or app.conf.broker_url or "")
    if url.partition(":")[0] == "memory":
        texts.append(
            f"{where('CELERY_BROKER_URL', 'BROKER_URL')} is {url}: what a process sends stays in its own "
            "memory, and no worker sees it. Name a server: set celery_broker_url, and let the settings read "
            'os.environ["CELERY_BROKER_URL"]'
        )
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
