# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure runs that change nothing: with broker and database on the one host, and on ten hosts.

All hosts are on this one machine, so ten of them share its processors, as no ten servers would. Prints every
single time, then ``noop_servers_ratio: N`` (against a play that only gathers facts), ``fleet_ratio: N`` (ten
hosts of workers against one of them) and ``controller_megabytes: N`` (the most that Ansible took on ten).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROUNDS = 3
INTEGRATE = "celeriac.django.integrate"


def play(inventory: Path, playbook: str, *arguments: str) -> tuple[float, float, str]:
    """Run a playbook: the seconds that it took, the megabytes of its largest process, what it printed."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    started = time.monotonic()
    process = subprocess.Popen(
        [program, f"--inventory={inventory}", *arguments, playbook],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    printed = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{playbook} failed:\n{printed}")
    return time.monotonic() - started, usage.ru_maxrss / 1024, printed


@contextmanager
def hosts(name: str) -> Iterator[Path]:
    """Have the hosts of an inventory, with the project on those that run it and all of it set up."""
    inventory = HERE / name / "inventory"
    play(inventory, "molecule/default/create.yml")
    try:
        play(inventory, "molecule/fleet/prepare.yml")
        seconds, _megabytes, _printed = play(inventory, INTEGRATE)
        print(f"{name} cold integrate.yml {seconds:.2f} s", flush=True)
        yield inventory
    finally:
        play(inventory, "molecule/default/destroy.yml")


def noop(inventory: Path, label: str, *arguments: str) -> tuple[float, float]:
    """Run integrate on hosts where it has nothing to do: seconds, and megabytes."""
    seconds, megabytes, printed = play(inventory, INTEGRATE, *arguments)
    if any(line.startswith("changed: [") for line in printed.splitlines()):
        sys.exit(f"a run that should change nothing did:\n{printed}")
    print(f"{label} no-op integrate.yml {seconds:.2f} s, {megabytes:.0f} MB", flush=True)
    return seconds, megabytes


def main() -> None:
    """Measure both."""
    median = statistics.median
    with hosts("allinone") as inventory:
        gather, runs = [], []
        for _round in range(ROUNDS):
            gather.append(play(inventory, "tests/bench/gather.yml")[0])
            runs.append(noop(inventory, "broker and database on the host:")[0])
    print(f"noop_servers_ratio: {median(runs) / median(gather):.2f}", flush=True)
    with hosts("tenfold") as inventory:
        one, ten, megabytes = [], [], []
        for _round in range(ROUNDS):
            one.append(noop(inventory, "one host:", "--limit=celeriac-bench-servers,celeriac-bench-app1")[0])
            seconds, most = noop(inventory, "ten hosts:")
            ten.append(seconds)
            megabytes.append(most)
    print(f"fleet_ratio: {median(ten) / median(one):.2f}")
    print(f"controller_megabytes: {max(megabytes):.0f}", flush=True)


if __name__ == "__main__":
    main()
