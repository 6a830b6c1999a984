# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario `deploy` and its soak share: repository, deploys, load, and what the fleet runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.hosts import run, settle
from lab.load import Count, Load, Window
from lab.playbooks import ROOT, flat, play
from lab.site import Requests, requests

INVENTORY = ROOT / "molecule/deploy/inventory"
REPOSITORY = Path(os.environ["CELERIAC_LAB"], ".cache/lab/deploy")
HOSTS = ("celeriac-deploy1", "celeriac-deploy2")
#: Those of them that serve the site, and where.
SITES = HOSTS[:1]
SOCKET = "/run/shop-web.sock"
SERVER = "celeriac-deploy-servers"
STATES = (
    "systemctl list-units --plain --no-legend --full --state=active 'shop-worker-*@*' 'shop-web@*' "
    "shop-beat.service | cut -d ' ' -f 1"
)
_FILES = "sha256sum /etc/shop-celery/environment /etc/shop-celery/secrets"

#: A task that a deploy brings.
FRESH = "@shared_task\ndef fresh() -> int:\n    return 1\n"


def git(*arguments: str) -> str:
    """Run git in the repository that is deployed."""
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(message: str, **texts: str) -> str:
    """Commit files whose names have two underscores for a slash; return the commit."""
    for name, text in texts.items():
        file = REPOSITORY / (name.replace("__", "/") + ".py")
        file.write_text(text, encoding="utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", message)
    return git("rev-parse", "HEAD")


def good() -> None:
    """Let what is committed be what each test begins from."""
    git("tag", "--force", "good")


def begin_again() -> None:
    """Take back what a test has committed that was not good."""
    git("reset", "--quiet", "--hard", "good" if git("tag", "--list", "good") else "start")


def tasks(more: str = "") -> str:
    """Return the module of the load's tasks with more code at its end."""
    return f"{git('show', 'start:load/tasks.py')}\n{more}"


def urls(more: str) -> str:
    """Return the module of the site's URLs with more code at its end."""
    return f"{git('show', 'start:shop/urls.py')}\n{more}"


def deploy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a deploy, whatever becomes of it."""
    begun = time.monotonic()
    done = play(INVENTORY, *arguments, "celeriac.django.deploy")
    print(f"deploy ended with status {done.returncode} after {time.monotonic() - begun:.0f} s")
    return done


def begin(*until: str) -> subprocess.Popen[str]:
    """Start a deploy, and return it when it has printed one of these.

    Raises:
        AssertionError: It never did.
    """
    process = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"--inventory={INVENTORY}",
            "celeriac.django.deploy",
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_PIPELINING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    seen = []
    for line in process.stdout:
        seen.append(line)
        if any(text in line for text in until):
            return process
    raise AssertionError(f"it never came to {until}: {''.join(seen)[-3000:]}")


def released(host: str) -> set[str]:
    """Return the releases that the active units of a host have started from."""
    units = run(host, STATES).split()
    folders = run(host, f"systemctl show --property=WorkingDirectory --value {' '.join(units)}").split()
    return {folder.removeprefix("/srv/shop/releases/") for folder in folders}


def current(host: str = HOSTS[0]) -> str:
    """Return the release that was proven last."""
    return run(host, "basename $(readlink /srv/shop/current)")


def runs() -> str:
    """Return the release that all that runs in the fleet has started from.

    Raises:
        AssertionError: There are several, or a unit is missing.
    """
    found = {name for host in HOSTS for name in (*released(host), current(host))}
    assert len(found) == 1, found
    kinds = [sorted(unit.partition("@")[0] for unit in run(host, STATES).split()) for host in HOSTS]
    workers = ["shop-worker-default", "shop-worker-late"]
    assert kinds == [["shop-beat.service", "shop-web", *workers], workers]
    return found.pop()


def refused(*texts: str, arguments: tuple[str, ...] = ()) -> str:
    """See that a deploy fails and says why, and that the fleet is what it was; return what was printed."""
    before = runs()
    files = [run(host, _FILES) for host in HOSTS]
    done = deploy(*arguments)
    assert done.returncode != 0, done.stdout[-3000:]
    last = flat(done.stdout[done.stdout.rindex("Undo | Say why it failed") :])
    for text in texts:
        assert text in last
    assert f"The hosts run {before} as before." in last
    assert runs() == before
    assert files == [run(host, _FILES) for host in HOSTS]
    return done.stdout


class Trial:
    """Numbered tasks and requests all the time; at the end, nothing is lost."""

    def __init__(self, name: str) -> None:
        """Take what the lines call it."""
        self.name = name
        url = run(HOSTS[0], '. /etc/shop-celery/secrets; echo "$CELERY_BROKER_URL"')
        self.load = Load("redis", HOSTS[0], url, SERVER, "shop", python="/root/sender/bin/python")

    @contextmanager
    def goes_on(self, seconds: float) -> Iterator[Load]:
        """Send for as long as the block runs, at most for these seconds."""
        # A copy of the packages: the release may be pruned meanwhile.
        place = run(HOSTS[0], "readlink -f /srv/shop/current/.venv")
        run(HOSTS[0], f"rm -rf /root/sender; cp -a {place} /root/sender")
        self.load.start()
        window = Window(self.name, time.time())
        with requests(SITES, SOCKET, seconds) as found:
            yield self.load
        window.end = time.time()
        self.load.stop()
        self._count(window, found)

    def _count(self, window: Window, found: dict[str, Requests]) -> None:
        settle(60, lambda: len({number for number, _at in self.load.done()}) == len(self.load.sent()))
        sent, done = self.load.sent(), self.load.done()
        counts = {queue: Count.of(window, queue, sent, done) for queue in ("celery", "late")}
        for queue, count in counts.items():
            print(f"fault {self.name}/{queue} broker redis: {count}")
        for host, told in found.items():
            print(f"fault {self.name}/site {host}: {told} {' '.join(sorted(set(told.failed)))}")
        for count in counts.values():
            assert count.sent > 50
            assert count.lost == 0
        for told in found.values():
            assert told.answered > 50
            assert not told.failed
