# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of RabbitMQ that loses a node under a steady load.

It is the node that leads the queues. How it is judged and reported: tests/lab/trial.py.

usage: faults.py [--all] [--only NAME,…]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from lab import trial
from lab.hosts import run, wait
from lab.load import Load
from lab.trial import Fault
from lab.units import healthy, main_process

SCENARIO = Path(__file__).resolve().parent
NODES = [f"celeriac-rabbitmq-{number}" for number in (1, 2, 3)]
APPS = [f"celeriac-rabbitmq-app{number}" for number in (1, 2)]
NETWORK = "celeriac-rabbitmq"
#: Where the load is sent from, and where PostgreSQL is.
SENDER = APPS[0]


def podman(*arguments: str) -> None:
    """Do something to a host from outside."""
    subprocess.run(["podman", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def tell(node: str, *arguments: str) -> Any:
    """Return what a node answers, None where it does not."""
    ask = f"rabbitmqctl --quiet --timeout 20 {' '.join(arguments)} --formatter json"
    try:
        return json.loads(run(node, ask, check=False))
    except ValueError:
        return None


def running(node: str) -> list[str]:
    """Return the nodes that a node sees running."""
    status = tell(node, "cluster_status") or {}
    return [name.partition("@")[2] for name in status.get("running_nodes", [])]


def whole() -> bool:
    """Tell whether each node sees all of them, and each quorum queue has all of its members."""
    for node in NODES:
        status = tell(node, "cluster_status")
        if not status or status["partitions"] or len(status["running_nodes"]) != len(NODES):
            return False
    queues = tell(NODES[0], "list_queues", "-p shop", "type online")
    return bool(queues) and all(
        len(queue["online"]) == len(NODES) for queue in queues if queue["type"] == "quorum"
    )


def leader(queue: str = "late") -> str:
    """Return the host that leads a queue."""
    found = {entry["name"]: entry["leader"] for entry in tell(NODES[0], "list_queues -p shop name leader")}
    return str(found[queue]).partition("@")[2]


class Trial(trial.Trial):
    """What is done to the cluster, a method for each fault."""

    hosts = APPS

    def __init__(self) -> None:
        """Have one load, sent to whichever node answers."""
        given = yaml.safe_load((SCENARIO / "inventory/group_vars/molecule/celery.yml").read_text())
        password = quote(given["celery_broker_password"], safe="")
        url = ";".join(f"amqps://shop:{password}@{node}:5671/shop" for node in NODES)
        authority = given["celery_broker_ca"]
        self.loads = [Load("rabbitmq-cluster", SENDER, url, SENDER, "shop", authority)]

    def faults(self) -> list[Fault]:
        """Return what is done, in this order."""
        return [
            Fault(self.kill_node, short=True, nobody_restarts=True),
            Fault(self.cut_off, short=True, nobody_restarts=True),
            Fault(self.stop_node, nobody_restarts=True),
            Fault(self.one_after_the_other, nobody_restarts=True),
            Fault(self.no_majority, nobody_restarts=True),
            Fault(self.full_memory, nobody_restarts=True),
        ]

    def healthy(self) -> bool:
        """Tell whether the cluster is whole, and the workers run."""
        return whole() and all(healthy(host, ("default", "late")) for host in APPS)

    @property
    def _away(self) -> int:
        return 60 if self.full else 12

    def kill_node(self) -> None:
        """Kill the host of the leader at once, and start it again."""
        host = leader()
        podman("kill", "--signal=KILL", host)
        time.sleep(self._away)
        podman("start", host)

    def cut_off(self) -> None:
        """Cut the leader off the network, and let it back."""
        host = leader()
        address = run(host, "hostname --all-ip-addresses")
        podman("network", "disconnect", NETWORK, host)
        # Not before the others have noticed: a cut that nobody sees is another fault.
        others = [node for node in NODES if node != host]
        wait(f"{others} still see {host}", 90, lambda: all(host not in running(node) for node in others))
        time.sleep(self._away)
        podman("network", "connect", f"--ip={address}", NETWORK, host)

    def stop_node(self) -> None:
        """Stop RabbitMQ on the leader, and start it again."""
        host = leader()
        run(host, "systemctl stop rabbitmq-server")
        time.sleep(self._away)
        run(host, "systemctl start rabbitmq-server")

    def one_after_the_other(self) -> None:
        """Restart each node, as a change of the configuration does."""
        for node in NODES:
            wait(f"before {node}: the cluster is not whole", self.patience, whole)
            run(node, "systemctl restart rabbitmq-server")

    def no_majority(self) -> None:
        """Kill the host of the leader and another one at once, and start them again."""
        host = leader()
        lost = [host, next(node for node in NODES if node != host)]
        podman("kill", "--signal=KILL", *lost)
        time.sleep(self._away)
        podman("start", *lost)

    def full_memory(self) -> None:
        """Have the cluster take nothing for want of memory, for longer than watchdogs wait."""
        beat = main_process(SENDER, "shop-beat.service")
        node = NODES[0]
        limit = "rabbitmqctl --quiet set_vm_memory_high_watermark"
        usual = run(node, "rabbitmqctl --quiet eval 'vm_memory_monitor:get_vm_memory_high_watermark().'")
        run(node, f"{limit} absolute 1MB")
        try:
            alarms = "rabbitmq-diagnostics --quiet alarms"
            wait(f"{node} does not lack memory", 30, lambda: "Memory alarm" in run(node, alarms))
            time.sleep(150)
        finally:
            run(node, f"{limit} {usual}")
        if main_process(SENDER, "shop-beat.service") != beat:
            raise RuntimeError("beat was restarted, and should not be")


if __name__ == "__main__":
    sys.exit(trial.main(Trial(), __doc__))
