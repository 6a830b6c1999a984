# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migrates at a time, and a check makes no database."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import common, migrate


class FakeConnection:
    """A connection that notes what is asked."""

    def __init__(self, vendor: str, name: str = "shop") -> None:
        self.vendor = vendor
        self.settings_dict: dict[str, Any] = {"NAME": name}
        self.asked: list[tuple[str, Any]] = []
        self.answer = 1

    @contextlib.contextmanager
    def cursor(self) -> Iterator[FakeConnection]:
        """Returns what runs statements."""
        yield self

    def execute(self, statement: str, values: list[Any] | None = None) -> None:
        """Notes a statement."""
        self.asked.append((statement, values))

    def fetchone(self) -> tuple[int]:
        """Returns an answer."""
        return (self.answer,)


class Refusing(FakeConnection):
    """A server on which somebody else has the lock."""

    error: type[Exception] = Exception

    def __init__(self, vendor: str, code: str, holder: tuple[Any, ...] | None = None) -> None:
        super().__init__(vendor)
        self.code = code
        self.holder = holder

    def execute(self, statement: str, values: list[Any] | None = None) -> None:
        """Refuses the lock."""
        super().execute(statement, values)
        if "pg_advisory_lock" in statement:
            cause = Exception("canceling statement due to lock timeout")
            cause.sqlstate = self.code  # type: ignore[attr-defined] # as psycopg's have
            raise self.error("cancelled") from cause

    def fetchone(self) -> Any:
        """Returns who has it."""
        return self.holder


@pytest.fixture
def operational_error(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    """Returns Django's error of that name, without Django."""
    error = type("OperationalError", (Exception,), {})
    database = ModuleType("django.db")
    database.OperationalError = error  # type: ignore[attr-defined] # as Django has it
    monkeypatch.setitem(sys.modules, "django", ModuleType("django"))
    monkeypatch.setitem(sys.modules, "django.db", database)
    monkeypatch.setattr(Refusing, "error", error)
    return error


@pytest.mark.usefixtures("operational_error")
def test_postgresql_is_locked_for_the_time_of_the_migration() -> None:
    connection = FakeConnection("postgresql")
    with migrate.alone(connection, 600):
        before = len(connection.asked)
        asked = connection.asked
        [place] = [at for at, (statement, _values) in enumerate(asked) if "pg_advisory_lock" in statement]
        assert asked[place - 1] == ("SET lock_timeout = '600s'", None)
    statement, values = connection.asked[before]
    assert "pg_advisory_unlock" in statement
    assert values == connection.asked[place][1]


HOLDER = (7, "shop", "10.0.0.2", "celeriac.django migrates on web2", "2026-11-22 20:00:00+00")


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (HOLDER, ["600 s", "web2", "process 7", "shop from 10.0.0.2 since 2026", "pg_terminate_backend(7)"]),
        ((7, "shop", None, "", "2026"), ["a session", "the same host"]),
        # It was given back in this moment.
        (None, ["600 s"]),
    ],
)
@pytest.mark.usefixtures("operational_error")
def test_who_holds_the_lock_is_told(holder: tuple[Any, ...] | None, words: list[str]) -> None:
    connection = Refusing("postgresql", "55P03", holder)
    with pytest.raises(TimeoutError) as caught, migrate.alone(connection, 600):
        raise AssertionError
    for word in words:
        assert word in str(caught.value)


def test_another_fault_of_the_server_is_none_of_the_lock(operational_error: type[Exception]) -> None:
    with (
        pytest.raises(operational_error, match="cancelled"),
        migrate.alone(Refusing("postgresql", "57P01"), 600),
    ):
        raise AssertionError


@pytest.mark.usefixtures("operational_error")
def test_a_migration_that_fails_gives_the_lock_back() -> None:
    connection = FakeConnection("postgresql")
    with pytest.raises(KeyError), migrate.alone(connection, 600):
        raise KeyError
    assert "pg_advisory_unlock" in connection.asked[-1][0]


@pytest.mark.parametrize("vendor", ["sqlite", "oracle"])
def test_others_have_nothing_to_lock(vendor: str) -> None:
    connection = FakeConnection(vendor)
    with migrate.alone(connection, 600):
        pass
    assert connection.asked == []


def test_mysql_is_locked_by_name() -> None:
    connection = FakeConnection("mysql", "a name " * 20)
    with migrate.alone(connection, 600):
        statement, (name, seconds) = connection.asked[0]
        assert "GET_LOCK" in statement
        assert len(name) <= 64
        assert seconds == 600
    assert connection.asked[-1] == ("SELECT RELEASE_LOCK(%s)", [name])


def test_mysql_that_is_locked_for_too_long_is_told() -> None:
    connection = FakeConnection("mysql")
    rows = iter([(0,), (7, "shop", "10.0.0.2:5000")])
    connection.fetchone = lambda: next(rows)  # type: ignore[method-assign, return-value] # rows as they are
    with pytest.raises(TimeoutError, match="600 s") as caught, migrate.alone(connection, 600):
        raise AssertionError
    assert "shop from 10.0.0.2:5000 (process 7 of the server)" in str(caught.value)
    assert "`KILL 7`" in str(caught.value)


@pytest.mark.parametrize(
    ("verdicts", "chosen", "words"),
    [
        ({"default": {None}, "logs": {None}}, ["default"], "no router"),
        ({"logs": {True, None}, "default": {False, True}}, ["default", "logs"], ""),
        ({"default": {None}, "logs": {False}}, ["default"], "keep all tables out of it"),
        ({"default": {False}, "logs": {True}}, ["logs"], "keep all tables out of it"),
        ({"default": set()}, ["default"], ""),
    ],
)
def test_which_databases_are_migrated(
    verdicts: dict[str, set[bool | None]], chosen: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one than the first only if a router says that tables belong there."""
    monkeypatch.setitem(sys.modules, "django", ModuleType("django"))
    monkeypatch.setitem(sys.modules, "django.db", SimpleNamespace(DEFAULT_DB_ALIAS="default"))
    monkeypatch.setattr(common, "is_empty", lambda _alias: False)
    monkeypatch.setattr(common, "said", verdicts.__getitem__)
    found, skipped = common.choose(list(verdicts), [])
    assert found == chosen
    assert all(words in reason for reason in skipped.values())
    assert bool(skipped) == bool(words)


def test_what_is_named_is_migrated() -> None:
    assert common.choose(["default", "logs"], ["logs"]) == (["logs"], {})


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ({"HOST": "", "NAME": "shop"}, True),
        ({"HOST": "127.0.0.1", "PORT": 5432, "NAME": "shop"}, True),
        ({"HOST": "127.0.0.1", "PORT": "5433", "NAME": "shop"}, False),
        ({"HOST": "db1", "NAME": "shop"}, False),
        ({"HOST": "localhost", "NAME": "logs"}, False),
    ],
)
def test_aliases_of_one_database(settings: dict[str, Any], same: bool) -> None:
    given = FakeConnection("postgresql")
    given.settings_dict = settings
    other = FakeConnection("postgresql")
    other.settings_dict = {"HOST": "localhost", "PORT": "", "NAME": "shop"}
    assert (common.place(given) == common.place(other)) is same


@pytest.mark.parametrize(
    ("vendor", "words"), [("postgresql", "replica"), ("mysql", "replica"), ("sqlite", "")]
)
def test_a_replica_is_told(vendor: str, words: str) -> None:
    assert (words in common.read_only(FakeConnection(vendor))) is True
    quiet = FakeConnection(vendor)
    quiet.answer = 0
    assert common.read_only(quiet) == ""


def test_where_a_migration_has_failed_is_told() -> None:
    connection = FakeConnection("postgresql")
    connection.settings_dict = {"NAME": "logs", "HOST": "db1"}
    assert migrate.described(connection, KeyError("x")) == "logs at db1: KeyError: 'x'"


def test_a_database_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").touch()
    for name, there in (("db.sqlite3", True), ("other.sqlite3", False)):
        assert migrate.exists(FakeConnection("sqlite", str(tmp_path / name))) is there


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared"])
def test_a_database_in_memory_is_there(name: str) -> None:
    assert migrate.exists(FakeConnection("sqlite", name))
