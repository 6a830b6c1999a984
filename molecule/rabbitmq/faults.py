"""A cluster of RabbitMQ loses a node under a steady load: nothing may get lost.

Sends numbered tasks to a pool of each delivery, and disturbs the node that leads their queues, in turn.
Each task writes its number to PostgreSQL. Prints a line for each fault and delivery,

    fault NAME broker B: sent N done N lost N duplicated N gap S

where NAME is `<fault>/<delivery>`, and ends with status 1 if something was lost, the workers were restarted,
or the cluster is not whole again.

usage: faults.py [--all] [--only NAME,…]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from engine import (
    DONE_QUERY,
    Count,
    Sent,
    Window,
    read_done,
    read_sent,
    run,
    settle,
    wait,
)

SCENARIO = Path(__file__).resolve().parent
NODES = [f"celeriac-rabbitmq-{number}" for number in (1, 2, 3)]
APPS = [f"celeriac-rabbitmq-app{number}" for number in (1, 2)]
NETWORK = "celeriac-rabbitmq"
#: Where the load is sent from, and where PostgreSQL is.
SENDER = APPS[0]
QUEUES = {"celery": "at_most_once", "late": "at_least_once"}
#: Tasks a second.
RATE = 4
#: Seconds of undisturbed load before and after each fault.
AFTER = 5
PYTHON = "/var/lib/shop-celery/venv/bin/python"
NOTED = "/var/lib/load/rabbitmq.sent"


def podman(*arguments: str) -> None:
    """Do something to a host from outside."""
    subprocess.run(["podman", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def running(node: str) -> list[str]:
    """Return the nodes that a node sees running."""
    text = run(node, "rabbitmqctl --quiet --timeout 20 cluster_status --formatter json", check=False)
    try:
        return [name.partition("@")[2] for name in json.loads(text)["running_nodes"]]
    except (ValueError, KeyError):
        return []


def divided(node: str) -> bool:
    """Tell whether a node sees a partition."""
    text = run(node, "rabbitmqctl --quiet --timeout 20 cluster_status --formatter json", check=False)
    try:
        return bool(json.loads(text)["partitions"])
    except (ValueError, KeyError):
        return True


def whole() -> bool:
    """Tell whether each node sees all of them, and each quorum queue has all of its members."""
    if not all(sorted(running(node)) == NODES for node in NODES) or any(map(divided, NODES)):
        return False
    ask = "rabbitmqctl --quiet --timeout 20 list_queues -p shop type online --formatter json"
    try:
        queues = json.loads(run(NODES[0], ask, check=False))
        return all(len(queue["online"]) == len(NODES) for queue in queues if queue["type"] == "quorum")
    except (ValueError, KeyError):
        return False


def leader(queue: str = "late") -> str:
    """Return the host that leads a queue."""
    text = run(NODES[0], "rabbitmqctl --quiet list_queues -p shop name leader --formatter json")
    found = {entry["name"]: entry["leader"] for entry in json.loads(text)}
    return str(found[queue]).partition("@")[2]


def processes() -> dict[str, str]:
    """Return the main processes of the workers."""
    return {host: run(host, "systemctl show -P MainPID 'shop-worker-*'") for host in APPS}


class Faults:
    """What is done to the cluster, one method for each."""

    def __init__(self, full: bool) -> None:
        self.away = 60 if full else 12

    def kill_node(self) -> None:
        """Kill the host of the leader at once, and start it again."""
        host = leader()
        podman("kill", "--signal=KILL", host)
        time.sleep(self.away)
        podman("start", host)

    def cut_off(self) -> None:
        """Cut the leader off the network, and let it back."""
        host = leader()
        podman("network", "disconnect", NETWORK, host)
        # Not before the others have noticed: a cut that nobody sees is another fault.
        others = [node for node in NODES if node != host]
        wait(f"{others} still see {host}", 90, lambda: all(host not in running(node) for node in others))
        time.sleep(self.away)
        podman("network", "connect", NETWORK, host)

    def stop_node(self) -> None:
        """Stop RabbitMQ on the leader, and start it again."""
        host = leader()
        run(host, "systemctl stop rabbitmq-server")
        time.sleep(self.away)
        run(host, "systemctl start rabbitmq-server")

    def one_after_the_other(self) -> None:
        """Restart each node, as a change of the configuration does."""
        for node in NODES:
            wait(f"before {node}: the cluster is not whole", 240, whole)
            run(node, "systemctl restart rabbitmq-server")


#: Name to the method, and whether it is part of the short form.
ALL = {"kill-node": True, "cut-off": True, "stop-node": False, "one-after-the-other": False}


def start_load() -> None:
    """Start the sender."""
    stop_load()
    given = yaml.safe_load((SCENARIO / "inventory/group_vars/molecule/celery.yml").read_text())
    password = quote(given["celery_broker_password"], safe="")
    url = ";".join(f"amqps://shop:{password}@{node}:5671/shop" for node in NODES)
    source = (SCENARIO.parent / "faults/files/sender.py").read_text()
    subprocess.run(
        ["podman", "exec", "--interactive", SENDER, "bash", "-c", "cat > /opt/sender.py"],
        input=source,
        text=True,
        check=True,
    )
    run(SENDER, "rm -rf /var/lib/load; mkdir /var/lib/load")
    run(SENDER, "su postgres -c 'psql -q shop -c \"TRUNCATE load_done\"'")
    run(
        SENDER,
        f"systemd-run --quiet --collect --unit=load --setenv=SENDER_CA={given['celery_broker_ca']} "
        f"{PYTHON} /opt/sender.py '{url}' {RATE} {NOTED}",
    )


def stop_load() -> None:
    """Stop the sender; what it was about to send is not counted as sent."""
    run(SENDER, "systemctl stop load", check=False)


def sent() -> list[Sent]:
    """Return what the broker has taken."""
    return read_sent(run(SENDER, f"cat {NOTED}"))


def done() -> list[tuple[int, float]]:
    """Return what was done, and when."""
    return read_done(run(SENDER, f'su postgres -c \'psql -AtF " " shop -c "{DONE_QUERY}"\''))


def keeps_up() -> bool:
    """Tell whether all that was sent a moment ago is done."""
    there = {number for number, _at in done()}
    tasks = sent()[-AFTER * RATE : -RATE]
    return bool(tasks) and there.issuperset(task.number for task in tasks)


def all_done() -> bool:
    """Tell whether everything is done."""
    return {number for number, _at in done()}.issuperset(task.number for task in sent())


def disturb(name: str, act: Callable[[], None]) -> Window:
    """Do a fault, wait until all is as before, and return its time."""
    wait(f"before {name}: the cluster is not whole", 240, whole)
    wait(f"before {name}: the workers do not keep up", 120, keeps_up)
    window = Window(name, time.time())
    before = processes()
    try:
        act()
        wait(f"{name}: the cluster is not whole again", 300, whole)
        wait(f"{name}: the workers do not keep up again", 120, keeps_up)
        if processes() != before:
            window.problems.append("workers were restarted that should not")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        window.problems.append(str(error))
    time.sleep(AFTER)
    window.end = time.time()
    print(f"  {name}: {window.end - window.begin:.0f} s", flush=True)
    return window


def report(windows: list[Window]) -> list[str]:
    """Print the lines, and return what must not be."""
    wrong = [f"{window.name}: {problem}" for window in windows for problem in window.problems]
    tasks, results = sent(), done()
    for window in windows:
        for queue, delivery in QUEUES.items():
            count = Count.of(window, queue, tasks, results)
            line = f"fault {window.name}/{delivery} broker rabbitmq-cluster: {count}"
            print(line, flush=True)
            if count.lost:
                wrong.append(f"lost: {line}")
            if not count.sent:
                wrong.append(f"no load: {line}")
    return wrong


def main() -> int:
    """Run everything; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true", help="all faults, as long as they take")
    parser.add_argument("--only", default="", help="these alone, separated by commas")
    arguments = parser.parse_args()
    names = [name for name, short in ALL.items() if short or arguments.all]
    if arguments.only:
        names = [name for name in ALL if name in arguments.only.split(",")]
    faults = Faults(arguments.all)
    start_load()
    try:
        windows = [disturb(name, getattr(faults, name.replace("-", "_"))) for name in names]
    finally:
        stop_load()
    settle(120, all_done)
    wrong = report(windows)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
