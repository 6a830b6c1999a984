# SPDX-License-Identifier: 0BSD
"""Messages and results can hold durations and lazy texts too, as Django's JSON can."""

from datetime import timedelta

from django.utils.functional import Promise
from kombu.utils.json import register_type


def register() -> None:
    """Let tasks take and return durations and lazy texts."""
    register_type(
        timedelta, "timedelta", timedelta.total_seconds, lambda s: timedelta(seconds=s)
    )
    # As the text it is in the language of whoever sends it.
    register_type(Promise, None, str)
