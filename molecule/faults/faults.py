"""Faults under a steady load, on the hosts of this scenario: nothing may get lost.

Sends numbered tasks to a pool of each delivery, at a steady rate, on both brokers, and disturbs in turn.
Each task writes its number to PostgreSQL. Prints a line for each fault, delivery and broker,

    fault NAME broker B: sent N done N lost N duplicated N gap S

where NAME is `<fault>/<delivery>`, and ends with status 1 if something was lost that must not be, a gap was
too long, or the units are not what they were. What a fault has sent is counted at the end, when the
visibility timeout has passed: lost is what has not been done by then.

usage: faults.py [--all] [--only NAME,…]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from engine import DONE_QUERY, Count, Sent, Window, read_done, read_sent, run, settle, wait

SCENARIO = Path(__file__).resolve().parent
SERVERS = "celeriac-faults-servers"
#: Broker to the host whose workers use it.
HOSTS = {"redis": "celeriac-faults-redis", "rabbitmq": "celeriac-faults-rabbitmq"}
#: Queue to the delivery of the pool that serves it, and to the pool.
QUEUES = {"celery": ("at_most_once", "default"), "late": ("at_least_once", "late")}
#: Tasks a second, for each broker.
RATE = 4
#: Seconds of undisturbed load after each fault, for what it left to show.
AFTER = 4
#: Seconds after which what was lost is back: the visibility timeout, and the time to look for it.
COMES_BACK = 135
#: What must leave no gap that is longer, in seconds.
GAPLESS = ("code", "rename")
CODE_GAP = 2.0
VARIABLES = "inventory/group_vars/molecule/celery.yml"
TASKS = "/srv/shop/load/tasks.py"
SETTINGS = "/srv/shop/shop/settings/production.py"


def everywhere(action: Callable[[str], object], hosts: Iterable[str] = HOSTS.values()) -> None:
    """Do something on several hosts at once."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(action, hosts))


def converge(*arguments: str, fails: str = "") -> None:
    """Run integrate on the hosts of the workers; it has to fail with a message if one is given."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"--inventory={SCENARIO / 'inventory'}",
            "--limit=celery_worker",
            *arguments,
            "celeriac.django.integrate",
        ],
        cwd=SCENARIO.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if bool(done.returncode) != bool(fails) or not re.search(fails, done.stdout):
        raise RuntimeError(f"integrate ended with status {done.returncode}:\n{done.stdout[-4000:]}")


def units(host: str) -> dict[str, str]:
    """Return the active instance of each pool of a host."""
    listed = run(
        host, "systemctl list-units --plain --no-legend --full --state=active 'shop-worker-*'", check=False
    )
    found = {}
    for line in listed.splitlines():
        unit = line.split()[0]
        found[unit.removeprefix("shop-worker-").partition("@")[0]] = unit
    return found


def main_process(host: str, unit: str) -> str:
    """Return the number of a unit's main process."""
    return run(host, f"systemctl show -P MainPID '{unit}'")


def processes(host: str) -> dict[str, str]:
    """Return the main process of each active unit of a host."""
    return {unit: main_process(host, unit) for unit in units(host).values()}


def send_long(seconds: float, each: int = 2) -> None:
    """Have longer tasks sent to each queue, and give them the time to start."""
    lines = "".join(f"{queue} {seconds}\\n" for queue in QUEUES for _turn in range(each))
    for broker in HOSTS:
        file = f"/var/lib/load/{broker}.extra"
        run(SERVERS, f"printf '{lines}' > {file}.new && mv {file}.new {file}")
    time.sleep(2)


class Faults:
    """What is done to the hosts, one method for each."""

    def __init__(self, full: bool) -> None:
        self.full = full
        self.changes = 0

    def code(self) -> None:
        """Converge a change of code."""
        self.changes += 1
        everywhere(lambda host: run(host, f"echo '# change {self.changes}' >> {TASKS}"))
        before = {host: units(host) for host in HOSTS.values()}
        converge()
        for host, old in before.items():
            if set(old.values()) & set(units(host).values()):
                raise RuntimeError(f"{host}: an old generation is still active: {units(host)}")

    def replace(self) -> None:
        """Converge a change of code where there is no memory for two generations."""
        self.changes += 1
        everywhere(lambda host: run(host, f"echo '# change {self.changes}' >> {TASKS}"))
        send_long(5)
        converge("-e", "celery_worker_restart=replace")

    def rename(self) -> None:
        """Converge another name of a pool, and the old one again."""
        given = yaml.safe_load((SCENARIO / VARIABLES).read_text())["celery_workers"]
        other = [{**pool, "name": "renamed" if pool["name"] == "default" else pool["name"]} for pool in given]
        converge("-e", json.dumps({"celery_workers": other}))
        for host in HOSTS.values():
            if set(units(host)) != {"renamed", "late"}:
                raise RuntimeError(f"{host}: these pools are active: {units(host)}")
        converge()

    def _broken(self, file: str, line: str, fails: str, *arguments: str) -> None:
        before = {host: units(host) for host in HOSTS.values()}
        if line:
            everywhere(lambda host: run(host, f"cp -p {file} /tmp/good && echo '{line}' >> {file}"))
        try:
            converge(*arguments, fails=fails)
        finally:
            if line:
                everywhere(lambda host: run(host, f"cp -p /tmp/good {file}"))
        after = {host: units(host) for host in HOSTS.values()}
        if before != after:
            raise RuntimeError(f"a broken change has moved the units: {before} {after}")

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
        self._broken("", "", "does not answer|invalid username-password|ACCESS_REFUSED", *wrong)

    def restart(self) -> None:
        """Restart the units."""
        everywhere(lambda host: run(host, "systemctl restart 'shop-worker-*'"))

    def stop(self) -> None:
        """Stop the units during a long task, then start them again."""
        send_long(60 if self.full else 12)

        def stop(host: str) -> None:
            found = " ".join(f"'{unit}'" for unit in units(host).values())
            run(host, f"systemctl stop {found}; systemctl start {found}")

        everywhere(stop)

    def kill_child(self) -> None:
        """Kill a child of each pool that runs a task."""
        send_long(5)

        def kill(host: str) -> None:
            for unit in units(host).values():
                run(host, f"pgrep -P {main_process(host, unit)} | tail -n 1 | xargs kill -9")

        everywhere(kill)

    def kill_main(self) -> None:
        """Kill the main processes."""
        send_long(5)
        everywhere(self._signal("KILL"))

    def freeze(self) -> None:
        """Freeze the main processes until the watchdog acts."""
        send_long(5)
        everywhere(self._signal("STOP"))

    def _signal(self, signal: str) -> Callable[[str], None]:
        return self._replaced(lambda host, found: run(host, f"kill -{signal} {' '.join(found)}"))

    def _replaced(self, act: Callable[[str, list[str]], object]) -> Callable[[str], None]:
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

    def _deafen(self, host: str) -> None:
        code = "from celery import current_app as app; print(app.control.broadcast('deafen', reply=True))"
        secrets = "set -a; . /etc/shop-celery/environment; . /etc/shop-celery/secrets; set +a"
        shell = f'runuser -u shop -- /var/lib/shop-celery/venv/bin/python manage.py shell -v 0 -c "{code}"'
        answers = run(host, f"{secrets}; cd /srv/shop && {shell}")
        if "deaf" not in answers:
            raise RuntimeError(f"{host}: nobody was deafened: {answers}")

    def busy(self) -> None:
        """Keep all processes busy for longer than a watchdog or the letters wait."""
        self._nobody_restarts(lambda: (send_long(80), time.sleep(85)))

    def broker_stop(self) -> None:
        """Stop the brokers for a while."""
        self._nobody_restarts(lambda: self._brokers_away(60 if self.full else 15))

    def broker_away(self) -> None:
        """Stop the brokers for ten minutes."""
        self._nobody_restarts(lambda: self._brokers_away(600))

    def broker_busy(self) -> None:
        """Stop the brokers for a while, during tasks that end when they are back."""
        send_long(40)
        self._nobody_restarts(lambda: self._brokers_away(15))

    def _brokers_away(self, seconds: float) -> None:
        run(SERVERS, "systemctl stop redis-server rabbitmq-server")
        time.sleep(seconds)
        run(SERVERS, "systemctl start redis-server rabbitmq-server")

    def postgresql(self) -> None:
        """Restart PostgreSQL."""
        self._nobody_restarts(lambda: run(SERVERS, "systemctl restart postgresql@*"))

    def _nobody_restarts(self, act: Callable[[], object]) -> None:
        before = {host: processes(host) for host in HOSTS.values()}
        act()
        after = {host: processes(host) for host in HOSTS.values()}
        if before != after:
            raise RuntimeError(f"workers were restarted that should not: {before} {after}")

    def reboot(self) -> None:
        """Reboot the hosts of the workers."""

        def boot(host: str) -> None:
            subprocess.run(["podman", "restart", "--time=180", host], check=True, capture_output=True)
            wait(
                f"{host}: not booted",
                60,
                lambda: run(host, "systemctl is-system-running", check=False) in ("running", "degraded"),
            )

        everywhere(boot)


#: Name to the method, and whether it is part of the short form.
ALL = {
    "code": True,
    "replace": False,
    "rename": False,
    "import-error": True,
    "settings-error": False,
    "not-ready": False,
    "broker-password": False,
    "restart": True,
    "stop": True,
    "kill-child": True,
    "kill-main": True,
    "freeze": True,
    "deaf": False,
    "broker-stop": True,
    "broker-away": False,
    "broker-busy": False,
    "postgresql": True,
    "reboot": True,
    "busy": False,
}
#: Where at_most_once may lose what was running.
HARSH = ("kill-child", "kill-main", "freeze")


def healthy() -> bool:
    """Tell whether each pool has one active unit, and nothing has failed."""
    for host in HOSTS.values():
        listed = run(
            host, "systemctl list-units --plain --no-legend --full --all 'shop-worker-*@*'", check=False
        )
        states = [line.split()[:4] for line in listed.splitlines()]
        active = [state[0].partition("@")[0] for state in states if state[2] == "active"]
        if sorted(active) != ["shop-worker-default", "shop-worker-late"]:
            return False
        if any(state[2] not in ("active", "inactive") for state in states):
            return False
    return run(HOSTS["redis"], "systemctl is-active shop-beat", check=False) == "active"


def start_load() -> None:
    """Start the senders."""
    stop_load()
    run(SERVERS, "rm -rf /var/lib/load; mkdir /var/lib/load")
    given = (SCENARIO / VARIABLES).read_text()
    secret = dict(re.findall(r"^(\w+_password): (\S+)$", given, re.MULTILINE))
    urls = {
        "redis": f"redis://shop:{secret['celery_broker_password']}@127.0.0.1:6379/0",
        "rabbitmq": f"amqp://shop:{secret['faults_rabbitmq_password']}@127.0.0.1:5672/shop",
    }
    for broker, url in urls.items():
        run(SERVERS, f"su postgres -c 'psql -q {broker} -c \"TRUNCATE load_done\"'")
        run(
            SERVERS,
            f"systemd-run --quiet --unit=load-{broker} /opt/load/bin/python /opt/load/sender.py "
            f"{url} {RATE} /var/lib/load/{broker}.sent",
        )


def stop_load() -> None:
    """Stop the senders; what they were about to send is not counted as sent."""
    for broker in HOSTS:
        run(SERVERS, f"systemctl stop load-{broker}", check=False)


def sent(broker: str) -> list[Sent]:
    """Return what the broker has taken."""
    return read_sent(run(SERVERS, f"cat /var/lib/load/{broker}.sent"))


def done(broker: str) -> list[tuple[int, float]]:
    """Return what was done, and when, in the order of time."""
    return read_done(run(SERVERS, f'su postgres -c \'psql -AtF " " {broker} -c "{DONE_QUERY}"\''))


def disturb(names: list[str], full: bool) -> list[Window]:
    """Do one fault after the other, and return their times."""
    faults = Faults(full)
    windows = []
    for name in names:
        # What is in the queues still would be counted for the fault before.
        settle(300, keeps_up)
        window = Window(name, time.time())
        windows.append(window)
        try:
            getattr(faults, name.replace("-", "_"))()
            wait(f"{name}: the units are not healthy again", 200, healthy)
        except RuntimeError as error:
            window.problems.append(str(error))
        time.sleep(AFTER)
        window.end = time.time()
        print(f"  {name}: {window.end - window.begin:.0f} s", flush=True)
    return windows


def keeps_up() -> bool:
    """Tell whether all that was sent a moment ago is done: what a fault left behind has been worked off."""
    for broker in HOSTS:
        there = {number for number, _at in done(broker)}
        recent = [task.number for task in sent(broker)[-AFTER * RATE : -RATE]]
        if not there.issuperset(recent):
            return False
    return True


def all_done(windows: list[Window]) -> bool:
    """Tell whether everything is done, but for what nothing can bring back any more."""
    harsh = [window for window in windows if window.name in HARSH]
    if harsh and time.time() < max(window.end for window in harsh) + COMES_BACK:
        return False
    for broker in HOSTS:
        there = {number for number, _at in done(broker)}
        for task in sent(broker):
            given_up = task.queue == "celery" and any(
                window.begin <= task.at < window.end for window in harsh
            )
            if task.number not in there and not given_up:
                return False
    return True


def report(windows: list[Window]) -> list[str]:
    """Print the lines, and return what must not be."""
    wrong = [f"{window.name}: {problem}" for window in windows for problem in window.problems]
    for broker in HOSTS:
        tasks, results = sent(broker), done(broker)
        for window in windows:
            for queue, (delivery, _pool) in QUEUES.items():
                count = Count.of(window, queue, tasks, results)
                lost, gap = count.lost, count.gap
                line = f"fault {window.name}/{delivery} broker {broker}: {count}"
                print(line, flush=True)
                if lost and (delivery == "at_least_once" or window.name not in HARSH):
                    wrong.append(f"lost: {line}")
                if window.name in GAPLESS and gap > CODE_GAP:
                    wrong.append(f"gap: {line}")
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
    start_load()
    try:
        time.sleep(AFTER)
        windows = disturb(names, arguments.all)
    finally:
        stop_load()
    settle(COMES_BACK + 60, lambda: all_done(windows))
    wrong = report(windows)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
