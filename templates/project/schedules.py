# SPDX-License-Identifier: 0BSD
"""Schedules that Celery lacks."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from celery.schedules import BaseSchedule, crontab, schedstate


class Crontab(crontab):
    """A crontab in a timezone of its own."""

    def __init__(self, *fields: Any, zone: str, **more: Any) -> None:
        """Take the fields of a crontab, and the name of a timezone."""
        super().__init__(*fields, **more)
        self.zone = zone
        self.tz = ZoneInfo(zone)

    def __reduce__(self) -> tuple[Callable[..., Any], Any, Any]:
        """Let beat keep it in its file."""
        kind, fields, state = super().__reduce__()
        return partial(kind, zone=self.zone), fields, state

    def __eq__(self, other: object) -> bool:
        """Tell whether the fields and the timezone are the same."""
        return super().__eq__(other) and self.zone == getattr(other, "zone", None)

    __hash__ = None


class Once(BaseSchedule):
    """One moment: late if beat was away, and not at all if that was before beat knew."""

    def __init__(self, moment: datetime, **more: Any) -> None:
        """Take the moment, with its timezone."""
        super().__init__(**more)
        self.moment = moment

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Tell whether it is time, and after how many seconds to ask again."""
        left = (self.moment - self.now()).total_seconds()
        if self.maybe_make_aware(last_run_at) >= self.moment:
            return schedstate(False, 3600)
        return schedstate(left <= 0, max(left, 0) or 3600)

    def __reduce__(self) -> tuple[type, tuple[datetime]]:
        """Let beat keep it in its file."""
        return type(self), (self.moment,)

    def __eq__(self, other: object) -> bool:
        """Tell whether the moment is the same."""
        return self.moment == getattr(other, "moment", None)

    __hash__ = None
