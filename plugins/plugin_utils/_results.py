# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where results and RedBeat's schedule are kept, and what does not go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.celeriac.django.plugins.plugin_utils._broker import Broker

#: Where RedBeat finds its Redis, if it is not the broker.
REDBEAT_URL = "CELERY_REDBEAT_REDIS_URL"
#: What a word can say; everything else is a URL.
RESULT_BACKENDS = ("django-db", "redis", "none")


class ResultsError(ValueError):
    """A choice that cannot work. The text says what to choose instead."""


def check(backend: str, broker: Broker) -> None:
    if backend not in RESULT_BACKENDS and "://" not in backend:
        offered = ", ".join(RESULT_BACKENDS)
        raise ResultsError(
            f"celery_result_backend: {backend!r} is not known: it is {offered}, or a URL such as "
            "db+postgresql+psycopg://user:password@host/name."
        )
    if backend == "redis" and broker.extra != "redis":
        raise ResultsError(
            "celery_result_backend is redis, which means the broker's Redis, but the broker is "
            f"{broker.transport}. Set it to the URL of a Redis, or to django-db."
        )


def check_redbeat(options: Mapping[str, Any], broker: Broker) -> None:
    named = {*options["environment"], *options["secret_names"]}
    if options["beat_scheduler"] == "redbeat" and broker.extra != "redis" and REDBEAT_URL not in named:
        raise ResultsError(
            f"celery_beat_scheduler is redbeat, which keeps its schedule in a Redis, but the broker is "
            f"{broker.transport}. Put the URL of a Redis into celery_secrets as {REDBEAT_URL}, or use the "
            "scheduler database."
        )


def in_settings(wanted: str) -> str:
    """Return what the settings fragment says; a URL comes from the environment."""
    if "://" in wanted or wanted == "none":
        return ""
    if wanted == "redis":
        return "redis"
    return wanted
