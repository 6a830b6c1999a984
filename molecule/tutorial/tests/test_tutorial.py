# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the tutorial is run, and prints what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.playbooks import ROOT

HOST = "celeriac-tutorial"
PAGE = ROOT / "docs/tutorial.md"
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$|^## ([^\n]*)$", re.MULTILINE | re.DOTALL)
#: What the tests have instead of Galaxy.
_INSTALL = "ansible-galaxy collection install celeriac.django"


@dataclass
class Step:
    """Commands, and the lines that they have to print."""

    title: str
    commands: str
    lines: list[str]


def steps() -> list[Step]:
    """Return the steps of the page."""
    found: list[Step] = []
    title = ""
    for kind, text, heading in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        title = heading or title
        if kind == "sh":
            found.append(Step(title, text, []))
        elif kind == "text":
            found[-1].lines += text.splitlines()
    return found


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the built collection is on the host."""
    folder = tmp_path_factory.mktemp("built")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run(
        [galaxy, "collection", "build", "--output-path", folder], cwd=ROOT, check=True, capture_output=True
    )
    [built] = folder.glob("*.tar.gz")
    subprocess.run(["podman", "cp", built, f"{HOST}:/home/reader/{built.name}"], check=True)
    return f"/home/reader/{built.name}"


def run(commands: str) -> tuple[int, str]:
    """Run commands as the reader does, in the folder and the virtualenv of those before."""
    there = (
        'cd "$(cat ~/.place 2>/dev/null || echo ~)"; [ ! -e ~/tools/bin/activate ] || . ~/tools/bin/activate'
    )
    script = f"{there}; set -e\n{commands}\npwd > ~/.place"
    done = subprocess.run(
        ["podman", "exec", HOST, "runuser", "-l", "reader", "-c", f"bash -c {shlex.quote(script)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=900,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_tutorial(tarball: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step ends well, and prints its lines."""
    assert len(steps()) > 10
    begin = time.monotonic()
    for step in steps():
        started = time.monotonic()
        status, output = run(
            step.commands.replace(_INSTALL, f"ansible-galaxy collection install --no-deps {tarball}")
        )
        with capsys.disabled():
            print(f"\n{step.title}: {time.monotonic() - started:.0f} s", flush=True)
        assert status == 0, output
        printed = [" ".join(line.split()) for line in output.splitlines()]
        for line in step.lines:
            wanted = " ".join(line.split())
            assert any(wanted in one for one in printed), f"{line!r} is not in:\n{output}"
    with capsys.disabled():
        print(f"\nthe tutorial: {(time.monotonic() - begin) / 60:.1f} minutes")
