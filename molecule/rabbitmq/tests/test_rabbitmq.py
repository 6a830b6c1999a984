# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of three RabbitMQ, seen from the hosts of the workers and from its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import testinfra
from lab import canaries, playbooks
from lab.hosts import code_in_project, open_ports
from lab.playbooks import flat

SCENARIO = Path(__file__).resolve().parents[1]
NODES = [f"celeriac-rabbitmq-{number}" for number in (1, 2, 3)]
APP = "celeriac-rabbitmq-app2"
SECRETS = {
    "celery_broker_password": "rabbitmq@molecule/password",
    "celery_broker_cookie": "rabbitmqmoleculecookie0",
    "celery_database_password": "database@molecule/password",
    "SECRET_KEY": "shop_molecule_secret_key",
}
#: The server's own, and root's, with which it is compared; test_cookie looks at their modes.
COOKIES = [r"/var/lib/rabbitmq/\.erlang\.cookie", "/etc/rabbitmq/celeriac/cookie"]
#: TLS for workers, epmd, and what nodes tell each other.
PORTS = [4369, 5671, 25672]


@pytest.fixture(scope="module")
def nodes() -> list[Any]:
    """The hosts of the cluster."""
    return [testinfra.get_host(f"podman://{node}") for node in NODES]


@pytest.fixture(scope="module")
def app() -> Any:
    """A host with workers alone."""
    return testinfra.get_host(f"podman://{APP}")


def shell(app: Any, code: str, more: str = "") -> str:
    """Run code in the project; return what it printed."""
    done = app.run("bash -c %s", code_in_project(code, more))
    return str(done.stdout + done.stderr)


def definitions(node: Any, **given: Any) -> None:
    """Have the cluster take definitions, as its administrator."""
    node.run(
        "bash -c %s",
        f"printf %s '{json.dumps(given)}' > /tmp/d.json && rabbitmqctl -q import_definitions /tmp/d.json",
    )


def integrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run integrate on the hosts of the workers."""
    return playbooks.integrate(SCENARIO, "--limit=celery_worker", *arguments)


def test_one_cluster(nodes: list[Any]) -> None:
    """Each node sees all three, and gives way to the greater part of a divided cluster."""
    for node in nodes:
        status = json.loads(node.check_output("rabbitmqctl -q cluster_status --formatter json"))
        assert sorted(status["running_nodes"]) == [f"rabbit@{name}" for name in NODES]
        handling = "application:get_env(rabbit, cluster_partition_handling)."
        assert node.check_output("rabbitmqctl -q eval %s", handling) == "{ok,pause_minority}"


def test_queues_are_on_all_nodes(nodes: list[Any]) -> None:
    """Each quorum queue has three members; those of tasks have the policy, and ETAs have theirs."""
    listed = json.loads(
        nodes[0].check_output("rabbitmqctl -q list_queues -p shop name type members policy --formatter json")
    )
    quorum = {queue["name"]: queue for queue in listed if queue["type"] == "quorum"}
    assert {"celery", "late", "dead-letters", *(f"celery_delayed_{level}" for level in range(28))} == set(
        quorum
    )
    assert all(len(queue["members"]) == 3 for queue in quorum.values())
    assert {name for name, queue in quorum.items() if queue["policy"] == "celeriac-tasks"} == {
        "celery",
        "late",
    }


def test_consumer_timeout(nodes: list[Any]) -> None:
    """It follows from the longest limit of the pools that acknowledge late."""
    for node in nodes:
        ask = "application:get_env(rabbit, consumer_timeout)."
        assert node.check_output("rabbitmqctl -q eval %s", ask) == "{ok,2030000}"


def test_ports() -> None:
    """From another host, nothing answers but what workers and nodes need; least of all without TLS."""
    for node in NODES:
        assert open_ports(node, seen_from=APP) == PORTS


def test_cookie(nodes: list[Any]) -> None:
    """The cookie is the server's to read, and nobody else's."""
    for node in nodes:
        file = node.file("/var/lib/rabbitmq/.erlang.cookie")
        assert (file.user, file.mode) == ("rabbitmq", 0o400)
        file = node.file("/etc/rabbitmq/celeriac/cookie")
        assert (file.user, file.mode & 0o077) == ("root", 0)


def test_least_rights(app: Any, nodes: list[Any]) -> None:
    """The one user may use its own queues: no other vhost, no other queue; there is nobody else."""
    users = json.loads(nodes[0].check_output("rabbitmqctl -q list_users --formatter json"))
    assert [(user["user"], user["tags"]) for user in users] == [("shop", [])]
    definitions(
        nodes[0],
        vhosts=[{"name": "other"}],
        queues=[{"name": "foreign", "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}}],
    )
    code = """
from celery import current_app as app
from kombu import Connection, Consumer, Exchange, Queue
def tell(what, act, url=None, **options):
    try:
        with app.connection_for_write(url, **options) as connection:
            connection.ensure_connection(max_retries=0)
            act(connection.channel())
        print(what, "granted")
    except Exception as error:
        print(what, type(error).__name__)
own = app.conf.broker_url.split(";")[0]
tell("own", lambda c: Queue("celery")(c).queue_declare(passive=True))
tell("declare", lambda c: Queue("mine", durable=True)(c).queue_declare())
tell("exchange", lambda c: Exchange("mine")(c).declare())
tell("read", lambda c: Queue("foreign")(c).get())
tell("delete", lambda c: Queue("foreign")(c).delete())
tell("purge", lambda c: Queue("dead-letters")(c).purge())
tell("vhost", lambda c: None, own.rpartition("/")[0] + "/other")
tell("guest", lambda c: None, "amqps://guest:guest@" + own.partition("@")[2])
tell("password", lambda c: None, own.replace("shop:", "shop:x"))
"""
    answers = dict(line.split() for line in shell(app, code).splitlines() if len(line.split()) == 2)
    assert answers.pop("own") == "granted"
    assert answers == {
        # Who operates it may drop dead letters.
        "purge": "granted",
        **dict.fromkeys(("declare", "exchange", "read", "delete"), "AccessRefused"),
        "vhost": "NotAllowed",
        **dict.fromkeys(("guest", "password"), "AccessRefused"),
    }


def test_control_events_and_etas(app: Any) -> None:
    """Remote control and events pass; tasks that wait for their time block nobody, and come."""
    code = """
import threading, time
from celery import current_app as app
control = app.control
print("pongs", len(control.ping(timeout=3)))
control.enable_events()
seen = []
def listen():
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"task-succeeded": seen.append})
        try:
            receiver.capture(limit=None, timeout=15)
        except Exception as error:
            print("listening ended:", type(error).__name__)
listener = threading.Thread(target=listen, daemon=True)
listener.start()
time.sleep(1)
begin = time.monotonic()
# More than the pool fetches.
later = [app.send_task("celery.accumulate", (n,), queue="late", countdown=10) for n in range(12)]
now = app.send_task("celery.accumulate", (1,), queue="late")
now.get(timeout=8)
held = control.inspect(timeout=3).scheduled() or {}
print("held", sum(map(len, held.values())))
print("early", sum(result.ready() for result in later))
print("done", sum(len(result.get(timeout=40)) for result in later))
print("late", time.monotonic() - begin >= 10)
control.disable_events()
print("events", len(seen) > 0)
"""
    answers = dict(line.split(maxsplit=1) for line in shell(app, code).splitlines() if " " in line)
    wanted = {"pongs": "5", "held": "0", "early": "0", "done": "12", "late": "True", "events": "True"}
    assert {name: answers.get(name) for name in wanted} == wanted, answers


def test_dead_letters(app: Any, nodes: list[Any]) -> None:
    """What no worker can do is kept where the operator finds it."""
    ask = "rabbitmqctl -q list_queues -p shop name messages --formatter json"

    def letters() -> int:
        return {queue["name"]: queue["messages"] for queue in json.loads(nodes[0].check_output(ask))}[
            "dead-letters"
        ]

    before = letters()
    code = (
        "import time; from celery import current_app as app\n"
        "app.send_task('nobody.knows.this', queue='late')\n"
        "r = app.send_task('celery.accumulate', (1,), queue='late'); print('answer', r.get(timeout=30))"
    )
    assert "answer [1]" in shell(app, code)
    for _turn in range(20):
        if letters() == before + 1:
            return
    raise AssertionError(f"{letters()} dead letters, {before} before")


def test_the_authority_is_checked(app: Any) -> None:
    """A certificate of another authority, or for another name, is refused, and the message says so."""
    code = (
        "from celery import current_app as app\n"
        "with app.connection_for_write({url}) as connection:\n"
        "    connection.ensure_connection(max_retries=0, timeout=5); print('let in')"
    )
    good = shell(app, code.format(url=""))
    assert "let in" in good
    other = shell(app, code.format(url=""), more="CELERY_BROKER_CA=/etc/ssl/broker-other-ca.pem")
    assert "let in" not in other
    assert "CERTIFICATE_VERIFY_FAILED" in other
    address = app.check_output("getent ahostsv4 %s", NODES[1]).split()[0]
    by_address = f"app.conf.broker_url.split(';')[1].replace('{NODES[1]}', '{address}')"
    named = shell(app, code.format(url=by_address))
    assert "let in" not in named
    assert re.search("certificate is not valid for|IP address mismatch", named), named


def test_each_node_proves_its_own_name(app: Any) -> None:
    """Who goes on to the next node asks that one for its own name: a connection to each, in a row."""
    code = (
        "from celery import current_app as app\n"
        "for url in app.conf.broker_url.split(';'):\n"
        "    with app.connection_for_write(url) as connection:\n"
        "        connection.ensure_connection(max_retries=0); print('connected', connection.hostname)"
    )
    assert [
        line.split()[1] for line in shell(app, code).splitlines() if line.startswith("connected")
    ] == NODES


def test_wrong_password(app: Any) -> None:
    """integrate says who was refused, shows no password, and leaves what runs alone."""
    before = app.check_output("systemctl show -P MainPID 'shop-worker-*'")
    done = integrate("-e", "celery_broker_password=wrong_molecule_password")
    assert done.returncode != 0
    text = flat(done.stdout)
    assert re.search(r"the broker amqps://shop:\*\*@celeriac-rabbitmq-1:5671/.* does not answer", text), text[
        -3000:
    ]
    assert re.search("ACCESS_REFUSED|Login was refused", text), text[-3000:]
    assert "wrong_molecule_password" not in text
    assert app.check_output("systemctl show -P MainPID 'shop-worker-*'") == before


def test_a_queue_of_another_type(app: Any, nodes: list[Any]) -> None:
    """A classic queue of the same name is told before anything starts, and stays."""
    definitions(
        nodes[0],
        queues=[{"name": "old", "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}}],
        permissions=[{"user": "shop", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}],
    )
    before = app.check_output("systemctl show -P MainPID 'shop-worker-*'")
    pools = [{"name": "default"}, {"name": "old", "queues": ["old"]}]
    done = integrate("-e", json.dumps({"celery_workers": pools}))
    text = flat(done.stdout)
    assert done.returncode != 0
    for words in (
        "Nothing was started",
        "the queue old is on the broker already",
        "x-queue-type",
        "CELERY_QUEUE_TYPE",
    ):
        assert words in text, text[-3000:]
    assert app.check_output("systemctl show -P MainPID 'shop-worker-*'") == before
    assert "old" in nodes[0].check_output("rabbitmqctl -q list_queues -p shop name").split()


def test_part_of_a_cluster_is_not_set_up(nodes: list[Any]) -> None:
    """A run that leaves nodes out says which, and changes nothing."""
    configuration = nodes[1].file("/etc/rabbitmq/conf.d/90-celeriac.conf")
    before = configuration.mtime
    done = playbooks.integrate(
        SCENARIO, "--tags=broker", f"--limit={NODES[1]}", "-e", "celery_consumer_timeout=4000"
    )
    text = flat(done.stdout)
    assert done.returncode != 0
    assert f"{NODES[0]}, {NODES[2]} did not answer, or --limit leaves them out" in text, text[-3000:]
    assert configuration.mtime == before


def test_no_secret_is_seen() -> None:
    """Neither in a journal or log, nor of a process, nor in a file but those that have to have it."""
    for host in (APP, *NODES):
        assert canaries.spread(host, SECRETS, [canaries.SHOP, *COOKIES]) == []


def test_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """The faults of the short form, under a load: nothing may get lost."""
    with capsys.disabled():
        print()
        assert subprocess.run([sys.executable, str(SCENARIO / "faults.py")], check=False).returncode == 0
