# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that does while it is imported all that must not cross a fork, and a task that looks for it.

FOLDER in the environment has the package celeriac_service, and the files that the task writes.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(os.environ["FOLDER"])
sys.path.insert(0, str(FOLDER))
settings.configure(
    SECRET_KEY="of a test alone",  # noqa: S106
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "db.sqlite3")}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    INSTALLED_APPS=["django.contrib.contenttypes"],
)
os.environ["DJANGO_SETTINGS_MODULE"] = "forked"
django.setup()

from celeriac_service import database_connections, shared_memory  # noqa: E402
from celery import Celery, signals  # noqa: E402
from django.db import connection  # noqa: E402

app = Celery("forked", broker=os.environ["BROKER"], set_as_current=False)
app.conf.worker_hijack_root_logger = False
shared_memory.share()
signals.import_modules.connect(lambda sender, **_kwargs: database_connections.keep(sender), weak=False)
# Opened while the code is loaded, as projects do.
connection.ensure_connection()
random.seed(7)


def files() -> list[str]:
    """Return the files of the database that this process holds open."""
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return [
        str(link.readlink()) for link in links if link.is_symlink() and "db.sqlite3" in str(link.readlink())
    ]


@signals.worker_process_init.connect(weak=False)
def born(**kwargs: Any) -> None:
    """Note what this process has from its parent."""
    noted = {
        "frozen": gc.get_freeze_count(),
        "connected": connection.connection is not None,
        "files": files(),
        "threads": threading.active_count(),
        "templates": "django.template.loaders.app_directories" in sys.modules,
        "random": random.random(),  # noqa: S311 - no secret
    }
    (FOLDER / f"born-{os.getpid()}").write_text(json.dumps(noted))
