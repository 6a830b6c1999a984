# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of .env.example: each variable with a placeholder, and how to get its value."""

from __future__ import annotations

from collections.abc import Iterable

#: How to get the value of a variable, by its name; the rest is the project's own.
_KNOWN = {
    "CELERY_BROKER_URL": (
        "Where tasks wait: the URL of Redis or RabbitMQ, from whoever runs it. Without it, the "
        "folder .celery stands in: for development.",
        "redis://:{name}_production_your_key_here@localhost:6379/0",
    ),
    "CELERY_RESULT_BACKEND": (
        "Where results go: the URL of a server, from whoever runs it.",
        "redis://:{name}_production_your_key_here@localhost:6379/1",
    ),
    "SECRET_KEY": (
        "Django's key: python -c \"from django.core.management.utils import "
        'get_random_secret_key as key; print(key())"',
        "{name}_production_your_key_here",
    ),
    "DATABASE_URL": (
        "The database: from whoever runs the server.",
        "postgres://{name}:{name}_production_your_key_here@localhost:5432/{name}",
    ),
}
_OTHER = ("Asked for by the settings: from the team's vault.", "{name}_production_your_key_here")


def lines(name: str, secret_names: Iterable[str]) -> list[dict[str, str]]:
    """Return the lines of .env.example: name, a placeholder, and how to get the value."""
    entries = []
    for variable in dict.fromkeys(["CELERY_BROKER_URL", *sorted(secret_names)]):
        comment, value = _KNOWN.get(variable, _OTHER)
        entries.append({"name": variable, "comment": comment, "value": value.format(name=name)})
    return entries
