# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs into which database."""

from __future__ import annotations

from typing import Any


class Analytics:
    """The tables of the app queries are in the database analytics, and no others are there."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Say where to read."""
        return "analytics" if model._meta.app_label == "queries" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        """Say which tables are where."""
        return (app_label == "queries") == (db in ("analytics", "reports"))
