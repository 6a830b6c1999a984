# SPDX-License-Identifier: GPL-3.0-or-later
"""Each database is migrated once; a migration that fails stops all hosts before anything is restarted."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.hosts import run, wait
from lab.playbooks import flat, integrate, play

SCENARIO = Path(__file__).parents[1]
HOSTS = ("celeriac-db-app", "celeriac-db-second")
BROKEN = """
from django.db import migrations

def explode(apps, schema_editor):
    raise RuntimeError("no such luck")

class Migration(migrations.Migration):
    dependencies = [("queries", "0001_initial")]
    operations = [migrations.RunPython(explode)]
"""
PLACE = "/srv/shop/queries/migrations/0002_broken.py"
EMPTY = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("queries", "0001_initial")]
    operations = []
"""
#: Another run has the lock, and does not end.
HOLD = """
key=$(python3 -c 'import zlib; print(zlib.crc32(b"celeriac.django migrate"))')
PGAPPNAME=elsewhere psql --no-psqlrc -c "SELECT pg_advisory_lock($key), pg_sleep(120)" "$ANALYTICS_URL"
"""
HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"


def units(host: Any) -> str:
    """Return what runs on a host."""
    return str(host.check_output("systemctl list-units --plain --no-legend --state=active 'shop-*.service'"))


def tables(host: Any, database: str) -> list[str]:
    """Return the tables of a database."""
    psql = f"runuser -u postgres -- psql --no-psqlrc -qtA -d {database} -c"
    return str(host.check_output(f"cd / && {psql} %s", "SELECT tablename FROM pg_tables")).split()


@contextlib.contextmanager
def migration(source: str) -> Iterator[None]:
    """Have a migration in both checkouts."""
    for name in HOSTS:
        command = ["podman", "exec", "-i", name, "runuser", "-u", "deploy", "--", "tee", PLACE]
        subprocess.run(command, input=source, text=True, check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        for name in HOSTS:
            subprocess.run(["podman", "exec", name, "rm", PLACE], check=True)


@pytest.fixture
def broken() -> Iterator[None]:
    """A migration that fails, in both checkouts."""
    with migration(BROKEN):
        yield


@pytest.fixture
def held() -> Iterator[str]:
    """A migration that has nothing to do, and somebody else who has the lock: the process of the server."""
    psql = "cd / && runuser -u postgres -- psql --no-psqlrc -qtA -d analytics -c"
    hold = ". /etc/shop-celery/secrets; export ANALYTICS_URL\n" + HOLD
    with migration(EMPTY):
        subprocess.run(["podman", "exec", "--detach", HOSTS[0], "bash", "-c", hold], check=True)
        wait("nobody holds the lock", 30, lambda: run(HOSTS[0], f'{psql} "{HELD}"') != "")
        process = run(HOSTS[0], f'{psql} "{HELD}"')
        yield process
        run(HOSTS[0], f'{psql} "SELECT pg_terminate_backend({process})"')


def test_each_table_is_where_the_routers_say(host: Any) -> None:
    assert "queries_note" in tables(host, "analytics")
    assert "queries_note" not in tables(host, "shop")
    assert "orders_order" in tables(host, "shop")
    assert "orders_order" not in tables(host, "analytics")


@pytest.mark.usefixtures("broken")
def test_a_migration_that_fails_stops_all_hosts(host: Any) -> None:
    hosts = [host.get_host(f"podman://{name}") for name in HOSTS]
    before = [units(each) for each in hosts]
    # The changed code alone would start new generations.
    done = integrate(SCENARIO)
    assert done.returncode != 0
    said = flat(done.stdout)
    assert "The database 'analytics' could not be migrated: analytics at celeriac-db-app: " in said
    assert "0002_broken.py:5: RuntimeError: no such luck" in said
    assert "TASK [celeriac.django.celery_worker : Run the pools as units]" not in done.stdout
    assert [units(each) for each in hosts] == before


def test_who_holds_the_lock_for_too_long_is_told(held: str) -> None:
    done = play(SCENARIO / "inventory", str(SCENARIO / "migrate.yml"))
    assert done.returncode != 0
    said = flat(done.stdout)
    assert "The database 'analytics' could not be migrated: analytics at celeriac-db-app: " in said
    assert f"elsewhere (process {held} of the server), shop from " in said
    assert f"SELECT pg_terminate_backend({held})" in said
