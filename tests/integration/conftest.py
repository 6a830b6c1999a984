# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the example project, and the playbooks run on it as a user would: by ansible-playbook."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser

from . import pages

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "examples" / "shop"


@dataclass
class Run:
    """A run of a playbook that has ended."""

    returncode: int
    stdout: str

    def message(self) -> str:
        """Return everything that the run printed, with its line breaks folded."""
        return re.sub(r"\s+", " ", self.stdout)

    def changed(self) -> int:
        """Return how many tasks changed something."""
        return sum(int(count) for count in re.findall(r"changed=(\d+)", self.stdout))


@dataclass
class Deployment:
    """A checkout, and how it is deployed from here."""

    path: Path
    folder: Path
    hosts: list[str] = field(default_factory=lambda: ["localhost"])
    groups: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, object] = field(default_factory=dict)
    output: str = ""

    def tree(self) -> dict[str, str]:
        """Return every file of the checkout with its mode and a digest, bytecode left out."""
        return {
            str(file.relative_to(self.path)): f"{file.lstat().st_mode:o} "
            + hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(self.path.rglob("*"))
            if file.is_file() and "__pycache__" not in file.parts
        }

    def command(self, playbook: str, *arguments: str, **variables: object) -> list[str]:
        """Return the command that runs a playbook of the collection."""
        inventory = {
            "all": {
                "hosts": {host: {} for host in self.hosts},
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                },
                "children": {
                    name: {"hosts": {host: {} for host in members}} for name, members in self.groups.items()
                },
            }
        }
        (self.folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
        given = {"celery_project_path": str(self.path), **self.variables, **variables}
        (self.folder / "variables.json").write_text(json.dumps(given))
        return [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"--inventory={self.folder / 'inventory.yml'}",
            f"--extra-vars=@{self.folder / 'variables.json'}",
            *arguments,
            f"celeriac.django.{playbook}",
        ]

    def environ(self) -> dict[str, str]:
        """Return the environment of a run: the tools beside this Python, no colours."""
        tools = str(Path(sys.executable).parent)
        return {
            **os.environ,
            "PATH": os.pathsep.join([tools, os.environ["PATH"]]),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def play(self, playbook: str, *arguments: str, **variables: object) -> Run:
        """Run a playbook of the collection to its end."""
        done = subprocess.run(
            self.command(playbook, *arguments, **variables),
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        self.output = done.stdout
        return Run(done.returncode, done.stdout)

    def integrate(self, *arguments: str, **variables: object) -> Run:
        """Run integrate.yml."""
        return self.play("integrate", *arguments, **variables)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A fresh copy of the example project, deployed with the embedded default."""
    return fresh(tmp_path)


def fresh(folder: Path) -> Deployment:
    """Return such a copy in a folder."""
    path = folder / "shop"
    ignored = shutil.ignore_patterns("__pycache__", "db.sqlite3", ".*_cache", ".celery")
    shutil.copytree(SHOP, path, ignore=ignored)
    variables: dict[str, object] = {
        "celery_service_manager": "none",
        "celery_secrets": {"SECRET_KEY": "shop_test"},
    }
    return Deployment(path, folder, variables=variables)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    return free_port()


@pytest.fixture(scope="session")
def newest_python() -> Path:
    """A Python that Django 6.1 runs with: 3.12 or newer."""
    for name in ("python3.13", "python3.12", "python3.14"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", ""], check=False).returncode == 0:
            return Path(found)
    versions = sorted(Path("~/.pyenv/versions").expanduser().glob("3.1[2-9]*/bin/python3"))
    if not versions:
        pytest.skip("this machine has no Python 3.12 or newer")
    return versions[-1]


@pytest.fixture
def as_nobody(deployment: Deployment) -> dict[str, object]:
    """Variables that make a run read the checkout as a user who may not write to it."""
    if os.geteuid() != 0:
        deployment.path.chmod(0o555)
        return {}
    for folder in [deployment.path, *deployment.path.parents]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder == Path(tempfile.gettempdir()):
            break
    assert pwd.getpwnam("nobody")
    return {
        "ansible_become": True,
        "ansible_become_method": "su",
        "ansible_become_user": "nobody",
        "ansible_become_flags": "-s /bin/sh",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_pipelining": True,
    }


def wait_for(condition: Callable[[], object], limit: float) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it does not within *limit* seconds.
    """
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextlib.contextmanager
def redis_process(port: int, program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `redis-server` or `redis-sentinel` for as long as it takes, from when it listens on the port."""
    # Debian's package redis-tools has both, under the name of another thing that the same file does.
    file = shutil.which("redis-check-rdb")
    assert file, "run `make machine`"
    process = subprocess.Popen([program, *arguments], executable=file, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), 20)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def redis_server(port: int = 0) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a Redis of our own, on any port or on this one: its URL, and its process."""
    port = port or free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with redis_process(port, "redis-server", *arguments) as process:
        yield f"redis://127.0.0.1:{port}", process


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """The URL of a Redis of our own."""
    with redis_server() as (url, _process):
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(pages.chromium())
