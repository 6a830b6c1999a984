# SPDX-License-Identifier: GPL-3.0-or-later
"""Each command of an operator: what it prints and how it ends, as root, as a member, as a stranger."""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from lab import playbooks
from lab.hosts import wait
from lab.playbooks import flat

SCENARIO = Path(__file__).resolve().parents[1]
#: Who may: root, and through sudo the members of the group.
OPERATORS = ("root", "member")
SECRET = "broker_molecule_password"  # noqa: S105 - of the test hosts


def run(host: Any, user: str, *words: str) -> Any:
    """Run a command of the deployment as somebody, without a terminal."""
    return host.run(f"runuser -u {user} -- {shlex.join(words)} </dev/null")


def data(host: Any, *words: str, user: str = "root", rc: int = 0) -> Any:
    """Return what a command says for machines."""
    done = run(host, user, "shop-celery", *words, "--json")
    assert done.rc == rc, (words, done.stdout, done.stderr)
    return json.loads(done.stdout)


def in_terminal(host: Any, user: str, line: str) -> Any:
    """Run a line in a terminal of its own, and return what was seen there."""
    return host.run("script -qec %s /dev/null </dev/null", f"runuser -u {user} -- {line}")


def name(host: Any) -> str:
    """Return what the host calls itself."""
    return str(host.check_output("hostname"))


def has_redis(host: Any) -> bool:
    """Tell whether the host's broker is Redis."""
    return name(host).endswith("12")


def test_queues(host: Any) -> None:
    """Length, the oldest one where the broker tells, and consumers of each queue; dead letters."""
    done = run(host, "member", "shop-celery", "queues")
    assert done.rc == 0, done.stderr
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    assert head == ["queue", "messages", "oldest", "consumers"]
    assert sorted((row[0], row[-1]) for row in rows) == [("celery", "1"), ("late", "1")]
    found = data(host, "queues")
    assert [queue["consumers"] for queue in found["queues"]] == [1, 1]
    assert (found["dead"], found["drained"]) == (0, None)


def test_pause_and_resume(host: Any) -> None:
    """A pool that is paused takes nothing, what waits grows old, and the other pool goes on."""
    paused = run(host, "member", "shop-celery", "pause", "late")
    assert (paused.rc, "late." in paused.stdout) == (0, True), paused.stderr
    code = "from trials.tasks import picky; picky.delay('waits')"
    assert run(host, "member", "shop-manage", "shell", "-c", code).rc == 0

    def waiting(rc: int) -> dict[str, Any]:
        rows = data(host, "queues", user="member", rc=rc)["queues"]
        return {row["queue"]: row for row in rows}["late"]

    if has_redis(host):
        wait("it does not grow old", 30, lambda: 1 < (waiting(1)["oldest"] or 0) < 60)
    else:
        # RabbitMQ shows it to nobody.
        wait("no message waits", 30, lambda: waiting(1)["messages"] == 1)
        assert waiting(1)["oldest"] is None
    other = run(host, "member", "shop-celery", "run", "trials.tasks.nap", "--args", "[0.1]")
    assert other.rc == 0, other.stdout
    resumed = run(host, "member", "shop-celery", "resume", "late")
    assert (resumed.rc, "late." in resumed.stdout) == (0, True), resumed.stderr
    wait("it still waits", 30, lambda: waiting(0)["messages"] == 0)


def test_run_and_logs(host: Any) -> None:
    """A task with its result, and what was logged about it; one that fails, one too late, one of nobody."""
    done = data(host, "run", "trials.tasks.nap", "--args", "[0.5]", user="member")
    assert (done["state"], done["result"]) == ("SUCCESS", 0.5)

    def logged() -> list[str]:
        entries = run(host, "member", "shop-celery", "logs", done["id"], "--json").stdout.splitlines()
        return [json.loads(entry)["MESSAGE"] for entry in entries]

    wait("its end is not logged", 10, lambda: any("succeeded" in message for message in logged()))
    text = run(host, "member", "shop-celery", "logs", done["id"])
    assert (text.rc, "received" in text.stdout) == (0, True)
    failed = run(host, "root", "shop-celery", "run", "trials.tasks.fail")
    assert (failed.rc, "FAILURE: ValueError('meant to fail')" in failed.stdout) == (1, True)
    unknown = run(host, "root", "shop-celery", "run", "tasks.nap")
    assert (unknown.rc, "Is it trials.tasks.nap?" in unknown.stdout) == (2, True)
    late = run(host, "root", "shop-celery", "run", "trials.tasks.nap", "--args", "[8]", "--timeout", "1")
    assert (late.rc, "has not ended after 1 s" in late.stdout) == (1, True)


def test_dead_letters(host: Any) -> None:
    """What no worker can do is listed as often as one likes, put back, and dropped."""
    host.check_output("touch /run/trials-refused")
    code = (
        "from celery import current_app; from trials.tasks import picky\n"
        "print('ids', picky.delay('one').id, picky.delay('two').id, "
        "current_app.send_task('nobody.knows.this', queue='late').id)"
    )
    said = run(host, "member", "shop-manage", "shell", "-c", code).stdout
    ids = re.search(r"^ids (.+)$", said, re.MULTILINE)
    assert ids, said
    one, two, strange = ids[1].split()
    wait("they are not dead", 30, lambda: data(host, "queues")["dead"] == 3)
    if not has_redis(host):
        # RabbitMQ 4 drops from a queue of that type what was given back 20 times.
        look = (
            "from celery import current_app as app\n"
            "for _turn in range(25):\n"
            "    with app.connection_for_write() as connection:\n"
            "        print(connection.channel().basic_get('dead-letters') is not None)"
        )
        assert run(host, "member", "shop-manage", "shell", "-c", look).stdout.count("True") == 25
    table = run(host, "member", "shop-celery", "dead", "list")
    assert table.rc == 0, table.stderr
    rows = {line.split()[0]: line.split()[1:3] for line in table.stdout.splitlines() if " late " in line}
    assert rows == {
        one: ["trials.tasks.picky", "late"],
        two: ["trials.tasks.picky", "late"],
        strange: ["nobody.knows.this", "late"],
    }

    host.check_output("rm /run/trials-refused")
    back = data(host, "dead", "retry", one, "no-such-letter", user="member", rc=1)
    assert [letter["id"] for letter in back["done"]] == [one]
    assert back["missing"] == ["no-such-letter"]
    assert 0 <= time.time() - back["done"][0]["since"] < 600
    result = f"from celery.result import AsyncResult as R; print('is', R('{one}').get(timeout=20))"
    assert "is one" in run(host, "member", "shop-manage", "shell", "-c", result).stdout
    assert run(host, "member", "shop-celery", "dead", "drop", strange).rc == 0
    assert [letter["id"] for letter in data(host, "dead", "retry", "--all")["done"]] == [two]
    wait("they are there still", 30, lambda: data(host, "queues")["dead"] == 0)
    assert "There are no dead letters" in run(host, "member", "shop-celery", "dead", "list").stdout


def test_a_member_gets_no_more_than_the_services_have(host: Any) -> None:
    """Neither root nor the file of the secrets, not even through a program that gives rights."""
    code = (
        "import os, subprocess\n"
        "print('ids', *os.getresuid(), *os.getgroups())\n"
        "print(open('/proc/self/status').read())\n"
        "print('sudo', subprocess.run(['sudo', '-n', 'true'], capture_output=True).returncode)\n"
        "try: print(open('/etc/shop-celery/secrets').read())\n"
        "except PermissionError: print('no secrets')"
    )
    said = run(host, "member", "shop-manage", "shell", "-c", code).stdout
    shop = host.check_output("id -u shop")
    assert f"ids {shop} {shop} {shop} {host.check_output('id -G shop')}" in said, said
    assert re.search(r"^NoNewPrivs:\s+1$", said, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", said, re.MULTILINE)
    assert "no secrets" in said
    assert "sudo 0" not in said
    for words in (["cat", "/etc/shop-celery/secrets"], ["sudo", "-n", "/usr/bin/id"]):
        assert run(host, "member", *words).rc != 0


@pytest.mark.parametrize(
    "words",
    [
        ["shop-celery", "queues"],
        ["shop-celery", "dead", "list"],
        ["shop-celery", "pause", "default"],
        ["shop-celery", "drain"],
        ["shop-celery", "logs", "x"],
        ["shop-celery", "inspect", "ping"],
        ["shop-manage", "shell", "-c", "print(40 + 2)"],
    ],
)
def test_a_stranger_gets_nothing(host: Any, words: list[str]) -> None:
    """Sudo refuses, and says so; a variable of the environment opens no door."""
    for before in ([], ["env", "CELERIAC_OPERATE=shop"]):
        done = run(host, "stranger", *before, *words)
        assert (done.rc, done.stdout) == (1, "")
        assert "sudo" in done.stderr
        assert SECRET not in done.stderr
    assert not host.file("/etc/shop-celery/drained").exists


@pytest.mark.parametrize("user", OPERATORS)
def test_exit_codes_are_passed_on(host: Any, user: str) -> None:
    """That of manage.py; Celery's is one of those below."""
    leave = "import sys; sys.exit(7)"
    assert run(host, user, "shop-manage", "shell", "-c", leave).rc == 7


def test_a_wrong_call_is_told(host: Any) -> None:
    """In a line, and with the code that says so."""
    assert run(host, "member", "shop-celery", "no-such-command").rc == 2
    wrong = run(host, "member", "shop-celery", "pause", "no-such-pool")
    assert (wrong.rc, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 1), wrong.stderr
    elsewhere = run(host, "member", "shop-celery", "drain", "other.example")
    assert (elsewhere.rc, "Run the command on other.example" in elsewhere.stderr) == (1, True)
    assert run(host, "member", "shop-celery", "resume").rc == 1
    assert "drain [HOST]" in run(host, "member", "shop-celery", "--help").stdout


def test_signals(host: Any) -> None:
    """What ends the command ends what it runs, and with the signal's own code."""
    code = "import time; print('sleeps', flush=True); time.sleep(300)"
    # It is exec'ed, so the process is sudo, where there is one, else what it has become.
    script = f"""
: >/run/signal.out
exec </dev/null
setpriv --reuid=member --regid=member --init-groups shop-manage shell -c "{code}" >/run/signal.out 2>&1 &
pid=$!
until grep -q sleeps /run/signal.out; do sleep 0.2; kill -0 $pid || exit; done
kill -TERM $pid
wait $pid
echo rc $?
"""
    assert host.run("timeout 60 bash -c %s", script).stdout.splitlines()[-1:] == ["rc 143"]
    assert host.run("pgrep -u shop -f 'sleeps'").stdout == ""


def test_a_terminal_is_a_terminal(host: Any) -> None:
    """What runs in one sees one."""
    look = "shop-manage shell -c " + shlex.quote("import sys; print('tty', sys.stdout.isatty())")
    assert "tty True" in in_terminal(host, "member", look).stdout


def test_completion(host: Any) -> None:
    """Ours and Celery's own words, for somebody who has no right at all."""

    def words(*typed: str) -> list[str]:
        script = (
            ". /usr/share/bash-completion/bash_completion; _completion_loader shop-celery; "
            f"COMP_WORDS=({shlex.join(['shop-celery', *typed])}); COMP_CWORD={len(typed)}; "
            f"_celeriac_complete shop-celery {shlex.quote(typed[-1])} x; "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        return run(host, "stranger", "bash", "-c", script).stdout.split()

    assert words("pau") == ["pause"]
    assert words("pause", "") == ["default", "late"]
    assert words("dead", "") == ["list", "retry", "drop"]
    assert words("drain", "") == [name(host)]
    assert words("insp") == ["inspect"]


def integrate(host: Any) -> str:
    """Run integrate on a host, and return what it printed."""
    done = playbooks.integrate(SCENARIO, f"--limit={name(host)}")
    assert done.returncode == 0, done.stdout[-4000:]
    return flat(done.stdout)


def active(host: Any) -> list[str]:
    """Return the workers' units that run."""
    lines = host.check_output("systemctl list-units --plain --no-legend --state=active 'shop-worker-*@*'")
    return sorted(line.split()[0] for line in lines.splitlines())


def test_drain(host: Any) -> None:
    """Tasks that run end, none begins: not by a start, not by a deploy, and the proof says why."""
    before = active(host)
    assert len(before) == 2
    code = "from trials.tasks import nap; print('id', nap.delay(6).id)"
    said = run(host, "member", "shop-manage", "shell", "-c", code).stdout
    sent = re.search(r"^id (\S+)$", said, re.MULTILINE)
    assert sent, said
    received = f"shop-celery logs {sent[1]} | grep -q received"
    wait("it does not begin", 20, lambda: host.run("bash -c %s", received).rc == 0)
    drained = run(host, "member", "shop-celery", "drain", name(host), "--reason", "new disk")
    assert drained.rc == 0, drained.stderr
    assert "running tasks end first" in drained.stdout
    assert "by member" in drained.stdout
    assert active(host) == []
    assert "succeeded" in run(host, "root", "shop-celery", "logs", sent[1]).stdout
    again = data(host, "drain")
    assert (again["drained"]["by"], again["drained"]["reason"], again["stopped"]) == (
        "member",
        "new disk",
        [],
    )

    # As a reboot would, and a person who does not know.
    host.check_output("systemctl start shop-celery.target %s", before[0])
    assert active(host) == []
    run(host, "member", "shop-manage", "shell", "-c", code)
    waits = data(host, "queues", rc=1)
    assert waits["drained"]["by"] == "member"

    if has_redis(host):  # once is enough
        host.check_output("sh -c %s", "echo '# changed' >> /srv/shop/trials/tasks.py")
        deployed = integrate(host)
        assert re.search(r"WARN\s+host runs tasks .*drained since \S+ by member \(new disk\)", deployed), (
            deployed
        )
        assert active(host) == []
        assert re.search(r"changed=0 ", integrate(host))

    resumed = data(host, "resume", user="member")
    now = active(host)
    assert sorted(resumed["started"]) == now
    assert len(now) == 2
    # What was deployed meanwhile is what starts.
    assert set(now).isdisjoint(before) is has_redis(host)
    wait("what waited is not done", 30, lambda: data(host, "queues")["queues"][0]["messages"] == 0)
