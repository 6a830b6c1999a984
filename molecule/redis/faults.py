# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis and PostgreSQL under a steady load: restarts, no memory, a password that is revoked or replaced.

The sender has a user of its own in Redis, so that it goes on while the project's password is replaced.
How it is judged and reported: tests/lab/trial.py.

usage: faults.py [--all] [--only NAME,…]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lab import playbooks, trial
from lab.hosts import run, wait
from lab.load import Load
from lab.trial import Fault
from lab.units import healthy

SCENARIO = Path(__file__).resolve().parent
SERVER = "celeriac-redis-server"
APP = "celeriac-redis-app"
#: The administrator's client, as `redis`.
ADMIN = (
    "export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/celeriac.d/admin.conf); "
    'redis() { redis-cli --tls --insecure "$@"; }; '
)
#: What the sender may do: the keys are the project's.
LOAD_USER = "user load reset on >load_molecule_password ~shop:* &shop:* +@all"
RENEWED = "redis_molecule_renewed"


def password() -> str:
    """Return the project's password that the workers were given last."""
    url = run(APP, "sed -n 's/^CELERY_BROKER_URL=//p' /etc/shop-celery/secrets")
    return url.partition("//shop:")[2].partition("@")[0]


class Trial(trial.Trial):
    """What is done to the servers, a method for each fault."""

    hosts = (APP,)
    comes_back = 135.0

    def __init__(self) -> None:
        """Have one load, whose sender has a user of its own."""
        url = f"rediss://load:load_molecule_password@{SERVER}:6379/0"
        self.load = Load("redis", APP, url, SERVER, "redis", "/etc/celeriac-test/ca.crt")
        self.loads = [self.load]

    def faults(self) -> list[Fault]:
        """Return what is done, in this order; the scenario `faults` restarts both in its short form."""
        return [
            Fault(self.redis, nobody_restarts=True),
            Fault(self.postgresql, nobody_restarts=True),
            Fault(self.full_memory, short=True, nobody_restarts=True),
            Fault(self.revoked, nobody_restarts=True),
            Fault(self.rotation, short=True),
        ]

    def prepare(self) -> None:
        """Let the sender in, also after a restart of Redis."""
        line = run(SERVER, f"{ADMIN} echo '{LOAD_USER}' | sed 's/^user /ACL SETUSER /' | redis")
        if line != "OK":
            raise RuntimeError(f"Redis does not take the sender's user: {line}")
        file = "/etc/redis/celeriac.d/user-load.conf"
        run(SERVER, f"umask 027; echo '{LOAD_USER}' > {file}; chown root:redis {file}")

    def healthy(self) -> bool:
        """Tell whether the workers run."""
        return healthy(APP, ("default", "late"))

    @property
    def _seconds(self) -> int:
        """For how long Redis is full, or lets nobody in."""
        return 60 if self.full else 10

    def redis(self) -> None:
        """Restart Redis."""
        run(SERVER, "systemctl restart redis-server")

    def postgresql(self) -> None:
        """Restart PostgreSQL."""
        run(SERVER, "systemctl restart postgresql@*")

    def full_memory(self) -> None:
        """Have Redis full for a while, with tasks in the queues: senders get errors, nothing gets lost."""
        self.load.more(3, each=5)
        wait(
            "the sender has not sent more",
            20,
            lambda: any(task.seconds == 3 for task in self.load.sent()[-12:]),
        )
        since = time.time()
        # Less than it has already: no write is taken, as when it has become full.
        run(SERVER, f"{ADMIN} redis CONFIG SET maxmemory 1mb")
        time.sleep(self._seconds)
        run(SERVER, f"{ADMIN} redis CONFIG SET maxmemory 0")
        told = self.load.journal(since)
        if "used memory > 'maxmemory'" not in told:
            raise RuntimeError(f"Redis was never full: {told[-500:]}")

    def rotation(self) -> None:
        """Converge with a new password: nobody may be cut off, and the old one is refused at the end."""
        before = password()
        after = "redis_molecule_password" if before == RENEWED else RENEWED
        told = playbooks.converge(SCENARIO, "-e", f"celery_broker_password={after}", "--diff", "-vv")
        if password() != after:
            raise RuntimeError(f"the workers have not got the new password: {told[-2000:]}")
        for word, answer in ((before, "WRONGPASS"), (after, "PONG")):
            script = f"REDISCLI_AUTH={word} redis-cli --tls --insecure --user shop PING 2>&1"
            found = run(SERVER, script, check=False)
            if answer not in found:
                raise RuntimeError(f"after the rotation: {found} instead of {answer}")
            if word in told:
                raise RuntimeError("the password stands in what Ansible told")

    def revoked(self) -> None:
        """Take the password away at once and cut everybody off, then give it back."""
        run(SERVER, f"{ADMIN} redis ACL SETUSER shop resetpass; redis CLIENT KILL USER shop")
        time.sleep(self._seconds)
        playbooks.converge(SCENARIO, "-e", f"celery_broker_password={password()}", "--tags=broker")


if __name__ == "__main__":
    sys.exit(trial.main(Trial(), __doc__))
