# SPDX-License-Identifier: GPL-3.0-or-later
"""What the faults leave behind: one row for each time that a numbered task was done."""

from __future__ import annotations

from django.db import models


class Done(models.Model):
    """A numbered task was done; twice, if there are two rows."""

    number = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    worker = models.CharField(max_length=100)
