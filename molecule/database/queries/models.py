# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks write."""

from __future__ import annotations

from django.db import models


class Note(models.Model):
    """A line in the database analytics."""

    text = models.CharField(max_length=100)
