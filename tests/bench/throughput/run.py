# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure tasks per second, ours against a project as Celery's page "First steps with Django" has it.

Both are the same project with the same versions of everything, on one Debian 13 host with its PostgreSQL and
Redis, four processes each. Only hiredis is ours alone: nothing on that page installs it. They take turns in
short rounds; each rate is the median, and each ratio the median of those of the rounds, as a machine is not
equally fast all the time. Without results, as in the page's own steps, and with django-celery-results, as in
its section on extensions and as is the collection's default.

Prints each round, then ``one_query_ratio: N`` and ``empty_ratio: N`` without results, the same with
``_django_db`` where both keep results there, and how many connections each opened for how many tasks.
"""

from __future__ import annotations

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
NUMBERS = {"": {"empty": 5000, "one_query": 1000}, "_django_db": {"empty": 1000, "one_query": 1000}}
PASSWORD = "redis_molecule_password"  # noqa: S105 - of the test host alone
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


def measure(contender: str, task: str, number: int) -> tuple[float, int]:
    """Return tasks per second of one round, and the connections that Redis got for it."""
    before = redis_connections()
    printed = on_host(f"{ENTER[contender]} - {task} {number}", (HERE / "send.py").read_text())
    seconds = float(printed.split("seconds:")[1])
    return number / seconds, redis_connections() - before


def rounds(label: str) -> None:
    """Let the contenders take turns, and print what comes of it."""
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


def main() -> None:
    """Set both up, and measure."""
    play("molecule/default/create.yml")
    try:
        on_host("bash -s", (HERE / "contenders.sh").read_text())
        for label, backend in (("", ""), ("_django_db", "django-db")):
            play("celeriac.django.integrate", f"--extra-vars=celery_result_backend={backend or 'none'}")
            # The same packages for both, to the byte.
            on_host(
                "systemctl stop plain-worker.service 2>/dev/null; "
                "python3 -m venv /opt/plain && rm -rf /opt/plain/lib && "
                "cp -a /var/lib/ours-celery/venv/lib /opt/plain/lib && "
                "rm -r /opt/plain/lib/python3*/site-packages/hiredis* && "
                "printf '#!/opt/plain/bin/python\\nfrom celery.__main__ import main\\nmain()\\n' "
                "> /opt/plain/bin/celery && chmod 755 /opt/plain/bin/celery"
            )
            on_host(f"bash -s {backend}", (HERE / "plain.sh").read_text())
            rounds(label)
    finally:
        play("molecule/default/destroy.yml")


if __name__ == "__main__":
    main()
