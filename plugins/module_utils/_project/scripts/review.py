# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a Celery app that the project wrote itself what it is set to."""

from __future__ import annotations

import os
from typing import Any

from .common import queue_of, void


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Return what the app is set to; passwords in URLs are left out.

    The answer holds ``version`` of Celery; ``namespace``; ``broker`` and ``wanted_broker`` (that
    of the environment) as URLs; ``results`` and ``late`` as truth values; ``unknown`` settings;
    ``immediate``: tasks that cannot be sent on commit; ``queues``: where each task goes, and what has no
    route; ``void``: why tasks never reach a worker.

    Args:
        job: ``app``: what ``celery -A`` takes; ``places``: where settings of Celery stand; ``unlisted``:
            settings that Celery reads though its list has them not.
    """
    import django

    django.setup()
    import celery
    from celery.app.utils import find_app
    from kombu import Connection

    app = find_app(job["app"])
    app.loader.import_default_modules()
    wanted = os.environ.get("CELERY_BROKER_URL", "")
    return {
        "version": celery.__version__,
        "namespace": app.namespace or "",
        "broker": app.connection_for_write().as_uri(),
        "wanted_broker": Connection(wanted).as_uri() if wanted else "",
        "results": bool(app.conf.result_backend),
        "void": void(app, job["places"]),
        "late": bool(app.conf.task_acks_late),
        "queues": {
            **{
                name: queue_of(app, task)
                for name, task in app.tasks.items()
                if not name.startswith("celery.")
            },
            "": str(app.conf.task_default_queue),
        },
        "unknown": unknown_settings(app.namespace, job["unlisted"]),
        "immediate": sorted(
            name
            for name, task in app.tasks.items()
            if not name.startswith("celery.") and not hasattr(task, "delay_on_commit")
        ),
    }


def unknown_settings(namespace: str | None, unlisted: list[str]) -> list[str]:
    """Return the settings that look like Celery's, and that Celery ignores without a word.

    With a namespace it reads ``CELERY_X`` as ``x``; without one it reads its names of before 4.0,
    such as ``CELERY_RESULT_BACKEND`` (celery.app.defaults).
    """
    from celery.app.defaults import _OLD_SETTING_KEYS, SETTING_KEYS
    from django.conf import settings

    # The support for Django asks for this one by its whole name.
    known = _OLD_SETTING_KEYS | {"CELERY_DB_REUSE_MAX"}
    if namespace:
        known |= {f"{namespace}_{name}".upper() for name in SETTING_KEYS.union(unlisted)}
    prefixes = ("CELERY_BEAT_SCHEDULER_", "CELERY_REDBEAT")
    return sorted(
        name
        for name in dir(settings)
        if name.startswith(f"{namespace or 'CELERY'}_")
        and name not in known
        and not name.startswith(prefixes)
    )
