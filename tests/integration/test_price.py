# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run costs, counted and not timed: a change that raises a number here has to say why."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Deployment


@dataclass(frozen=True)
class Price:
    """What a run has sent to a host, and started there."""

    #: Modules that were executed.
    modules: int
    #: Bytes of all of them together, with what they import and their arguments.
    payload: int
    #: Starts of the project's Python that start Django, other than workers and beat.
    starts: int
    #: Tasks that did something.
    tasks: int
    #: Tasks that are shown, those that are skipped among them.
    shown: int


#: The most that they may be. A run that changes nothing looks and visits. Inside of the project there are its
#: questions, the proofs and, beside these, what the settings of the web say; under systemd, questions come
#: with the proofs, and it is one less. The starts of a cold run cannot be noted: its packages are to come.
#: The site and the proofs over the fleet took the bytes of a no-op run above 900,000; commands, metrics and
#: releases took them above 950,000, and those of a cold run above 2,400,000.
MOST = {"no-op": Price(2, 965_000, 3, 8, 15), "cold": Price(8, 2_450_000, 0, 15, 33)}


@pytest.fixture
def counted(deployment: Deployment, tmp_path: Path) -> Deployment:
    """A deployment whose runs leave what they have sent, and note each start of the project's Python."""
    deployment.variables["ansible_remote_tmp"] = str(tmp_path / "sent")
    return deployment


def run(deployment: Deployment) -> Price:
    """Run the playbook, and count."""
    sent = Path(str(deployment.variables["ansible_remote_tmp"]))
    starts = deployment.folder / "starts"
    for old in [*sent.glob("*/AnsiballZ_*"), starts]:
        old.unlink(missing_ok=True)
    environ = {
        **deployment.environ(),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_PIPELINING": "0",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
    }
    done = subprocess.run(
        deployment.command("integrate"), env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout
    modules = list(sent.glob("*/AnsiballZ_*"))
    # Some Pythons read such a line twice.
    noted = set(starts.read_text().split()) if starts.exists() else set()
    did = sum(line.startswith(("ok: [", "changed: [")) for line in done.stdout.splitlines())
    shown = done.stdout.count("\nTASK [")
    return Price(len(modules), sum(file.stat().st_size for file in modules), len(noted), did, shown)


def test_the_price_of_a_run_is_known(counted: Deployment) -> None:
    cold = run(counted)
    (packages,) = (counted.path / ".celery/venv").resolve().glob("lib/python3*/site-packages")
    # Each start of that Python runs this line; those that the modules make have their program in an argument.
    note = f"open({str(counted.folder / 'starts')!r}, 'a').write(f'{{os.getpid()}}\\n')"
    ours = "any('celeriac_scripts' in word for word in sys.orig_argv)"
    (packages / "noted.pth").write_text(f"import os, sys; {ours} and {note}\n")
    noop = run(counted)
    for name, price in (("cold", cold), ("no-op", noop)):
        most = MOST[name]
        for what, number in vars(price).items():
            assert number <= getattr(most, what), f"{name}: {number} {what}, at most {getattr(most, what)}"
    assert noop.modules == MOST["no-op"].modules
    assert noop.starts == MOST["no-op"].starts
