# SPDX-License-Identifier: GPL-3.0-or-later
"""Results with every backend, on the host of this scenario that has a database and a Redis of its own.

Prints a line for each backend, one for each choice that has to be refused, and two for the clean-up,

    results BACKEND: kept in PLACE, gone after EXPIRY, converged in S s
    refused CHOICE: MESSAGE
    cleanup WHOSE: N rows in S s, longest transaction S s, longest wait of a writer S s

and ends with status 1 if a result was not where it should be, or a choice was not refused.

usage: results.py [--rows N] [--cleanup]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from hosts import DATABASE, integrate
from lab.hosts import ask, run, sql, wait

PASSWORD = "redis_molecule_password"  # noqa: S105 - of the test hosts alone
REDIS = f"redis://:{PASSWORD}@127.0.0.1:6379"
SETTINGS = "/srv/shop/shop/settings/production.py"
TASKS = "/srv/shop/ticks/tasks.py"
CACHE = 'CACHES = {"default": {"BACKEND": "django.core.cache.backends.%s", "LOCATION": "%s"}}'
REDIS_CACHE = CACHE % ("redis.RedisCache", f"{REDIS}/3")
CHORD = "import celery\\n\\n\\ndef all_of_it():\\n    return celery.chord([echo.s(1)], echo.s())"
EXPIRES = 7 * 86400
#: A duration and a text that is translated when it is shown come back as that, and as a text.
ECHO = (
    "import json; from datetime import timedelta as T; "
    "from django.utils.translation import gettext_lazy as L; from ticks.tasks import echo; "
    "r = echo.delay([T(minutes=5), L('yes')]); "
    "print(json.dumps([r.id, r.get(timeout=30) == [T(minutes=5), 'yes']]))"
)


@dataclass(frozen=True)
class Backend:
    """A result backend, and how to see that a result is there."""

    wanted: str
    place: str
    #: Prints how many results of the task ID there are, and when they go.
    count: str
    expiry: str = ""
    #: What the project's settings have besides.
    settings: str = ""


def keys(number: int) -> str:
    """Return what counts the keys of a result in Redis."""
    return f"redis-cli -n {number} -a {PASSWORD} --no-auth-warning --scan --pattern '*ID*' | wc -l"


def life(number: int) -> str:
    """Return what tells the seconds that a result in Redis has left."""
    scan = f"redis-cli -n {number} -a {PASSWORD} --no-auth-warning --scan --pattern '*ID*'"
    return f'redis-cli -n {number} -a {PASSWORD} --no-auth-warning ttl "$({scan} | head -n 1)"'


def rows(table: str) -> str:
    """Return what counts the rows of a result."""
    query = f"SELECT count(*) FROM {table} WHERE task_id = 'ID' AND status = 'SUCCESS'"  # noqa: S608 - our own
    return f'runuser -u postgres -- psql --no-psqlrc -At shop -c "{query}"'


BACKENDS = (
    Backend("django-cache", "Redis 3, through Django's cache", keys(3), life(3), settings=REDIS_CACHE),
    Backend("redis", "Redis 0", keys(0), life(0)),
    Backend(f"{REDIS}/2", "Redis 2", keys(2), life(2)),
    Backend("database", "PostgreSQL, through SQLAlchemy", rows("celery_taskmeta")),
    Backend("none", "nowhere", "echo 0"),
    Backend("django-db", "PostgreSQL, through Django", rows("django_celery_results_taskresult")),
)


@contextlib.contextmanager
def added(file: str, lines: str) -> Iterator[None]:
    """Add lines to a file of the checkout for a while."""
    if not lines:
        yield
        return
    run(DATABASE, f"cp -p {file} /tmp/before && printf '\\n\\n%b\\n' '{lines}' >> {file}")
    try:
        yield
    finally:
        run(DATABASE, f"cp -p /tmp/before {file}")


def converge(backend: str, *arguments: str) -> tuple[int, str]:
    """Run integrate with a result backend; return its status and what it printed."""
    variables = ("-e", f"celery_result_backend={backend}", "-e", "celery_result_expires=7d")
    done = integrate(f"--limit={DATABASE}", *variables, *arguments)
    return done.returncode, done.stdout


def works(backend: Backend) -> list[str]:
    """Converge a backend, send a task, and see its result; return what is wrong."""
    began = time.monotonic()
    name = backend.wanted.partition("://")[0] + ("://…" if "://" in backend.wanted else "")
    with added(SETTINGS, backend.settings):
        status, printed = converge(backend.wanted)
        took = time.monotonic() - began
        if status:
            return [f"{name}: integrate ended with status {status}: {printed[-3000:]}"]
        wrong = [f"{name}: a password was printed"] if PASSWORD in printed else []
        if backend.wanted == "none":
            print(f"results {name}: nowhere, converged in {took:.0f} s", flush=True)
            return wrong
        task, same = ask(DATABASE, ECHO)
        if not same:
            wrong.append(f"{name}: a duration or a lazy text did not come back as it should")
        if run(DATABASE, backend.count.replace("ID", task)) != "1":
            wrong.append(f"{name}: the result is not in {backend.place}")
        left = run(DATABASE, backend.expiry.replace("ID", task)) if backend.expiry else ""
        if left and not EXPIRES - 300 < int(left) <= EXPIRES:
            wrong.append(f"{name}: the result goes after {left} s")
        gone = f"{left} s" if left else "beat's clean-up"
        print(
            f"results {name}: kept in {backend.place}, gone after {gone}, converged in {took:.0f} s",
            flush=True,
        )
    return wrong


def refused() -> list[str]:
    """Try what cannot work; return what was not refused."""
    wrong = []
    memory = CACHE % ("locmem.LocMemCache", "")
    computed = 'CACHES = dict(default=dict(BACKEND="django.core.cache.backends.locmem.LocMemCache"))'
    for choice, backend, file, lines, says in (
        (
            "a cache of one process",
            "django-cache",
            SETTINGS,
            memory,
            r"django-cache, and CACHES\['default'\]",
        ),
        (
            "a computed one",
            "django-cache",
            SETTINGS,
            computed,
            r"\(LocMemCache\) is seen by no other process",
        ),
        ("a chord and none", "none", TASKS, CHORD, r"has a chord \(chord\(…\) in ticks/tasks\.py:\d+\)"),
    ):
        with added(file, lines):
            status, printed = converge(backend)
        text = " ".join(re.sub(r"\\(['\"])", r"\1", printed).split())
        found = re.search(f"[^.]*{says}[^.]*", text)
        if status and found:
            print(f"refused {choice}: {found[0].strip()}", flush=True)
        else:
            wrong.append(f"{choice} was not refused: status {status}: {printed[-2000:]}")
    return wrong


FILL = (
    "DELETE FROM django_celery_results_taskresult WHERE task_id LIKE 'old-%%'; "
    "INSERT INTO django_celery_results_taskresult (task_id, status, content_type, content_encoding, result, "
    "date_created, date_done, meta, task_args, task_kwargs) "
    "SELECT 'old-' || n, 'SUCCESS', 'application/json', 'utf-8', repeat('x', 200), "
    "now() - interval '30 days', now() - interval '30 days', '{}', '[]', '{}' "
    "FROM generate_series(1, %d) AS n; ANALYZE django_celery_results_taskresult;"
)
#: Cleans up, while one thread looks how long transactions last, and one writes to a row.
CLEAN = """
import json, threading, time
from django.db import connection
from shop.celery import app
from django_celery_results.backends import DatabaseBackend as Theirs
backend = Theirs(app=app, url="django-db") if {theirs} else app.backend
assert type(backend).__module__.startswith("django_celery_results" if {theirs} else "shop.celery_ops")
done, longest, waits = threading.Event(), [0.0], [0.0]
query = ("SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity "
         "WHERE datname = current_database() AND application_name = 'cleaner'")
with connection.cursor() as cursor:
    cursor.execute("SET application_name = 'cleaner'")
update = "UPDATE django_celery_results_taskresult SET meta = '' WHERE task_id = 'old-{row}'"
def look():
    while not done.is_set():
        with connection.cursor() as cursor:
            cursor.execute(query)
            longest[0] = max(longest[0], float(cursor.fetchone()[0]))
        time.sleep(0.005)
    connection.close()
def write():
    while not done.is_set():
        began = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(update)
        waits[0] = max(waits[0], time.monotonic() - began)
        time.sleep(0.02)
    connection.close()
threads = [threading.Thread(target=look), threading.Thread(target=write)]
[thread.start() for thread in threads]
began = time.monotonic()
backend.cleanup()
took = time.monotonic() - began
done.set()
[thread.join() for thread in threads]
from django_celery_results.models import TaskResult
left = TaskResult.objects.filter(task_id__startswith="old-").count()
print(json.dumps([took, longest[0], waits[0], left]))
"""


def cleaned(number: int) -> list[str]:
    """Delete many old results as django-celery-results does and as we do; return what is wrong."""
    wrong = []
    longest = {}
    for whose, theirs in (("django-celery-results", True), ("ours", False)):
        sql(DATABASE, "shop", FILL % number)
        answer = ask(DATABASE, CLEAN.replace("{theirs}", str(theirs)).replace("{row}", str(number // 2)))
        took, longest[whose], waited, left = answer
        print(
            f"cleanup {whose}: {number} rows in {took:.1f} s, longest transaction {longest[whose]:.2f} s, "
            f"longest wait of a writer {waited:.2f} s",
            flush=True,
        )
        if left:
            wrong.append(f"cleanup {whose}: {left} rows are left")
    if longest["ours"] > longest["django-celery-results"] / 2:
        wrong.append(f"cleanup: the longest transaction is as long as before: {longest}")
    # What beat sends each night is a task, and that takes the same way.
    sql(DATABASE, "shop", FILL % 1500)
    ask(DATABASE, "from shop.celery import app; app.send_task('celery.backend_cleanup'); print('null')")
    count = "SELECT count(*) FROM django_celery_results_taskresult WHERE task_id LIKE 'old-%'"
    wait(
        "celery.backend_cleanup has not deleted the old results",
        60,
        lambda: sql(DATABASE, "shop", count) == "0",
    )
    return wrong


def main() -> int:
    """Run everything; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="how many old results are deleted")
    parser.add_argument("--cleanup", action="store_true", help="the clean-up alone, of hosts with django-db")
    arguments = parser.parse_args()
    wrong = []
    if not arguments.cleanup:
        wrong += refused()
        for backend in BACKENDS:
            wrong += works(backend)
    wrong += cleaned(arguments.rows)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
