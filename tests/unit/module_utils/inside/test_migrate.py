# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migrates at a time, and a check makes no database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._inside import migrate


class FakeConnection:
    """A connection that notes what is asked."""

    def __init__(self, vendor: str, name: str = "shop") -> None:
        self.vendor = vendor
        self.settings_dict = {"NAME": name}
        self.asked: list[tuple[str, Any]] = []

    @contextlib.contextmanager
    def cursor(self) -> Iterator[FakeConnection]:
        """Returns what runs statements."""
        yield self

    def execute(self, statement: str, values: list[Any] | None = None) -> None:
        """Notes a statement."""
        self.asked.append((statement, values))


def test_postgresql_is_locked_for_the_time_of_the_migration() -> None:
    connection = FakeConnection("postgresql")
    with migrate.alone(connection, 600):
        assert connection.asked[0] == ("SET lock_timeout = '600s'", None)
        assert "pg_advisory_lock" in connection.asked[1][0]
        before = len(connection.asked)
    statement, values = connection.asked[before]
    assert "pg_advisory_unlock" in statement
    assert values == connection.asked[1][1]


def test_a_migration_that_fails_gives_the_lock_back() -> None:
    connection = FakeConnection("postgresql")
    with pytest.raises(KeyError), migrate.alone(connection, 600):
        raise KeyError
    assert "pg_advisory_unlock" in connection.asked[-1][0]


@pytest.mark.parametrize("vendor", ["sqlite", "mysql", "oracle"])
def test_others_have_nothing_to_lock(vendor: str) -> None:
    connection = FakeConnection(vendor)
    with migrate.alone(connection, 600):
        pass
    assert connection.asked == []


def test_a_database_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").touch()
    for name, there in (("db.sqlite3", True), ("other.sqlite3", False)):
        assert migrate.exists(FakeConnection("sqlite", str(tmp_path / name))) is there


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared"])
def test_a_database_in_memory_is_there(name: str) -> None:
    assert migrate.exists(FakeConnection("sqlite", name))
