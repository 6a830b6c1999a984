# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis lets the project do what Celery needs and nothing more, and nobody without TLS or a password."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import canaries, hosts, playbooks
from lab.hosts import PYTHON, code_in_project, in_project

SCENARIO = Path(__file__).parents[1]
SERVER = "celeriac-redis-server"
APP = "celeriac-redis-app"
VALKEY = "celeriac-redis-valkey"
PASSWORDS = re.compile("redis_molecule_|database_molecule_password|valkey@molecule|market_molecule")
#: Those of the project, by what is in nothing else.
SECRETS = {
    "celery_broker_password": "redis_molecule_password",
    "celery_database_password": "database_molecule_password",
    "SECRET_KEY": "shop_molecule_secret_key",
}
#: As the administrator of the server that is there.
ADMIN = (
    "export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/celeriac.d/admin.conf); "
    'admin() { redis-cli --tls --insecure "$@"; }; '
)
DANGEROUS = (
    "FLUSHALL",
    "FLUSHDB",
    "KEYS '*'",
    "SCAN 0",
    "CONFIG GET '*'",
    "CONFIG SET maxmemory 1",
    "SHUTDOWN",
    "SAVE",
    "DEBUG SLEEP 0",
    "MONITOR",
    "ACL LIST",
    "CLIENT LIST",
    "CLIENT KILL USER default",
    "REPLICAOF NO ONE",
    "MODULE LIST",
    "SWAPDB 0 1",
    "EVAL 'return 1' 0",
    "INFO",
    "RANDOMKEY",
    "GET other:key",
    "SET other 1",
    "PUBLISH other:channel x",
    "PSUBSCRIBE '*'",
    "SUBSCRIBE other:/0.celery.pidbox",
)


def run(host: str, script: str, check: bool = True) -> str:
    """Run a line on a host as root; return all that it prints."""
    return hosts.run(host, f"exec 2>&1; {script}", check)


def playbook(*arguments: str, inventory: str = "inventory") -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook, and see that it tells no password."""
    done = playbooks.play(SCENARIO / inventory, *arguments)
    assert not PASSWORDS.search(done.stdout)
    return done


def as_user(user: str, password: str, command: str) -> str:
    """Return what Redis answers a user."""
    return run(
        SERVER,
        f"export REDISCLI_AUTH={password}; timeout 5 redis-cli --tls --insecure --user {user} {command} 2>&1",
        check=False,
    )


def project(code: str) -> str:
    """Run code in the project, as its services do; return what it tells and what goes wrong."""
    return run(APP, code_in_project(code), check=False)


def test_celery_needed_nothing_that_was_refused() -> None:
    """Results, RedBeat, events, remote control, letters and locks: no command of theirs was refused."""
    code = (
        "from celery import chord, group\n"
        "from shop import celery_app as app\n"
        "one = app.tasks['celery.accumulate']\n"
        "print(chord([one.s(i, index=0) for i in range(3)], one.s(index=0)).apply_async().get(timeout=30))\n"
        "found = app.control.inspect(timeout=5)\n"
        "print([bool(getattr(found, name)()) for name in ('ping', 'stats', 'active_queues', 'registered')])\n"
        "app.control.enable_events()\n"
        "seen = []\n"
        "with app.connection_for_read() as connection:\n"
        "    receiver = app.events.Receiver(connection)\n"
        "    def note(event):\n"
        "        seen.append(event['type'])\n"
        "        receiver.should_stop = True\n"
        "    receiver.handlers['*'] = note\n"
        "    receiver.capture(limit=None, timeout=20)\n"
        "app.control.disable_events()\n"
        "print('events:', len(seen) > 0)\n"
    )
    told = project(code)
    for line in ("[0, 1, 2]", "[True, True, True, True]", "events: True"):
        assert line in told.splitlines(), told
    refused = run(SERVER, ADMIN + "admin PING; admin ACL LOG 100").splitlines()
    assert refused[0] == "PONG"
    assert "shop" not in refused, "\n".join(refused)


def test_every_key_has_the_prefix_of_the_project() -> None:
    """Projects share a server because of it."""
    keys = run(SERVER, ADMIN + "admin --scan").split()
    assert keys
    assert not [key for key in keys if not key.startswith("shop:")]
    assert any("redbeat" in key for key in keys)


@pytest.mark.parametrize(
    ("user", "password", "answer"),
    [
        ("shop", "redis_molecule_password", "PONG"),
        ("shop", "wrong", "WRONGPASS"),
        ("default", "redis_molecule_password", "WRONGPASS"),
        ("default", "''", "NOAUTH"),
        ("market", "redis_molecule_password", "WRONGPASS"),
    ],
)
def test_who_is_let_in(user: str, password: str, answer: str) -> None:
    """The project's user with its password, and nobody else."""
    assert answer in as_user(user, password, "PING")


@pytest.mark.parametrize("command", DANGEROUS)
def test_dangerous_commands_are_refused(command: str) -> None:
    """Also what reaches beyond the project's keys and channels."""
    told = as_user("shop", "redis_molecule_password", command)
    assert "NOPERM" in told or "DEBUG command not allowed" in told, told


@pytest.fixture
def market() -> Iterator[tuple[str, ...]]:
    """The variables of another project, which shares the server."""
    variables = ("celery_project_name=market", "celery_broker_password=market_molecule_password")
    # On the server alone: the app's host has the checkout of the first project.
    alone = ("--tags=broker", f"--limit={SERVER}")
    given = (*alone, *(word for variable in variables for word in ("-e", variable)))
    done = playbook(*given, playbooks.INTEGRATE)
    assert done.returncode == 0, done.stdout
    yield given
    # As the documentation has it for a project that is gone.
    run(SERVER, f"{ADMIN} admin ACL DELUSER market; rm /etc/redis/celeriac.d/*-market.*")


def test_two_projects_do_not_see_each_other(market: tuple[str, ...]) -> None:
    """Each has its keys, and neither can read, write or send to the other."""
    other = ("market", "market_molecule_password")
    shop = ("shop", "redis_molecule_password")
    assert "OK" in as_user(*other, "SET market:key mine")
    assert "NOPERM" in as_user(*shop, "GET market:key")
    assert "NOPERM" in as_user(*other, "SMEMBERS shop:_kombu.binding.celery")
    assert "NOPERM" in as_user(*other, "LPUSH shop:celery x")
    assert "NOPERM" in as_user(*other, "PUBLISH shop:/0.celery.pidbox x")
    assert "shop:" in run(SERVER, ADMIN + "admin --scan"), "the first project's keys are gone"
    assert "PONG" in as_user(*shop, "PING")
    run(SERVER, ADMIN + "admin DEL market:key")


@pytest.mark.parametrize(
    ("name", "value"),
    [("celery_broker_tls", False), ("celery_broker_certificate", "/etc/celeriac-test/imposter.crt")],
)
def test_no_project_takes_the_server_from_another(name: str, value: Any, market: tuple[str, ...]) -> None:
    """What contradicts another inventory is refused, with the name of its project, and nothing changes."""
    done = playbook(*market, "-e", json.dumps({name: value}), playbooks.INTEGRATE)
    assert done.returncode != 0
    text = playbooks.flat(done.stdout)
    assert f"{name} is {str(value).lower() if value is False else value} here" in text, text[-3000:]
    assert "also the broker of shop, whose inventory says" in text
    assert re.search(r"celeriac-redis-server +: ok=\d+ +changed=0", done.stdout)
    assert "PONG" in as_user("shop", "redis_molecule_password", "PING")


def test_nothing_else_listens() -> None:
    """All ports, from another host: Redis and PostgreSQL, and on the host with everything none."""
    assert hosts.open_ports(SERVER, seen_from=APP) == [5432, 6379]


PLAIN = r"""
import socket, sys
with socket.create_connection((sys.argv[1], 6379), timeout=10) as one:
    one.sendall(b"PING\r\n")
    print(repr(one.recv(100)))
"""


def test_nothing_without_tls() -> None:
    """Redis does not answer in the clear, nor does PostgreSQL let the project in."""
    told = run(APP, f"python3 - {SERVER} <<'END'\n{PLAIN}\nEND", check=False)
    assert "PONG" not in told
    assert "NOAUTH" not in told
    told = project(
        "import os, psycopg\n"
        "psycopg.connect(os.environ['DATABASE_URL'].partition('?')[0] + '?sslmode=disable')"
    )
    assert "no encryption" in told, told
    assert "rejects connection" in told


BROKER = (
    "from shop import celery_app as app\n"
    "app.connection_for_write().ensure_connection(max_retries=1, interval_start=0, timeout=8)\n"
    "print('let in')"
)
DATABASE = "from django.db import connection\nconnection.ensure_connection()\nprint('let in')"


def test_a_certificate_of_another_authority_is_refused() -> None:
    """The same name, and signed by somebody else: broker, results and database are left alone."""
    for code in (BROKER, DATABASE):
        assert "let in" in project(code)
    given = ["-e", "celery_broker_certificate=/etc/celeriac-test/imposter.crt"]
    given += ["-e", "celery_broker_certificate_key=/etc/celeriac-test/imposter.key"]
    given += [word.replace("broker", "database") for word in given]
    done = playbook("--tags=broker,database", *given, "celeriac.django.integrate")
    assert done.returncode == 0, done.stdout
    try:
        for code in (BROKER, DATABASE):
            told = project(code)
            assert "let in" not in told
            assert "certificate verify failed" in told, told
        told = playbook("celeriac.django.verify").stdout
        assert "certificate verify failed" in told, told[-3000:]
    finally:
        done = playbook("--tags=broker,database", "celeriac.django.integrate")
    assert done.returncode == 0, done.stdout
    for code in (BROKER, DATABASE):
        assert "let in" in project(code)


def test_a_key_of_another_certificate_is_refused() -> None:
    """Before the server gets it: it would not start again."""
    done = playbook(
        "--tags=broker",
        "-e",
        "celery_broker_certificate_key=/etc/celeriac-test/imposter.key",
        "celeriac.django.integrate",
    )
    assert done.returncode != 0
    assert "cannot use celery_broker_certificate" in done.stdout
    assert "KEY_VALUES_MISMATCH" in done.stdout or "mismatch" in done.stdout
    assert "PONG" in as_user("shop", "redis_molecule_password", "PING")


def test_an_authority_that_is_not_there_is_told_before_anything_changes() -> None:
    """With its variable and its path."""
    done = playbook(
        "--limit", APP, "-e", "celery_broker_ca=/etc/celeriac-test/none.crt", "celeriac.django.integrate"
    )
    assert done.returncode != 0
    assert "celery_broker_ca: /etc/celeriac-test/none.crt: No such file" in " ".join(done.stdout.split())
    assert "changed=0" in done.stdout


def test_secrets_are_in_no_log() -> None:
    """Neither in a journal, nor in arguments and environments, nor in a file but the project's."""
    for host in (SERVER, APP):
        assert canaries.spread(host, SECRETS, [canaries.SHOP]) == []
    modes = run(SERVER, "find /etc/redis/celeriac.d /etc/postgresql/*/main/celeriac-tls -perm /o=rwx")
    assert modes == ""


#: What somebody does to the servers, by what the look calls it, and how it is seen that a run has undone it.
DRIFTS = {
    "/etc/redis/celeriac.conf": (
        "echo '# mine' >> /etc/redis/celeriac.conf",
        "! grep mine /etc/redis/celeriac.conf",
    ),
    "/etc/redis/celeriac.d/server-shop.json": (
        "chmod 0644 /etc/redis/celeriac.d/server-shop.json",
        'test "$(stat -c %a /etc/redis/celeriac.d/server-shop.json)" = 640',
    ),
    "its configuration": (
        "sed -i '/^include .etc.redis.celeriac.conf/d' /etc/redis/redis.conf",
        "grep '^include /etc/redis/celeriac.conf' /etc/redis/redis.conf",
    ),
    "the rights of the user": (
        f"{ADMIN} admin ACL SETUSER shop +flushall",
        f"{ADMIN} ! admin ACL LIST | grep flushall",
    ),
    "its certificate": (
        f"{ADMIN} cd /etc/celeriac-test && install -m 0644 imposter.crt imposter.key /etc/redis && "
        "admin CONFIG SET tls-cert-file /etc/redis/imposter.crt tls-key-file /etc/redis/imposter.key",
        "echo | openssl s_client -connect 127.0.0.1:6379 2>/dev/null | openssl x509 -issuer -noout | "
        "grep 'celeriac test ca'",
    ),
    # As a run leaves it that is killed while it makes the database.
    "the database": (
        "cd / && runuser -u postgres -- psql -q -c 'GRANT CONNECT ON DATABASE redis TO PUBLIC' "
        "-c 'ALTER DATABASE redis CONNECTION LIMIT 0'",
        'cd / && runuser -u postgres -- psql -qtAc "SELECT datconnlimit FROM pg_database '
        "WHERE datname = 'redis' AND datacl::text !~ '[{,]='\" | grep -x -- -1",
    ),
    "its owner": (
        "cd / && runuser -u postgres -- psql -qc \"ALTER ROLE shop PASSWORD 'another'\"",
        "PGPASSWORD=database_molecule_password psql -h 127.0.0.1 -U shop redis -c 'SELECT 1'",
    ),
    "who may connect": (
        "sed -i 's/^hostssl \"redis\".*//' /etc/postgresql/15/main/pg_hba.conf",
        "grep '^hostssl \"redis\"' /etc/postgresql/15/main/pg_hba.conf",
    ),
    "/etc/postgresql/15/main/conf.d/celeriac.conf": (
        "echo >> /etc/postgresql/15/main/conf.d/celeriac.conf",
        'test "$(wc -l < /etc/postgresql/15/main/conf.d/celeriac.conf)" = 2',
    ),
    "/etc/postgresql/15/main/celeriac-tls/key.pem": (
        "echo >> /etc/postgresql/15/main/celeriac-tls/key.pem",
        "cmp /etc/celeriac-test/server.key /etc/postgresql/15/main/celeriac-tls/key.pem",
    ),
}


def test_one_look_sees_each_difference() -> None:
    """What somebody changes is found by the look, told in check mode, and mended; then nothing differs."""
    given = ("--tags=broker,database", f"--limit={SERVER}", playbooks.INTEGRATE)
    for did, mended in DRIFTS.values():
        run(SERVER, did)
        with pytest.raises(RuntimeError):
            run(SERVER, mended)
    told = playbook("--check", "-v", *given).stdout
    for name in DRIFTS:
        assert f"- {name}\n" in told, f"{name} is not seen:\n{told}"
    assert re.search(r"celeriac-redis-server +: ok=\d+ +changed=[1-9]", told), told
    done = playbook(*given)
    assert done.returncode == 0, done.stdout
    for _did, mended in DRIFTS.values():
        run(SERVER, mended)
    again = playbook(*given).stdout
    assert re.search(r"celeriac-redis-server +: ok=\d+ +changed=0", again), again
    assert "change.yml" not in again, "something still differs"


def test_redis_keeps_what_it_has_and_evicts_nothing() -> None:
    """As a broker has to."""
    told = run(SERVER, ADMIN + "admin CONFIG GET maxmemory-policy; admin CONFIG GET appendonly")
    assert told.split() == ["maxmemory-policy", "noeviction", "appendonly", "yes"]


@pytest.fixture(scope="module")
def valkey() -> Any:
    """A host with Valkey, a worker and beat, for as long as these tests take."""
    create, destroy = (str(SCENARIO.parent / f"default/{name}.yml") for name in ("create", "destroy"))
    done = playbook(create, inventory="valkey")
    try:
        assert done.returncode == 0, done.stdout
        done = playbook(str(SCENARIO / "valkey.yml"), inventory="valkey")
        assert done.returncode == 0, done.stdout[-5000:]
        yield VALKEY
    finally:
        playbook(destroy, inventory="valkey")


def test_valkey_serves_as_well(valkey: str) -> None:
    """From the distribution, with the same user, on loopback alone; a second run is short."""
    done = playbook("celeriac.django.integrate", inventory="valkey")
    assert done.returncode == 0
    assert "changed=0" in done.stdout, done.stdout
    # With broker and database on the one host: what changes nothing is short, and stays so.
    tasks = re.findall(r"^TASK ", done.stdout, re.MULTILINE)
    did = re.findall(r"^ok: ", done.stdout, re.MULTILINE)
    assert len(tasks) <= 26, done.stdout
    assert len(did) <= 14, done.stdout
    listening = run(valkey, "ss -lntH | awk '{print $4}'").split()
    assert {address.rpartition(":")[0] for address in listening} <= {"127.0.0.1", "[::1]"}
    assert hosts.open_ports(valkey, seen_from=APP) == []
    ask = "export REDISCLI_AUTH=valkey@molecule/password; valkey-cli --user shop"
    assert "PONG" in run(valkey, f"{ask} PING")
    assert "NOPERM" in run(valkey, f"{ask} FLUSHALL", check=False)
    assert "NOAUTH" in run(valkey, "valkey-cli PING", check=False)
    assert "64mb" in run(valkey, "cat /etc/valkey/celeriac.conf")
    answers = run(valkey, in_project(f"{PYTHON} manage.py celery inspect ping --json --timeout 5"))
    assert len(json.loads(answers[answers.index("{") : answers.rindex("}") + 1])) == 2


def test_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """The short form of the faults: restarts, no memory, a password that is revoked, and one renewed."""
    with capsys.disabled():
        print()
        done = subprocess.run([sys.executable, str(SCENARIO / "faults.py")], check=False)
    assert done.returncode == 0
