# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the project's routers say about the apps that come with Celery."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import check

MODEL = SimpleNamespace(_meta=SimpleNamespace(model_name="solarschedule"))


class Ours:
    """A router that knows the apps of a database, as projects with several have it."""

    def __init__(self, verdicts: dict[tuple[str, str], bool | None]) -> None:
        self.verdicts = verdicts

    def allow_migrate(self, alias: str, label: str, **_hints: Any) -> bool | None:
        """Tells whether an app's tables are in a database."""
        return self.verdicts.get((alias, label))


class Silent:
    """A router that says nothing about tables."""


def ask(
    monkeypatch: pytest.MonkeyPatch, routers: list[Any], alias: str = "default", empty: str = ""
) -> list[str]:
    """Returns the problems in a project with django-celery-beat and these routers."""
    apps = SimpleNamespace(
        is_installed=lambda label: label == "django_celery_beat",
        get_app_config=lambda _label: SimpleNamespace(get_models=lambda: iter([MODEL])),
    )
    engines = dict.fromkeys(("default", "main"), "django.db.backends.sqlite3")
    if empty:
        engines[empty] = "django.db.backends.dummy"
    settings = {name: {"ENGINE": engine} for name, engine in engines.items()}
    modules: dict[str, dict[str, object]] = {
        "django": {},
        "django.apps": {"apps": apps},
        "django.db": {
            "router": SimpleNamespace(routers=routers, db_for_write=lambda _model: alias),
            "connections": SimpleNamespace(settings=settings),
        },
    }
    for name, values in modules.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    return [problem["text"] for problem in check.router_problems()]


class NoPermissionError(Exception):
    """Named as redis-py's."""


class FakeRedis:
    """A Redis with an access list, and the one client of a channel."""

    def __init__(self, refuses: set[str], knows_transactions: bool = True) -> None:
        self.refuses = refuses
        self.knows_transactions = knows_transactions
        self.said: list[str] = []
        self.global_keyprefix = ""

    def client(self) -> FakeRedis:
        """Returns a client of one connection."""
        return self

    def close(self) -> None:
        """Lets go of the connection."""
        self.said.append("closed")

    def execute_command(self, name: str, *arguments: Any) -> None:
        """Queues a command, or refuses it."""
        self.said.append(" ".join(map(str, [name, *arguments[:1]])))
        if name == "MULTI" and not self.knows_transactions:
            raise ValueError("unknown command")
        if name in self.refuses or (arguments and arguments[0] in self.refuses):
            raise NoPermissionError(f"this user has no permissions to run {name}.")


def refusals(redis: FakeRedis, control: bool = True) -> list[str]:
    """Returns what a Redis refuses to a worker of two queues."""
    channel = SimpleNamespace(
        client=redis,
        global_keyprefix="shop:",
        keyprefix_fanout="/0.",
        keyprefix_queue="_kombu.binding.%s",
        unacked_key="unacked",
        unacked_index_key="unacked_index",
        unacked_mutex_key="unacked_mutex",
    )
    return check.redis_refusals(channel, ["celery", "mails"], control)


def test_a_redis_that_refuses_nothing_is_left_as_it_was() -> None:
    redis = FakeRedis(set())
    assert refusals(redis) == []
    assert redis.said.count("MULTI") == redis.said.count("DISCARD") == 10
    assert redis.said[1::3][:4] == ["LPUSH celery", "BRPOP celery", "LPUSH mails", "BRPOP mails"]
    assert redis.said[-1] == "closed"
    assert "PSUBSCRIBE shop:/0.celery.pidbox" in redis.said


@pytest.mark.parametrize(
    ("refuses", "told"),
    [
        ("BRPOP", ["BRPOP celery", "BRPOP mails"]),
        ("mails", ["LPUSH mails", "BRPOP mails"]),
        ("PUBLISH", ["PUBLISH /0.celery.pidbox"]),
    ],
)
def test_a_right_that_a_user_of_redis_lacks_is_named(refuses: str, told: list[str]) -> None:
    found = refusals(FakeRedis({refuses}))
    assert [text.partition(" (")[0] for text in found] == told
    assert all("no permissions to run" in text for text in found)


def test_rights_that_nobody_needs_are_not_asked_for() -> None:
    assert refusals(FakeRedis({"PUBLISH", "PSUBSCRIBE"}), control=False) == []


def test_what_knows_no_transactions_is_not_asked() -> None:
    assert refusals(FakeRedis({"BRPOP"}, knows_transactions=False)) == []


@pytest.mark.parametrize(
    "routers",
    [
        [],
        [Silent()],
        [Ours({})],
        [Ours({("default", "django_celery_beat"): True}), Ours({("default", "django_celery_beat"): False})],
        [Ours({("main", "django_celery_beat"): False})],
    ],
)
def test_tables_that_nobody_refuses(monkeypatch: pytest.MonkeyPatch, routers: list[Any]) -> None:
    assert ask(monkeypatch, routers) == []


def test_a_router_that_refuses_tables_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    routers = [Silent(), Ours({}), Ours({("main", "django_celery_beat"): False})]
    (text,) = ask(monkeypatch, routers, alias="main")
    assert text.startswith(f"{__name__}.Ours.allow_migrate('main', 'django_celery_beat') is False")


def test_an_empty_database_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = ask(monkeypatch, [], empty="default")
    assert text.startswith("DATABASES['default'] is empty, and no router")
    (text,) = ask(monkeypatch, [], alias="main", empty="default")
    assert "django-celery-beat commits there" in text
    assert "the values of 'main'" in text


@pytest.mark.parametrize(
    ("error", "what"),
    [
        ('connection to server at "127.0.0.1", port 5432 failed: Connection refused', "does not answer"),
        ("(2002, \"Can't connect to local MySQL server through socket '/run/x' (2)\")", "does not answer"),
        ('could not translate host name "db" to address: Name or service not known', "does not answer"),
        ("connection is bad: No such file or directory", "does not answer"),
        ('password authentication failed for user "shop"', "refuses the user 'shop'"),
        ('database "shop" does not exist', "refuses the user 'shop'"),
        ("(1045, \"Access denied for user 'shop'@'localhost'\")", "refuses the user 'shop'"),
    ],
)
def test_a_database_that_is_not_there_is_told_from_one_that_refuses(error: str, what: str) -> None:
    given = {"NAME": "shop", "USER": "shop", "HOST": "db", "PORT": ""}
    told = check._of_a_database("default", given, error)
    assert told == f"the database 'shop' at db:default port (DATABASES['default']) {what}: {error}"
    assert "celery_environment" in check._of_a_database("default", {**given, "NAME": None}, error)
