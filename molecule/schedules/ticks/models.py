# SPDX-License-Identifier: GPL-3.0-or-later
"""What beat leaves behind: one row for each time that an entry of the schedule has come due."""

from __future__ import annotations

from django.db import models


class Tick(models.Model):
    """An entry came due, and its task was run. Times are seconds since the epoch."""

    name = models.CharField(max_length=100)
    sent = models.FloatField()
    at = models.FloatField()
    #: Process and host of the beat that sent it, as gen123@host.
    beat = models.CharField(max_length=100)
