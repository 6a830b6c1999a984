# SPDX-License-Identifier: 0BSD
"""Let the processes of a prefork pool share what the main process has loaded.

A process that is forked shares all memory with its parent, until one of the two writes to it. Python's
garbage collector writes to each object that it looks at, so soon every child has a copy of all that was
loaded. What is frozen before the fork, no collector looks at again, in no child. What tasks will load anyhow
is loaded before it.

billiard replaces a process by the most memory that it ever had, with all that it shares with the others in it
(`ru_maxrss`): with what is loaded before the fork, a limit would be reached by what is nobody's own. So a
process is measured by what it has for itself, and has now.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from celery import signals
from celery.utils.log import get_logger

logger = get_logger(__name__)
#: Of `/proc/self/smaps_rollup`: the pages of this process alone, and its part of what is swapped out.
OWN = ("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:", "SwapPss:")


def share() -> None:
    """Prepare the fork of what begins now, if the unit says so."""
    if os.environ.get("CELERY_SHARE_MEMORY") == "1":
        # The last signal before the pool starts: tasks are imported, and all parts of the worker are made.
        signals.celeryd_after_setup.connect(_before_the_fork, weak=False)


def _before_the_fork(instance: Any, **kwargs: Any) -> None:
    from celery.concurrency import prefork

    if not issubclass(instance.pool_cls, prefork.TaskPool):
        return
    for load in (_databases, _mail, _templates, _translations, _urls):
        _try(load)
    _count_what_is_their_own()
    gc.collect()
    gc.freeze()


def _count_what_is_their_own() -> None:
    """Have `max_memory_per_child` mean the memory that a process has for itself."""
    from billiard import pool

    total = getattr(pool, "mem_rss", None)
    if total is not None and own_memory() > 0:
        pool.mem_rss = lambda: own_memory() or total()


def own_memory() -> int:
    """Return the KiB that this process has for itself, 0 where the system does not tell."""
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as rollup:
            return sum(int(line.split()[1]) for line in rollup if line.startswith(OWN))
    except (OSError, ValueError):
        return 0


def _try(load: Callable[[], None]) -> None:
    try:
        load()
    except Exception as error:  # noqa: BLE001 - a task that needs it will tell more
        logger.debug("Not loaded before the fork: %s: %r", load.__name__, error)


def _databases() -> None:
    """Load the drivers of the databases, which do not connect by that."""
    from django.db import connections

    for alias in connections:
        connections[alias].ops.compiler("SQLCompiler")


def _mail() -> None:
    """Load what sends mail, and what makes its addresses."""
    from django.conf import settings

    import_module("encodings.idna")
    import_module("django.core.mail.message")
    import_module(settings.EMAIL_BACKEND.rpartition(".")[0])


def _templates() -> None:
    """Load the engines, with the libraries of tags and the loaders of each."""
    from django.template import engines

    for backend in engines.all():
        # Django's own has them; they are made when they are asked for first.
        getattr(getattr(backend, "engine", None), "template_loaders", None)


def _translations() -> None:
    """Load the texts of the language that tasks begin with."""
    from django.utils.formats import get_format
    from django.utils.translation import gettext

    gettext("")
    get_format("DATE_FORMAT")


def _urls() -> None:
    """Load the routes, with what turns names into addresses."""
    from django.urls import get_resolver

    # Made when it is asked for first.
    len(get_resolver().reverse_dict)
