"""Faults of Redis and PostgreSQL under a steady load, on the hosts of this scenario: nothing may get lost.

The load, the counting and the report are those of ../faults/faults.py. The sender has a user of its own
in Redis, so that it goes on while the project's password is replaced.

usage: faults.py [--all] [--only NAME,…]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SCENARIO = Path(__file__).resolve().parent
sys.path.insert(0, str(SCENARIO.parent / "faults"))

import faults as engine  # noqa: E402 - its folder is on no path before

SERVER = "celeriac-redis-server"
APP = "celeriac-redis-app"
ADMIN = (
    "export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/celeriac.d/admin.conf); "
    'redis() { redis-cli --tls --insecure "$@"; }; '
)
#: What the sender may do: the keys are the project's.
LOAD_USER = "user load reset on >load_molecule_password ~shop:* &shop:* +@all"
RENEWED = "redis_molecule_renewed"
#: Seconds for which Redis is full, or lets nobody in.
SHORT, LONG = 10, 60


def converge(*arguments: str) -> str:
    """Run integrate on all hosts, and return what it told."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"--inventory={SCENARIO / 'inventory'}",
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
    if done.returncode != 0:
        raise RuntimeError(f"integrate ended with status {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def password() -> str:
    """Return the project's password that the workers were given last."""
    url = engine.run(APP, "sed -n 's/^CELERY_BROKER_URL=//p' /etc/shop-celery/secrets")
    return url.partition("//shop:")[2].partition("@")[0]


class Faults:
    """What is done to the servers, one method for each."""

    def __init__(self, full: bool) -> None:
        self.seconds = LONG if full else SHORT

    def _nobody_restarts(self, *scripts: str) -> None:
        before = engine.processes(APP)
        for script in scripts:
            engine.run(SERVER, script)
        if before != engine.processes(APP):
            raise RuntimeError(f"workers were restarted that should not: {before}")

    def redis(self) -> None:
        """Restart Redis."""
        self._nobody_restarts("systemctl restart redis-server")

    def postgresql(self) -> None:
        """Restart PostgreSQL."""
        self._nobody_restarts("systemctl restart postgresql@*")

    def full(self) -> None:
        """Have Redis full for a while, with tasks in the queues: senders get errors, nothing gets lost."""
        engine.run(
            APP,
            "printf '%s 3\\n' celery celery celery celery celery late late late late late "
            "> /var/lib/load/redis.extra.new && mv /var/lib/load/redis.extra.new /var/lib/load/redis.extra",
        )
        engine.wait(
            "the sender has not sent more", 20, lambda: any(task.seconds == 3 for task in sent("redis")[-12:])
        )
        since = time.time()
        # Less than it has already: no write is taken, as when it has become full.
        self._nobody_restarts(f"{ADMIN} redis CONFIG SET maxmemory 1mb")
        time.sleep(self.seconds)
        engine.run(SERVER, f"{ADMIN} redis CONFIG SET maxmemory 0")
        told = engine.run(APP, f"journalctl -q --no-pager -o cat -u load-redis --since @{since:.0f}")
        if "used memory > 'maxmemory'" not in told:
            raise RuntimeError(f"Redis was never full: {told[-500:]}")

    def rotation(self) -> None:
        """Converge with a new password: nobody may be cut off, and the old one is refused at the end."""
        before = password()
        after = "redis_molecule_password" if before == RENEWED else RENEWED
        told = converge("-e", f"celery_broker_password={after}", "--diff", "-vv")
        if password() != after:
            raise RuntimeError(f"the workers have not got the new password: {told[-2000:]}")
        for word, answer in ((before, "WRONGPASS"), (after, "PONG")):
            script = f"REDISCLI_AUTH={word} redis-cli --tls --insecure --user shop PING 2>&1"
            found = engine.run(SERVER, script, check=False)
            if answer not in found:
                raise RuntimeError(f"after the rotation: {found} instead of {answer}")
            if word in told:
                raise RuntimeError("the password stands in what Ansible told")

    def revoked(self) -> None:
        """Take the password away at once and cut everybody off, then give it back."""
        self._nobody_restarts(f"{ADMIN} redis ACL SETUSER shop resetpass; redis CLIENT KILL USER shop")
        time.sleep(self.seconds)
        converge("-e", f"celery_broker_password={password()}", "--tags=broker")


#: Name to whether it is part of the short form.
ALL = {"redis": True, "postgresql": True, "full": True, "revoked": True, "rotation": True}


def start_load() -> None:
    """Start the sender, beside the workers."""
    stop_load()
    line = engine.run(SERVER, f"{ADMIN} echo '{LOAD_USER}' | sed 's/^user /ACL SETUSER /' | redis")
    if line != "OK":
        raise RuntimeError(f"Redis does not take the sender's user: {line}")
    engine.run(
        SERVER,
        f"umask 027; echo '{LOAD_USER}' > /etc/redis/celeriac.d/user-load.conf; "
        "chown root:redis /etc/redis/celeriac.d/user-load.conf; "
        "su postgres -c 'psql -q redis -c \"TRUNCATE load_done\"'",
    )
    engine.run(
        APP,
        "rm -rf /var/lib/load; mkdir /var/lib/load; umask 077; "
        f"echo SENDER_URL=rediss://load:load_molecule_password@{SERVER}:6379/0 > /root/load.env; "
        "echo SENDER_CA=/etc/celeriac-test/ca.crt >> /root/load.env; "
        "systemd-run --quiet --collect --unit=load-redis --property=EnvironmentFile=/root/load.env "
        f"/var/lib/shop-celery/venv/bin/python /root/sender.py - {engine.RATE} /var/lib/load/redis.sent",
    )


def stop_load() -> None:
    """Stop the sender."""
    engine.run(APP, "systemctl stop load-redis", check=False)


def sent(_broker: str) -> list[engine.Sent]:
    """Return what Redis has taken."""
    found = []
    for line in engine.run(APP, "cat /var/lib/load/redis.sent").splitlines():
        number, queue, at, seconds = line.split()
        found.append(engine.Sent(int(number), queue, float(at), float(seconds)))
    return found


def main() -> int:
    """Run everything with this scenario's hosts; return the exit status."""
    engine.SCENARIO = SCENARIO
    engine.SERVERS = SERVER
    engine.HOSTS = {"redis": APP}
    engine.ALL = ALL
    engine.HARSH = ()
    engine.GAPLESS = ()
    engine.Faults = Faults
    engine.start_load, engine.stop_load, engine.sent = start_load, stop_load, sent
    return engine.main()


if __name__ == "__main__":
    sys.exit(main())
