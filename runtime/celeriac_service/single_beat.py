# SPDX-License-Identifier: 0BSD
"""One beat sends: a second one, on another host, ends before it has sent anything."""

from __future__ import annotations

import os
import sys
import threading

from celery import Celery
from celery.utils.log import get_logger
from celery.utils.nodenames import host_format

from . import short_connection

logger = get_logger(__name__)

#: The unit does not restart after it (RestartPreventExitStatus=): EX_CONFIG of sysexits.h.
EXIT_STATUS = 78
#: Seconds that others have for an answer, and that the broker has for all of it.
_PATIENCE = 1.0
_LIMIT = 20


def others(app: Celery) -> list[str]:
    """Return the beats of other hosts that answer; none where the broker is away."""
    found: set[str] = set()
    problem = [f"no answer within {_LIMIT} s"]

    def ask() -> None:
        try:
            with short_connection.connection(app) as connection:
                answers = app.control.ping(timeout=_PATIENCE, connection=connection)
        except Exception as error:  # noqa: BLE001 - each transport raises its own
            problem[0] = str(error)
            return
        nodes = (node for answer in answers or [] for node in answer)
        found.update(node for node in nodes if "celerybeat@" in node)
        problem.clear()

    # Aside: kombu tries again and again where a RabbitMQ takes nothing for want of memory.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_LIMIT)
    if problem:
        logger.warning("The broker does not say whether another beat runs: %s", problem[0])
    return sorted(found - {host_format("celerybeat@%h")})


def refuse_second(app: Celery) -> None:
    """End this process if another beat answers, and the unit gives its name because there may be one only."""
    unit = os.environ.get("CELERY_ONE_BEAT")
    if not unit:
        return
    found = others(app)
    if found:
        logger.critical(
            "Another beat answers, and two would send every periodic task twice: %s. Stop it "
            "on its host (systemctl disable --now %s), then start this one.",
            ", ".join(found),
            unit,
        )
        sys.exit(EXIT_STATUS)
