# SPDX-License-Identifier: 0BSD
"""What messages and results can hold besides what kombu's JSON knows.

kombu brings dates, times, Decimal and UUID back as what they were. Django's encoder
knows two types more: durations, and texts that are translated when they are shown.
"""

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
