# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the memory of a prefork pool, ours against one as Celery's page "First steps with Django" has it.

Both run `examples/shop` with the same versions of everything, by a Redis and a PostgreSQL of this script's
own: a main process and eight children, after 2,000 tasks of several kinds. What is added up is the
proportional set size (PSS in smaps_rollup): a page that processes share counts once.

Prints it for each Python that was given, then ``memory_ratio: N``, the worst of them, and the same for a pool
that replaces its processes and for one that grows with the load.
usage: run.py PYTHON …
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CHILDREN = 8
TASKS = 2000
KINDS = ("nothing", "query", "rows", "letter", "page", "work")
PACKAGES = (
    "Django>=5.2,<5.3",
    "dj-database-url>=3.0",
    "celery[redis]>=5.7,<6",
    "hiredis>=3",
    "django-celery-beat>=2.9",
    "django-celery-results>=2.6",
    "psycopg[binary]>=3.2",
)
#: With a PostgreSQL; the image of the test hosts.
IMAGE = "localhost/celeriac-servers:bookworm"
#: What each contender's worker is started with, besides what the variants change.
OURS = {"CELERY_KEEP_CONNECTIONS": "1", "CELERY_SHARE_MEMORY": "1", "CELERY_SELF_CHECK": "1"}
#: Pools that are looked at: what `celery worker` is given besides.
VARIANTS: dict[str, list[str]] = {
    "": [f"--concurrency={CHILDREN}"],
    "max_tasks_per_child": [f"--concurrency={CHILDREN}", "--max-tasks-per-child=40"],
    "autoscale": [f"--autoscale={CHILDREN},2"],
}
PLAIN = """
import os
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""
#: Run inside a contender: sends tasks, waits until they are done, tells which modules its children have.
SEND = """
import json, sys, time
from celery.app.utils import find_app
app = find_app("shop")
app.loader.import_default_modules()
def until(what, seconds=300):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "the tasks were not done in time"
        time.sleep(0.2)
def done():
    answers = app.control.inspect(timeout=2).stats() or {}
    return sum(sum(stats["total"].values()) for stats in answers.values())
until(app.control.ping)
number, kinds, children = json.loads(sys.argv[1])
before = done()
with app.pool.acquire(block=True) as connection:
    producer = app.amqp.Producer(connection)
    for count in range(number):
        app.tasks["orders.tasks." + kinds[count % len(kinds)]].apply_async(producer=producer)
until(lambda: done() >= before + number)
until(lambda: not any((app.control.inspect(timeout=2).active() or {"": 1}).values()))
"""


def run(command: list[str], **options: object) -> str:
    """Run a command to its end; show its output if it fails."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:4])} … failed:\n{done.stdout}")
    return str(done.stdout)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run a Redis for as long as it takes: its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Debian's package redis-tools has it, under the name of another thing that the same file does.
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(words, executable=shutil.which("redis-check-rdb"), stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL for as long as it takes: the URL of its server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = (
        "export PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; cd /tmp; "
        f"initdb --auth=trust data && exec postgres -D data -p {port} -h 127.0.0.1 -k /tmp"
    )
    options = ["--detach", "--rm", "--network=host", "--user=postgres"]
    container = run(["podman", "run", *options, IMAGE, "bash", "-c", script]).split()[-1]
    try:
        ready = ["podman", "exec", container, "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, 60)
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        run(["podman", "rm", "--force", "--time=1", container])


@contextlib.contextmanager
def servers() -> Iterator[tuple[str, str, str]]:
    """Run a Redis and a PostgreSQL, and give their URLs, and a folder."""
    with redis() as url, postgresql() as server, tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        yield url, server, folder


def virtualenv(python: str) -> tuple[Path, str]:
    """Return the Python of a virtualenv with all that both need, and its version."""
    version = run([python, "-c", "import platform; print(platform.python_version())"]).strip()
    folder = ROOT / ".cache/bench" / f"python-{version}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", str(folder)])
        run([str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *PACKAGES])
        (folder / "ready").touch()
    return folder / "bin/python", version


class Contender:
    """A checkout, and the worker that runs from it."""

    def __init__(self, name: str, folder: Path, python: Path, url: str, server: str) -> None:
        """Make the checkout."""
        self.name, self.path, self.python, self.url = name, folder / name, python, url
        self.database = f"{server}/{name}"
        self.ours = name == "ours"
        self.variables: dict[str, str] = OURS if self.ours else {}
        shutil.copytree(ROOT / "examples/shop", self.path)
        shutil.copy(HERE / "tasks.py", self.path / "orders/tasks.py")
        if self.ours:
            self._integrate(folder)
        else:
            (self.path / "shop/celery.py").write_text(PLAIN)
            (self.path / "shop/__init__.py").write_text(
                "from .celery import app as celery_app\n\n__all__ = ('celery_app',)\n"
            )
            settings = self.path / "shop/settings/base.py"
            settings.write_text(
                f"{settings.read_text()}\nimport os\nCELERY_BROKER_URL = os.environ['CELERY_BROKER_URL']\n"
                "CELERY_TASK_TRACK_STARTED = True\nCELERY_TASK_TIME_LIMIT = 30 * 60\n"
            )
        connect = f"import psycopg; psycopg.connect('{server}/postgres', autocommit=True)"
        run([str(python), "-c", f"{connect}.execute('CREATE DATABASE {name}')"])
        run([str(python), "manage.py", "migrate", "--verbosity=0"], cwd=self.path, env=self.environment())

    def _integrate(self, folder: Path) -> None:
        given = {
            "celery_project_path": str(self.path),
            "celery_broker_url": self.url,
            "celery_result_backend": "none",
            "celery_beat_scheduler": "file",
        }
        playbook = str(Path(sys.executable).with_name("ansible-playbook"))
        run(
            [
                *(playbook, "--inventory=localhost,", "--connection=local", "--tags=project"),
                f"--extra-vars={json.dumps({**given, 'ansible_python_interpreter': sys.executable})}",
                "celeriac.django.integrate",
            ],
            cwd=ROOT,
        )
        shutil.copytree(ROOT / "runtime", folder / "runtime", dirs_exist_ok=True)
        rabbitmq = ROOT / "templates/project/package/celery_ops/rabbitmq.py"
        shutil.copy(rabbitmq, folder / "runtime/celeriac_service")

    def environment(self) -> dict[str, str]:
        """Return the environment of its processes."""
        return {
            "PATH": f"{self.python.parent}:{os.defpath}",
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "shop.settings.production",
            "SECRET_KEY": "a secret of the benchmark alone",
            "DATABASE_URL": self.database,
            "ALLOWED_HOSTS": "testserver",
            "CELERY_BROKER_URL": self.url,
            "CELERY_STATE_PATH": str(self.path),
        }

    @contextlib.contextmanager
    def worker(self, arguments: list[str]) -> Iterator[int]:
        """Run its worker: the id of its main process."""
        program = [str(self.path.parent / "runtime/launch.py")] if self.ours else ["-m", "celery"]
        more = ["--without-gossip", "--without-mingle"] if self.ours else []
        words = [str(self.python), *program, "-A", "shop", "worker", "--loglevel=INFO", *arguments, *more]
        with (self.path / "log").open("ab") as log:
            process = subprocess.Popen(
                words, cwd=self.path, env={**self.environment(), **self.variables}, stdout=log, stderr=log
            )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(60)

    def tasks(self, number: int, kinds: tuple[str, ...]) -> None:
        """Send tasks of several kinds, and wait until all are done."""
        job = json.dumps([number, kinds, CHILDREN])
        run([str(self.python), "-c", SEND, job], cwd=self.path, env=self.environment())


def children(parent: int) -> list[int]:
    """Return the processes that a process has forked."""
    return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def pss(process: int) -> float:
    """Return the megabytes that a process has for itself, with its part of what it shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(contender: Contender, arguments: list[str]) -> tuple[float, float, float]:
    """Return the megabytes of all processes, of the main one and of the median child, after the tasks."""
    with contender.worker(arguments) as main:
        contender.tasks(TASKS, KINDS)
        each = sorted(pss(child) for child in children(main))
        own = pss(main)
    return own + sum(each), own, each[len(each) // 2]


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("what was waited for did not come")
        time.sleep(0.1)


def main() -> None:
    """Measure each Python that was given."""
    ratios: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for python, version in map(virtualenv, sys.argv[1:]):
        for variant, arguments in VARIANTS.items():
            with (
                redis() as url,
                postgresql() as server,
                tempfile.TemporaryDirectory(prefix="celeriac-bench-") as folder,
            ):
                found = {}
                for number, name in enumerate(("plain", "ours")):
                    contender = Contender(name, Path(folder), python, f"{url}/{number}", server)
                    found[name] = measure(contender, arguments)
                    print(
                        f"memory {name} {variant} Python {version}: {found[name][0]:.0f} MB, "
                        f"main {found[name][1]:.0f}, a child {found[name][2]:.1f}",
                        flush=True,
                    )
            ratio = found["ours"][0] / found["plain"][0]
            print(f"memory_ratio {variant} Python {version}: {ratio:.2f}", flush=True)
            ratios[variant].append(ratio)
    for variant, found_ratios in ratios.items():
        print(f"{'_'.join(filter(None, ('memory_ratio', variant)))}: {max(found_ratios):.2f}")


if __name__ == "__main__":
    main()
