# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import results
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import read

REDIS = "redis://redis.example/0"
RABBITMQ = "amqp://u:p@mq.example/v"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture
def plain(project: Project) -> Project:
    """The plain project, with a database server."""
    return replace(project, database="postgresql")


@pytest.mark.parametrize(
    ("changed", "hosts"),
    [
        ({"result_backend": "django-db"}, 2),
        ({"result_backend": "django-cache"}, 2),
        ({"result_backend": "redis"}, 2),
        ({"result_backend": "none"}, 2),
        ({"result_backend": "database", "database_scheme": "postgres"}, 2),
        ({"result_backend": "database", "database_scheme": "postgresql+psycopg"}, 2),
        ({"result_backend": "db+sqlite:////srv/results"}, 1),
        ({"result_expires": "never"}, 1),
    ],
)
def test_what_works(changed: dict[str, Any], hosts: int, options: dict[str, Any]) -> None:
    results.check(read({**options, "broker_url": REDIS, **changed}), hosts)


@pytest.mark.parametrize(
    ("changed", "broker", "hosts", "says"),
    [
        ({"result_backend": "postgres"}, REDIS, 1, "'postgres' is not known: it is django-db, django-cache"),
        ({"result_backend": "redis"}, RABBITMQ, 1, "the broker is amqp"),
        ({"result_backend": "database"}, REDIS, 1, "neither celery_secrets nor"),
        (
            {"result_backend": "database", "database_scheme": "mysql"},
            REDIS,
            1,
            "DATABASE_URL is one of mysql",
        ),
        ({"result_backend": "database", "database_scheme": "sqlite"}, REDIS, 1, "take django-db"),
        ({"result_backend": "db+sqlite:////srv/results"}, REDIS, 2, r"\(db\+sqlite\), and 2 hosts"),
        ({"result_backend": "file:///srv/results"}, REDIS, 3, "3 hosts"),
        ({"result_expires": "soon"}, REDIS, 1, "celery_result_expires is 'soon'"),
        ({"result_expires": 0}, REDIS, 1, "12h or 7d, or never"),
    ],
)
def test_what_cannot_work(
    changed: dict[str, Any],
    broker: str,
    hosts: int,
    says: str,
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=says):
        results.check(read({**options, "broker_url": broker, **changed}), hosts)


@pytest.mark.parametrize(
    ("given", "seconds"), [("1d", 86400), (90, 90), ("12h", 43200), ("7d", 604800), ("never", 0)]
)
def test_expires(given: Any, seconds: int, options: dict[str, Any]) -> None:
    assert read({**options, "result_expires": given}).result_expires == seconds


@pytest.mark.parametrize(
    ("changed", "differs", "hosts", "says"),
    [
        (
            {"result_backend": "none"},
            {"chords": {"a.py:7": "chord(…)"}},
            1,
            r"chord \(chord\(…\) in a\.py:7\)",
        ),
        ({"result_backend": "none", "project_sample_apps": ["orders"]}, {}, 1, "among the samples"),
        ({"result_backend": "django-cache"}, {"caches": {"default": LOCMEM}}, 1, "memory of one process"),
        (
            {"result_backend": "django-cache"},
            {"caches": {"default": "django.core.cache.backends.dummy.DummyCache"}},
            1,
            "keeps nothing",
        ),
        (
            {"result_backend": "django-cache", "environment": {"CELERY_CACHE_BACKEND": "results"}},
            {"caches": {"default": "x.Redis", "results": LOCMEM}},
            1,
            r"CACHES\['results'\]",
        ),
        (
            {"result_backend": "django-cache"},
            {"caches": {"default": "django.core.cache.backends.filebased.FileBasedCache"}},
            2,
            "a folder on each of 2 hosts",
        ),
        ({"result_backend": "django-db"}, {"database": "sqlite3"}, 2, "a file on each of 2 hosts"),
    ],
)
def test_what_cannot_work_with_a_project(
    changed: dict[str, Any],
    differs: dict[str, Any],
    hosts: int,
    says: str,
    options: dict[str, Any],
    plain: Project,
) -> None:
    with pytest.raises(ValueError, match=says):
        results.check_project(read({**options, **changed}), replace(plain, **differs), hosts)


@pytest.mark.parametrize(
    ("changed", "differs", "hosts"),
    [
        ({"result_backend": "redis"}, {"chords": {"a.py:7": "chord(…)"}}, 1),
        ({"result_backend": "none"}, {"results_read": {"a.py:7": "AsyncResult(…)"}}, 1),
        ({"result_backend": "django-cache"}, {"caches": {"default": ""}}, 2),
        ({"result_backend": "django-cache"}, {}, 2),
        ({"result_backend": "django-db"}, {"database": "sqlite3"}, 1),
        ({"result_backend": "django-db", "secret_names": ["DATABASE_URL"]}, {"database": "sqlite3"}, 2),
        ({"result_backend": "django-db"}, {"database": "url"}, 2),
    ],
)
def test_what_works_with_a_project(
    changed: dict[str, Any],
    differs: dict[str, Any],
    hosts: int,
    options: dict[str, Any],
    plain: Project,
) -> None:
    results.check_project(read({**options, **changed}), replace(plain, **differs), hosts)


def test_who_reads_results_that_nobody_keeps_is_warned(options: dict[str, Any], plain: Project) -> None:
    reads = {f"views.py:{line}": ".delay(…).get" for line in range(1, 6)}
    (text,) = results.warnings(
        read({**options, "result_backend": "none"}), replace(plain, results_read=reads)
    )
    assert ".delay(…).get in views.py:1, .delay(…).get in views.py:2" in text
    assert "and 2 more" in text
    assert not results.warnings(read({**options, "result_backend": "none"}), plain)
    assert not results.warnings(read(options), replace(plain, results_read=reads))
