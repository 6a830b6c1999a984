# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers under a steady load, on both brokers: what is done to them, to their code and to their servers.

A pool of each delivery on each broker. How it is judged and reported: tests/lab/trial.py.

usage: faults.py [--all] [--only NAME,…]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from lab import playbooks, trial
from lab.hosts import booted, code_in_project, run, wait
from lab.load import Load
from lab.trial import Fault
from lab.units import healthy, main_process, processes, units

SCENARIO = Path(__file__).resolve().parent
SERVERS = "celeriac-faults-servers"
#: Broker to the host whose workers use it.
HOSTS = {"redis": "celeriac-faults-redis", "rabbitmq": "celeriac-faults-rabbitmq"}
#: The longest gap that new code may leave, in seconds.
CODE_GAP = 2.0
VARIABLES = SCENARIO / "inventory/group_vars/molecule/celery.yml"
TASKS = "/srv/shop/load/tasks.py"
SETTINGS = "/srv/shop/shop/settings/production.py"


def everywhere(action: Callable[[str], object], hosts: Iterable[str] = HOSTS.values()) -> None:
    """Do something on several hosts at once."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(action, hosts))


def converge(*arguments: str, fails: str = "") -> None:
    """Run integrate on the hosts of the workers; it has to fail with a message if one is given."""
    done = playbooks.integrate(SCENARIO, "--limit=celery_worker", *arguments)
    if bool(done.returncode) != bool(fails) or not re.search(fails, done.stdout):
        raise RuntimeError(f"integrate ended with status {done.returncode}:\n{done.stdout[-4000:]}")


class Trial(trial.Trial):
    """What is done to the hosts, a method for each fault."""

    hosts = tuple(HOSTS.values())
    comes_back = 135.0

    def __init__(self) -> None:
        """Have a load for each broker, sent from the host that has both."""
        given = yaml.safe_load(VARIABLES.read_text())
        urls = {
            "redis": f"redis://shop:{given['celery_broker_password']}@127.0.0.1:6379/0",
            "rabbitmq": f"amqp://shop:{given['faults_rabbitmq_password']}@127.0.0.1:5672/shop",
        }
        # Each broker's tasks have a database of their own.
        self.loads = [
            Load(broker, SERVERS, url, SERVERS, broker, python="/opt/load/bin/python")
            for broker, url in urls.items()
        ]
        self.changes = 0

    def faults(self) -> list[Fault]:
        """Return what is done, in this order."""
        return [
            Fault(self.code, short=True, gap=CODE_GAP),
            Fault(self.replace),
            Fault(self.rename, gap=CODE_GAP),
            Fault(self.import_error, short=True, nobody_restarts=True),
            Fault(self.settings_error, nobody_restarts=True),
            Fault(self.not_ready, nobody_restarts=True),
            Fault(self.broker_password, nobody_restarts=True),
            Fault(self.restart, short=True),
            Fault(self.stop, short=True),
            Fault(self.kill_child, short=True, harsh=True),
            Fault(self.kill_main, short=True, harsh=True, in_hand=True),
            Fault(self.freeze, short=True, harsh=True, in_hand=True),
            Fault(self.deaf),
            Fault(self.broker_stop, short=True, nobody_restarts=True),
            Fault(self.broker_away, nobody_restarts=True),
            Fault(self.broker_busy, nobody_restarts=True),
            Fault(self.postgresql, short=True, nobody_restarts=True),
            Fault(self.reboot, short=True),
            Fault(self.busy, nobody_restarts=True),
        ]

    def healthy(self) -> bool:
        """Tell whether each pool has one active unit, nothing has failed, and beat runs."""
        return all(healthy(host, ("default", "late")) for host in HOSTS.values()) and (
            run(HOSTS["redis"], "systemctl is-active shop-beat", check=False) == "active"
        )

    def _send_long(self, seconds: float) -> None:
        """Have longer tasks sent to each queue, and give them the time to start."""
        for load in self.loads:
            load.more(seconds, each=2)
        time.sleep(2)

    def _change_code(self) -> None:
        self.changes += 1
        everywhere(lambda host: run(host, f"echo '# change {self.changes}' >> {TASKS}"))

    def code(self) -> None:
        """Converge a change of code."""
        self._change_code()
        before = {host: units(host) for host in HOSTS.values()}
        converge()
        for host, old in before.items():
            if set(old.values()) & set(units(host).values()):
                raise RuntimeError(f"{host}: an old generation is still active: {units(host)}")

    def replace(self) -> None:
        """Converge a change of code where there is no memory for two generations."""
        self._change_code()
        self._send_long(5)
        converge("-e", "celery_worker_restart=replace")

    def rename(self) -> None:
        """Converge another name of a pool, and the old one again."""
        given = yaml.safe_load(VARIABLES.read_text())["celery_workers"]
        other = [{**pool, "name": "renamed" if pool["name"] == "default" else pool["name"]} for pool in given]
        converge("-e", json.dumps({"celery_workers": other}))
        for host in HOSTS.values():
            if set(units(host)) != {"renamed", "late"}:
                raise RuntimeError(f"{host}: these pools are active: {units(host)}")
        converge()

    @staticmethod
    def _broken(file: str, line: str, fails: str) -> None:
        everywhere(lambda host: run(host, f"cp -p {file} /tmp/good && echo '{line}' >> {file}"))
        try:
            converge(fails=fails)
        finally:
            everywhere(lambda host: run(host, f"cp -p /tmp/good {file}"))

    def import_error(self) -> None:
        """Converge a change of code that cannot be imported."""
        self._broken(TASKS, "import nowhere_to_be_found", "nowhere_to_be_found")

    def settings_error(self) -> None:
        """Converge a change of code whose settings do not load."""
        self._broken(SETTINGS, 'raise RuntimeError("broken settings")', "broken settings")

    def not_ready(self) -> None:
        """Converge a change that loads, but whose workers end before they are ready."""
        line = 'import os; os.environ.get("NOTIFY_SOCKET") and os._exit(3)'
        self._broken(TASKS, line, "did not get ready")

    def broker_password(self) -> None:
        """Converge with a password that the broker refuses."""
        wrong = ("-e", "celery_broker_password=wrong", "-e", "faults_rabbitmq_password=wrong")
        converge(*wrong, fails="does not answer|invalid username-password|ACCESS_REFUSED")

    def restart(self) -> None:
        """Restart the units."""
        everywhere(lambda host: run(host, "systemctl restart 'shop-worker-*'"))

    def stop(self) -> None:
        """Stop the units during a long task, then start them again."""
        self._send_long(60 if self.full else 12)

        def stop(host: str) -> None:
            found = " ".join(f"'{unit}'" for unit in units(host).values())
            run(host, f"systemctl stop {found}; systemctl start {found}")

        everywhere(stop)

    def kill_child(self) -> None:
        """Kill a child of each pool that runs a task."""
        self._send_long(5)

        def kill(host: str) -> None:
            for unit in units(host).values():
                run(host, f"pgrep -P {main_process(host, unit)} | tail -n 1 | xargs kill -9")

        everywhere(kill)

    def kill_main(self) -> None:
        """Kill the main processes."""
        self._send_long(5)
        everywhere(self._signal("KILL"))

    def freeze(self) -> None:
        """Freeze the main processes until the watchdog acts."""
        self._send_long(5)
        everywhere(self._signal("STOP"))

    def _signal(self, signal: str) -> Callable[[str], None]:
        return self._replaced(lambda host, found: run(host, f"kill -{signal} {' '.join(found)}"))

    @staticmethod
    def _replaced(act: Callable[[str, list[str]], object]) -> Callable[[str], None]:
        """Return what disturbs the main processes of a host, and waits until systemd has replaced them."""

        def disturb(host: str) -> None:
            before = processes(host)
            act(host, list(before.values()))
            wait(
                f"{host}: systemd has not replaced the workers",
                240,
                lambda: all(main_process(host, unit) not in ("0", old) for unit, old in before.items()),
            )

        return disturb

    def deaf(self) -> None:
        """Have the workers answer, but consume nothing, until they find out themselves."""
        everywhere(self._replaced(lambda host, _processes: self._deafen(host)))

    @staticmethod
    def _deafen(host: str) -> None:
        code = "from celery import current_app as app; print(app.control.broadcast('deafen', reply=True))"
        answers = run(host, code_in_project(code))
        if "deaf" not in answers:
            raise RuntimeError(f"{host}: nobody was deafened: {answers}")

    def busy(self) -> None:
        """Keep all processes busy for longer than a watchdog or the letters wait."""
        self._send_long(80)
        time.sleep(85)

    @staticmethod
    def _brokers_away(seconds: float) -> None:
        run(SERVERS, "systemctl stop redis-server rabbitmq-server")
        time.sleep(seconds)
        run(SERVERS, "systemctl start redis-server rabbitmq-server")

    def broker_stop(self) -> None:
        """Stop the brokers for a while."""
        self._brokers_away(60 if self.full else 15)

    def broker_away(self) -> None:
        """Stop the brokers for ten minutes."""
        self._brokers_away(600)

    def broker_busy(self) -> None:
        """Stop the brokers for a while, during tasks that end when they are back."""
        self._send_long(40)
        self._brokers_away(15)

    def postgresql(self) -> None:
        """Restart PostgreSQL."""
        run(SERVERS, "systemctl restart postgresql@*")

    def reboot(self) -> None:
        """Reboot the hosts of the workers."""

        def boot(host: str) -> None:
            subprocess.run(["podman", "restart", "--time=180", host], check=True, capture_output=True)
            wait(f"{host}: not booted", 60, lambda: booted(host))

        everywhere(boot)


if __name__ == "__main__":
    sys.exit(trial.main(Trial(), __doc__))
