# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages, the environment and the checkout: killed at any moment, on a full disk, and in a power cut.

How often is in the variable CELERIAC_KILLS; `make soak SOAK=kills` does it 200 times.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import change, integration
from ansible_collections.celeriac.django.plugins.module_utils._runtime import (
    environment_file,
    ownership,
    packages,
    removal,
    uv,
)
from ansible_collections.celeriac.django.plugins.module_utils._runtime.builder import Builder
from ansible_collections.celeriac.django.plugins.module_utils._runtime.interpreter import Interpreter

TIMES = int(os.environ.get("CELERIAC_KILLS", "16"))
#: The files of the one package that there is.
FILES = 24
RECORD = "shop/celery_ops/integration.json"

#: As the real one, it replaces the files of a package one by one, and never changes one.
UV = """#!{python} -IS
import os, pathlib, sys
if sys.argv[1] == "--version":
    sys.exit(0)
if sys.argv[1] == "venv":
    venv = pathlib.Path(sys.argv[-1])
    (venv / "lib/python3.11/site-packages").mkdir(parents=True, exist_ok=True)
    (venv / "bin").mkdir(exist_ok=True)
    for name in ("bin/python", "pyvenv.cfg"):
        (venv / name).write_text(name)
    sys.exit(0)
version = sys.argv[-1].partition("==")[2]
packages = pathlib.Path(sys.argv[sys.argv.index("--python") + 1]).parents[1] / "lib/python3.11/site-packages"
old = list(packages.glob("thing-*.dist-info"))
(packages / ("thing-" + version + ".dist-info")).mkdir(exist_ok=True)
(packages / "thing").mkdir(exist_ok=True)
for number in range({files}):
    file = packages / "thing" / (str(number) + ".py")
    if file.exists():
        file.unlink()
    file.write_text(version * 500)
for info in old:
    if version not in info.name:
        info.rmdir()
sys.stderr.write(" + thing==" + version + chr(10))
"""


def install(top: Path, version: str) -> list[str]:
    """Brings the environment to a version of the package."""
    wanted = packages.Wanted(
        venv=top / "state/venv",
        interpreter=Interpreter(sys.executable, (3, 11, 2), has_ensurepip=False),
        files=[],
        specs=[f"thing=={version}"],
        tools=top / "state/bin",
    )

    def see(python: Path) -> None:
        assert whole(python.parents[1]) == version

    return packages.install(wanted, False, see, Builder(os.geteuid(), os.getegid()))


def whole(venv: Path) -> str:
    """Returns the version that all files of an environment have."""
    found = venv / "lib/python3.11/site-packages/thing"
    contents = {(found / f"{number}.py").read_text() for number in range(FILES)}
    assert len(contents) == 1
    [version] = contents
    return version[: len(version) // 500]


def configure(top: Path, version: str) -> list[str]:
    """Writes the environment and the secrets, as the module does."""
    (top / "etc").mkdir(exist_ok=True)
    belongs = ownership.Belongs("", "", 0o640)
    texts = {
        name: environment_file.dump({name.upper(): version * 900}) for name in ("environment", "secrets")
    }
    return [name for name, text in texts.items() if ownership.file(top / "etc" / name, text, belongs, False)]


def configured(top: Path) -> list[str]:
    """Returns the version that each file has."""
    found = []
    for name in ("environment", "secrets"):
        text = (top / "etc" / name).read_bytes().decode()
        [value] = environment_file.load(text).values()
        assert len(value) % 900 == 0
        assert text == environment_file.dump({name.upper(): value})
        found.append(value[: len(value) // 900])
    return found


def integrate(top: Path, version: str) -> list[str]:
    """Puts a version of the integration into the checkout; an empty one takes it out."""

    def compute(read: integration.Reader) -> integration.Change:
        if not version:
            return integration.remove(top / "shop", RECORD, read)
        files = {f"shop/celery_ops/{number}.py": f"version = {version!r}\n" * 99 for number in range(12)}
        blocks = {"settings.py": {"lines": f"version = {version!r}", "hint": ""}}
        return integration.integrate(top / "shop", RECORD, files, blocks, read)

    return change.change(top / "shop", compute, lambda _files: None, False).files


WORK: dict[str, Callable[[Path, str], list[str]]] = {
    "packages": install,
    "environment": configure,
    "checkout": integrate,
}


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all of it is, with a uv on the PATH."""
    prepare(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path


def prepare(top: Path) -> None:
    """Makes what is there before the first run."""
    (top / "path").mkdir(parents=True)
    (top / "path/uv").write_text(UV.format(python=sys.executable, files=FILES))
    (top / "path/uv").chmod(0o755)
    (top / "shop").mkdir()
    (top / "shop/settings.py").write_text("INSTALLED_APPS = []\n")


def state(top: Path) -> dict[str, object]:
    """Returns all files that a run may leave, with what is in them, and links."""
    found: dict[str, object] = {}
    for folder in ("state", "etc", "shop"):
        for path in sorted((top / folder).rglob("*")):
            name = str(path.relative_to(top))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file() and "/venv.d/" not in name:
                found[name] = path.read_bytes()
    return found


def disturbed(kind: str, top: Path) -> Iterator[list[tuple[int, int]]]:
    """Kills runs that go to one version and the other in turns, each time at a random moment.

    Yields:
        what was made sure to be on the disk: when, and the number of a file, or 0 for all.
    """
    chance = random.Random(kind)  # noqa: S311 - for a moment, not for a secret
    for _number in range(TIMES):
        (top / "synced").write_text("")
        process = subprocess.Popen(
            [sys.executable, __file__, kind, str(top)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout
        said = process.stdout.readline()
        begin = time.monotonic()
        said += process.stdout.readline()
        time.sleep(chance.uniform(0, 2 * (time.monotonic() - begin)))
        os.killpg(process.pid, signal.SIGKILL)
        said += process.stdout.read()
        assert process.wait(20) == -signal.SIGKILL, said
        lines = map(str.split, (top / "synced").read_text().splitlines())
        yield [(int(moment), int(inode)) for moment, inode in lines]


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves time: here, no power is cut."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    monkeypatch.setattr(os, "sync", lambda: None)


def is_whole(kind: str, top: Path) -> bool:
    """Tells whether what is in use is of one version, each file."""
    if kind == "packages":
        return whole(top / "state/venv") in ("1", "2")
    return kind != "environment" or set(configured(top)) <= {"1", "2"}


@pytest.mark.usefixtures("no_sync")
@pytest.mark.parametrize("kind", list(WORK))
def test_killed_at_any_moment(kind: str, top: Path, tmp_path: Path) -> None:
    """The next run ends as an undisturbed one, the one after it changes nothing, removal leaves nothing."""
    work, killed = WORK[kind], 0
    work(top, "1")
    prepare(tmp_path / "undisturbed")
    work(tmp_path / "undisturbed", "1")
    for _synced in disturbed(kind, top):
        killed += 1
        assert is_whole(kind, top)
        work(top, "1")
        assert work(top, "1") == []
        if kind == "packages":
            assert whole(top / "state/venv") == "1"
            assert len(list((top / "state/venv.d").iterdir())) <= 3
        else:
            assert state(top) == state(tmp_path / "undisturbed")
    print(f"{kind}: killed at {killed} random moments")
    if kind == "checkout":
        integrate(top, "")
        assert [path.name for path in (top / "shop").iterdir()] == ["settings.py"]
        assert (top / "shop/settings.py").read_text() == "INSTALLED_APPS = []\n"


def files(top: Path) -> dict[tuple[int, int], Path]:
    """Returns all files that runs have made, by their number and the time when they were written."""
    found = [path for folder in ("state", "etc") for path in (top / folder).rglob("*")]
    real = {path: path.lstat() for path in found if path.is_file() and not path.is_symlink()}
    return {(status.st_ino, status.st_mtime_ns): path for path, status in real.items()}


def cut_power(top: Path, before: set[tuple[int, int]], synced: list[tuple[int, int]]) -> int:
    """Empties what was not on the disk for sure, and returns how many files that were.

    Names are there, as they may be: file systems write them down before what the files hold.
    """
    lost = 0
    for (inode, written), path in files(top).items():
        safe = any(moment >= written and number in (0, inode) for moment, number in synced)
        if (inode, written) not in before and not safe and path.stat().st_size:
            os.truncate(path, 0)
            lost += 1
    return lost


@pytest.mark.usefixtures("no_sync")
@pytest.mark.parametrize("kind", ["packages", "environment"])
def test_a_power_cut_at_any_moment(kind: str, top: Path) -> None:
    """What was not fsynced is empty; what is in use is whole, and the next run mends the rest."""
    work, cuts, lost = WORK[kind], 0, 0
    work(top, "1")
    before = set(files(top))
    for synced in disturbed(kind, top):
        cuts += 1
        lost += cut_power(top, before, synced)
        assert is_whole(kind, top)
        work(top, "1")
        assert work(top, "1") == []
        assert is_whole(kind, top)
        before = set(files(top))
    print(f"{kind}: {cuts} power cuts, with which {lost} files were lost")
    assert lost or kind == "environment"  # two files are seldom on their way


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small file system."""
    (tmp_path / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path / "disk")],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    prepare(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    yield tmp_path / "disk"
    subprocess.run(["umount", str(tmp_path / "disk")], check=True)


def fill(disk: Path, pages: int) -> None:
    """Leaves so many pages of 4 KiB free."""
    room = os.statvfs(disk)
    with open(disk / "filler", "wb") as filler:
        filler.write(bytes(max(0, room.f_bavail * room.f_frsize - 4096 * pages)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")
@pytest.mark.usefixtures("no_sync")
@pytest.mark.parametrize("kind", ["packages", "environment"])
def test_a_disk_that_is_full_at_each_page(kind: str, disk: Path) -> None:
    """Whatever is in use stays whole, and once there is room, the next run ends as if there had been."""
    work = WORK[kind]
    work(disk, "1")
    for pages in itertools.count():
        for old in disk.glob("state/venv.d/[0-9a-f]*"):
            if old != (disk / "state/venv").resolve():
                removal.remove(old)  # else there would be room as soon as the next run does so
        fill(disk, pages)
        try:
            work(disk, "2")
        except (uv.PackagesError, ownership.OwnershipError, OSError) as error:
            assert "No space left" in str(error), error  # noqa: PT017 - the last one does not raise
            if kind == "packages":
                assert whole(disk / "state/venv") == "1"
            else:
                assert set(configured(disk)) <= {"1", "2"}
        else:
            break
        (disk / "filler").unlink()
        work(disk, "2")
        assert work(disk, "2") == []
        work(disk, "1")
    print(f"{kind}: the disk was full at {pages} pages")
    assert pages > (FILES if kind == "packages" else 0)
    assert (whole(disk / "state/venv") if kind == "packages" else configured(disk)) in ("2", ["2", "2"])


def test_a_removal_that_was_killed_goes_on(top: Path) -> None:
    install(top, "1")
    (top / "state/venv").unlink()
    assert packages.ours(top / "state/venv") == [top / "state/venv.d"]
    for path in packages.ours(top / "state/venv"):
        removal.remove(path)
    assert list((top / "state").iterdir()) == []


def main(kind: str, top: str) -> None:
    """Is what is killed: it notes what is on the disk for sure."""
    notes = open(Path(top, "synced"), "a", buffering=1, encoding="ascii")  # noqa: SIM115 - to the end

    def noting(*handles: int) -> None:
        # Not done: it would take the longest of all, and the cuts are of the mind.
        notes.write(f"{time.time_ns()} {os.fstat(handles[0]).st_ino if handles else 0}\n")

    os.sync = os.fsync = noting
    print("ready", flush=True)
    for number in itertools.count():
        WORK[kind](Path(top), "21"[number % 2])
        if not number:
            print("once", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
