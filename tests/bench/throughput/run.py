# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure tasks per second, ours against a project as Celery's page "First steps with Django" has it.

Both are the same project with the same versions of everything, on one Debian 13 host with its PostgreSQL and
Redis, four processes each. Only hiredis is ours alone: nothing on that page installs it. They take turns in
short rounds; each rate is the median, and each ratio the median of those of the rounds, as a machine is not
equally fast all the time. Without results, as in the page's own steps, and with django-celery-results, as in
its section on extensions and as is the collection's default.

Prints each round, then ``one_query_ratio: N`` and ``empty_ratio: N`` without results, the same with
``_django_db`` where both keep results there and with ``_rabbitmq``, and how many connections each opened for
how many tasks. Then, by Redis: ``queue_ms_…``, for how long a task waits at half the rate that the page's
project manages, and ``start_seconds_…``, from `systemctl start` until a task is done that was sent before.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
INVENTORY = HERE / "inventory"
HOST = next(iter((INVENTORY / "hosts.yml").read_text().split("hosts:")[1].split())).rstrip(":")
ROUNDS = 7
#: How many tasks make a round, without results and with results in the database.
NUMBERS = {
    "": {"empty": 5000, "one_query": 1000},
    "_django_db": {"empty": 1000, "one_query": 1000},
    "_rabbitmq": {"empty": 3000, "one_query": 1000},
}
#: How often it is measured how long tasks wait, each time for so many seconds, and how long a start takes.
WAITS, WAIT_SECONDS, STARTS = 3, 10, 5
PASSWORD = "redis_molecule_password"  # noqa: S105 - of the test host alone
REDIS = f"redis://:{PASSWORD}@127.0.0.1:6379"
RABBITMQ = "amqp://bench:rabbitmq_molecule_password@127.0.0.1:5672"
BROKERS = {
    "": {"ours": f"{REDIS}/0", "plain": f"{REDIS}/1"},
    "_rabbitmq": {"ours": f"{RABBITMQ}/ours", "plain": f"{RABBITMQ}/plain"},
}
#: How each contender's environment is entered.
ENTER = {
    "ours": "cd /srv/ours && set -a && . /etc/ours-celery/environment && "
    ". /etc/ours-celery/secrets && set +a && runuser -u ours -- /var/lib/ours-celery/venv/bin/python",
    "plain": "cd /srv/plain && runuser -u nobody -- /opt/plain/bin/python",
}


def run(command: list[str], text: str = "") -> str:
    """Run a command to its end; show its output if it fails."""
    done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:4])} … failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def play(playbook: str, *arguments: str) -> None:
    """Run a playbook on the host of the benchmark."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    run([program, f"--inventory={INVENTORY}", *arguments, playbook])


def on_host(script: str, text: str = "") -> str:
    """Run a line on the host as root."""
    return run(["podman", "exec", "--interactive", HOST, "bash", "-c", script], text)


def sql_sessions(database: str) -> int:
    """Return how many sessions the server has ever had in a database."""
    # A session counts when it reports, 10 s after its last query at the latest, or when it ends.
    statement = "SELECT sessions FROM pg_stat_database WHERE datname = :'name'"
    psql = f"runuser -u postgres -- psql --no-psqlrc -qtA -v name={database}"
    return int(on_host(f"cd / && {psql}", statement))


def redis_connections() -> int:
    """Return how many connections Redis has ever had."""
    info = on_host(f"redis-cli --no-auth-warning -a {PASSWORD} info stats")
    return int(info.split("total_connections_received:")[1].split()[0])


def send(contender: str, *words: object) -> str:
    """Run send.py in the environment of a contender."""
    return on_host(f"{ENTER[contender]} - {' '.join(map(str, words))}", (HERE / "send.py").read_text())


def measure(contender: str, task: str, number: int) -> tuple[float, int]:
    """Return tasks per second of one round, and the connections that Redis got for it."""
    before = redis_connections()
    seconds = float(send(contender, "rate", task, number).split("seconds:")[1])
    return number / seconds, redis_connections() - before


def rounds(label: str) -> float:
    """Let the contenders take turns, and print what comes of it; return queries per second of the page's."""
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    sessions = {contender: sql_sessions(contender) for contender in ENTER}
    redis: dict[str, int] = defaultdict(int)
    for number in range(ROUNDS + 1):
        for task, tasks in NUMBERS[label].items():
            # Whoever begins has the quieter machine at times: they take turns at that too.
            for contender in sorted(ENTER, reverse=bool(number % 2)):
                rate, opened = measure(contender, task, tasks)
                redis[contender] += opened
                if number:  # the first warms up
                    rates[contender, task].append(rate)
                    print(f"{contender} {task}{label}: {rate:.0f} tasks/s", flush=True)
    time.sleep(12)  # until the sessions that are still open have reported themselves
    sent = (ROUNDS + 1) * sum(NUMBERS[label].values())
    for contender in ENTER:
        print(
            f"connections {contender}{label}: {sql_sessions(contender) - sessions[contender]} PostgreSQL, "
            f"{redis[contender]} Redis, for {sent} tasks"
        )
    for task in NUMBERS[label]:
        ours, plain = (rates[contender, task] for contender in ("ours", "plain"))
        ratio = statistics.median(mine / other for mine, other in zip(ours, plain, strict=True))
        print(
            f"{task} per second{label}: ours {statistics.median(ours):.0f}, "
            f"plain {statistics.median(plain):.0f}"
        )
        print(f"{task}_ratio{label}: {ratio:.2f}", flush=True)
    return statistics.median(rates["plain", "one_query"])


def waits(each_second: float) -> None:
    """Print for how long tasks wait that come at a steady rate."""
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(WAITS):
        for contender in sorted(ENTER, reverse=bool(number % 2)):
            printed = send(contender, "waits", f"{each_second:.1f}", WAIT_SECONDS)
            found[contender] += json.loads(printed.split("waits:")[1])
    for contender, label in (("ours", ""), ("plain", "_first_steps")):
        each = sorted(1000 * seconds for seconds in found[contender])
        print(f"queue_ms_median{label}: {statistics.median(each):.1f}")
        print(f"queue_ms_p99{label}: {each[int(0.99 * len(each))]:.1f}", flush=True)


def started(contender: str) -> float:
    """Return the seconds from the start of a worker until a task is done that was sent before."""
    unit = "plain-worker.service"
    if contender == "ours":
        unit = on_host("systemctl list-units --plain --no-legend 'ours-worker-default@*'").split()[0]
    key = f"start-{contender}-{time.monotonic_ns()}"
    on_host(f"systemctl stop {unit}")
    send(contender, "mark", key)
    begin = float(on_host(f"date +%s.%N; systemctl start --no-block {unit}").split()[0])
    ask = f"redis-cli --no-auth-warning -a {PASSWORD} -n 2 blpop {key} 120"
    return float(on_host(ask).split()[1]) - begin


def starts() -> None:
    """Print how long a start takes, in the small project and with 200 models."""
    for models, command in (("", "true"), ("_200_models", "touch /srv/many-models")):
        on_host(command)
        times: dict[str, list[float]] = defaultdict(list)
        for number in range(STARTS):
            for contender in sorted(ENTER, reverse=bool(number % 2)):
                times[contender].append(started(contender))
        for contender, label in (("ours", ""), ("plain", "_first_steps")):
            print(f"start_seconds{models}{label}: {statistics.median(times[contender]):.2f}", flush=True)
    on_host("rm -f /srv/many-models")


def main() -> None:
    """Set both up, and measure."""
    play("molecule/default/create.yml")
    try:
        on_host("bash -s", (HERE / "contenders.sh").read_text())
        for label, backend in (("", ""), ("_django_db", "django-db"), ("_rabbitmq", "")):
            brokers = BROKERS.get(label, BROKERS[""])
            given = {"celery_result_backend": backend or "none", "celery_broker_url": brokers["ours"]}
            play("celeriac.django.integrate", f"--extra-vars={json.dumps(given)}")
            # The same packages for both, to the byte.
            on_host(
                "systemctl stop plain-worker.service 2>/dev/null; "
                "python3 -m venv /opt/plain && rm -rf /opt/plain/lib && "
                "cp -a /var/lib/ours-celery/venv/lib /opt/plain/lib && "
                "rm -rf /opt/plain/lib/python3*/site-packages/hiredis* && "
                "printf '#!/opt/plain/bin/python\\nfrom celery.__main__ import main\\nmain()\\n' "
                "> /opt/plain/bin/celery && chmod 755 /opt/plain/bin/celery"
            )
            on_host(f"bash -s {brokers['plain']} {backend}", (HERE / "plain.sh").read_text())
            managed = rounds(label)
            if not label:
                waits(managed / 2)
                starts()
    finally:
        play("molecule/default/destroy.yml")


if __name__ == "__main__":
    main()
