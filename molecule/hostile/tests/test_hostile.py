# SPDX-License-Identifier: GPL-3.0-or-later
"""An enemy owns the checkout, a task has arbitrary code: neither gets what is root's or another project's."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from lab import canaries, hosts, playbooks

SCENARIO = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

import reach  # noqa: E402 - beside this file
from watch import HOST, TRACED, see_what_root_did, snapshot  # noqa: E402 - beside this file

PRINTABLE = "canary-printable " + "".join(map(chr, range(32, 127))) + " äßλ\n the second line "
#: What is in each secret of the inventory, and nowhere else.
CANARIES = {
    "celery_broker_password": "canary-broker/with@signs",
    "celery_database_password": "canary-database/with@signs",
    "SECRET_KEY": "canary-key",
    "PRINTABLE": "canary-printable",
    "LONG": "canary-long",
}
#: In a file that root alone can read, to which the enemy links.
OF_ROOT = "canary-of-root"
MARKET = {
    "celery_project_name": "market",
    "celery_project_path": "/srv/market",
    "celery_broker_password": "treasure-broker",
    "celery_database_name": "market",
    "celery_database_password": "treasure-database",
    "celery_secrets": {"SECRET_KEY": "treasure-key"},
}
#: What modules say only where nobody has thought of a fault.
CRASH = re.compile(
    r"Traceback \(most recent call last\)|MODULE FAILURE|Unexpected failure|unhandled exception"
)


def play(playbook: str, *arguments: str, **variables: object) -> str:
    """Run a playbook, whatever becomes of it, and return all that it printed."""
    extra = ("-e", json.dumps(variables)) if variables else ()
    return playbooks.play(SCENARIO / "inventory", *arguments, *extra, f"celeriac.django.{playbook}").stdout


def over_the_checkout(playbook: str, *arguments: str) -> str:
    """Run a playbook without its plays for broker and database, with a note of what root does."""
    return play(playbook, *TRACED, "--skip-tags=broker,database", *arguments)


def is_well(output: str) -> bool:
    """Tell whether a run did what it should."""
    return "failed=0" in output and not re.search(r"(failed|unreachable)=[1-9]", output)


def succeeded(output: str) -> str:
    """Return the output of a run that did what it should."""
    assert is_well(output), output[-4000:]
    return output


def in_task(code: str) -> Any:
    """Return what code leaves in `answer`, run inside a task of the project shop."""
    arguments = shlex.quote(json.dumps([code]))
    said = hosts.run(HOST, f"shop-celery run orders.tasks.execute --args {arguments} --timeout 240 --json")
    return json.loads(said)["result"]


@pytest.fixture(scope="module")
def market() -> None:
    """Another project on the same host, with the same servers; both have their place in a RabbitMQ, too."""
    succeeded(play("integrate", **MARKET))
    succeeded(playbooks.play(SCENARIO / "inventory", str(SCENARIO / "rabbitmq.yml")).stdout)


# What a task of one project can do to another


def test_secrets_arrive_as_they_were(host: Any) -> None:
    """Every character that can be printed, lines, and 64 KiB."""
    # A digest: what a task returns is in the journal and with the results.
    code = "import hashlib, os\nanswer = hashlib.sha256(os.environ['PRINTABLE'].encode()).hexdigest()"
    assert in_task(code) == hashlib.sha256(PRINTABLE.encode()).hexdigest()
    assert in_task("import os\nanswer = len(os.environ['LONG'])") == len("canary-long ") + 65536


def test_no_file_that_a_task_can_read_has_a_secret_of_another_project(market: None, host: Any) -> None:
    """Neither on the disk nor of a process."""
    assert hosts.run(HOST, "grep -l treasure-key /etc/market-celery/secrets")
    assert in_task(reach.FILES) == []


def test_a_task_is_nobody_else(market: None, host: Any) -> None:
    """It sends no signal to others, and does not become them."""
    assert in_task(reach.SIGNALS) == []
    assert in_task(reach.OTHERS) == []
    assert hosts.run(HOST, "systemctl is-active market-celery.target") == "active"


def test_a_task_cannot_reach_another_project_in_redis(market: None, host: Any) -> None:
    """Not its keys, nor what is the administrator's."""
    told = in_task(f"COMMANDS = {reach.COMMANDS!r}\n{reach.REDIS}")
    assert len(told) == len(reach.COMMANDS)
    assert set(told.values()) == {"NoPermissionError"}, told


def test_a_task_cannot_reach_another_project_in_postgresql(market: None, host: Any) -> None:
    """Not its database, nor what is the administrator's."""
    told = in_task(reach.POSTGRESQL)
    assert told.pop("own database") == "[(1,)]"
    assert len(told) == 6
    assert set(told.values()) <= {"OperationalError", "InsufficientPrivilege"}, told


def test_a_task_cannot_reach_another_project_in_rabbitmq(market: None, host: Any) -> None:
    """With its own password, it gets to its own virtual host."""
    told = in_task(reach.RABBITMQ)
    assert told.pop("shop in shop") == "let in"
    assert len(told) == 4
    assert "let in" not in told.values(), told


def test_a_crash_leaves_no_picture_of_a_memory_with_secrets(host: Any) -> None:
    """Neither of a worker, nor of beat, nor of a command: the limits of the processes that run."""
    listed = hosts.run(HOST, "systemctl list-units --plain --no-legend 'shop-worker-*' 'shop-beat*'")
    units = [line.split()[0] for line in listed.splitlines()]
    assert len(units) == 2
    for unit in units:
        process = hosts.run(HOST, f"systemctl show --value -p MainPID {shlex.quote(unit)}")
        assert hosts.run(HOST, f"grep '^Max core' /proc/{process}/limits").split()[4:6] == ["0", "0"], unit
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    assert hosts.run(HOST, f"ulimit -c 100; shop-manage shell -v 0 -c {shlex.quote(code)}") == "(0, 0)"


# The enemy


@pytest.fixture(scope="module")
def before(host: Any) -> Iterator[dict[str, Any]]:
    """What is on the host before the enemy begins; and the checkout is given back in the end."""
    hosts.run(HOST, "rm -rf /var/log/traced /root/spare; cp -a /srv/shop /root/spare; : > /opt/ran")
    yield snapshot()
    hosts.run(HOST, "systemctl stop enemy", check=False)
    give_back()
    hosts.run(HOST, "rm -rf /root/spare")


def give_back() -> None:
    """Have the checkout as it was."""
    hosts.run(HOST, "find /srv/shop -mindepth 1 -delete; cp -a /root/spare/. /srv/shop/")


def run_by() -> str:
    """Return what code of the enemy's has run, and as whom: a line for each, with its count."""
    return hosts.run(HOST, "sort /opt/ran | uniq -c")


def see_that_he_got_nothing(outputs: list[str]) -> None:
    """Nothing of his has run as root, nothing of root's is told."""
    assert not re.search(r"^ *\d+ 0 ", run_by(), re.MULTILINE), run_by()
    assert not [found for output in outputs if (found := canaries.told(output, {"root": OF_ROOT}))]
    assert hosts.run(HOST, "ls /opt/pwned /etc/cron.d/evil /etc/ld.so.preload 2>/dev/null", check=False) == ""
    assert canaries.spread(HOST, {"root": OF_ROOT}, ["/root/shadow"]) == []
    print(f"root executed and opened {see_what_root_did()} programs and files")


def test_the_search_finds_what_it_looks_for(host: Any) -> None:
    """In a file, an argument, an environment and the journal; plain, in Base64 and as in a URL."""
    text = "wanted/and found"
    coded = base64.b64encode(f"xx{text}x".encode()).decode()
    hosts.run(HOST, f"echo {coded} > /opt/told; echo said: {quote_plus(text)} | systemd-cat")
    waits = "sh -c 'sleep 600; exit' 'wanted%2Fand%20found'"
    told = f"--collect --unit=teller --setenv=TOLD={shlex.quote(text)}"
    hosts.run(HOST, f"systemd-run --quiet {told} {waits}")
    process = hosts.run(HOST, "systemctl show --value -p MainPID teller")
    found = canaries.spread(HOST, {"it": text}, [])
    hosts.run(HOST, "systemctl stop teller; rm /opt/told")
    places = ("/opt/told", "the journal", f"/proc/{process}/cmdline", f"/proc/{process}/environ")
    assert {f"it in {place}" for place in places} <= set(found)
    assert canaries.told(f"a line {coded[:30]}\n{coded[30:]}", {"it": text})
    assert canaries.told("a line without it", {"it": text}) == []


def test_no_secret_is_told_and_nothing_of_the_enemys_runs_as_root(before: dict[str, Any], host: Any) -> None:
    """With all that he can do without stopping a run: new packages, new code, a failing task, the proof."""
    hosts.run(HOST, "runuser -u deploy -- python3 /opt/enemy.py /srv/shop calm")
    told = ("-vvv", "--diff")
    outputs = [
        succeeded(over_the_checkout("integrate", *told, "--check")),
        succeeded(over_the_checkout("integrate", *told)),
    ]
    hosts.run(HOST, "echo 'import os; raise ValueError(repr(dict(os.environ)))' >> /srv/shop/orders/tasks.py")
    outputs.append(over_the_checkout("integrate", *told))
    assert "failed=1" in outputs[-1]
    assert "ValueError" in outputs[-1]
    for output in outputs:
        assert canaries.told(output, CANARIES) == []
    modes = hosts.run(HOST, "find /etc/shop-celery -name secrets -printf '%u %m\\n'").splitlines()
    assert len(modes) > 1
    assert set(modes) == {"root 600"}
    # With the notes of all arguments of all programs.
    assert canaries.spread(HOST, CANARIES, [canaries.SHOP]) == []
    assert {"pth", "settings", "setup.py"} <= set(run_by().split()), run_by()
    see_that_he_got_nothing(outputs)


def test_a_checkout_that_does_not_parse_keeps_nobody_from_removing_all(
    before: dict[str, Any], host: Any
) -> None:
    """Units, secrets, packages, commands and the user go."""
    for name in ("settings/base.py", "celery.py"):
        hosts.run(HOST, f"echo 'def (' >> /srv/shop/shop/{name}")
    succeeded(over_the_checkout("remove"))
    places = (
        "/etc/shop-celery",
        "/var/lib/shop-celery",
        "/etc/systemd/system/*shop-*",
        "/usr/local/bin/shop-*",
    )
    assert hosts.run(HOST, f"ls -d {' '.join(places)}", check=False) == ""
    assert hosts.run(HOST, "getent passwd shop", check=False) == ""


def test_an_enemy_who_owns_the_checkout_gets_nothing(before: dict[str, Any], host: Any) -> None:
    """Whatever the runs say meanwhile: outside of the checkout, nothing is changed, run or told."""
    give_back()
    traps = hosts.run(HOST, "python3 /opt/enemy.py /srv/shop kinds")
    hosts.run(HOST, "rm -f /home/deploy/.enemy/rounds")
    hosts.run(HOST, "systemd-run --quiet --unit=enemy --uid=deploy python3 /opt/enemy.py /srv/shop")
    outputs: dict[str, list[str]] = {}
    runs = itertools.cycle(("integrate", "verify", "remove", "integrate"))
    count = "sort -u /home/deploy/.enemy/rounds | wc -l"
    for number in range(16):
        playbook = next(runs)
        if playbook != "verify":
            hosts.run(HOST, "runuser -u deploy -- sh -c 'date +%s >> /srv/shop/orders/new.py'", check=False)
        outputs.setdefault(playbook, []).append(over_the_checkout(playbook))
        if number >= 3 and hosts.run(HOST, count) == traps:
            break
    assert hosts.run(HOST, "systemctl is-active enemy") == "active"
    assert hosts.run(HOST, count) == traps
    hosts.run(HOST, "systemctl stop enemy")
    said = [output for of_one in outputs.values() for output in of_one]
    ends = {playbook: f"{sum(map(is_well, of_one))} of {len(of_one)}" for playbook, of_one in outputs.items()}
    print(f"{traps} kinds of traps; runs that did what they should all the same: {ends}; ran:\n{run_by()}")
    assert [output[-3000:] for output in said if CRASH.search(output)] == []
    see_that_he_got_nothing(said)
    give_back()
    # Whatever was left half-done.
    succeeded(over_the_checkout("integrate"))
    see_that_he_got_nothing([])
    after = snapshot()
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    print(f"{len(after)} files, folders and links of the host are as they were")
    assert changed == set(), {path: (before.get(path), after.get(path)) for path in sorted(changed)[:20]}
