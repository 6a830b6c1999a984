# SPDX-License-Identifier: GPL-3.0-or-later
"""The short form of the faults: nothing may get lost, and no gap may be longer than it has to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lab.hosts import code_in_project

FAULTS = Path(__file__).parents[1] / "faults.py"


def test_units_are_in_a_sandbox(host: Any) -> None:
    """systemd finds little that workers and beat could do to the host."""
    listed = host.check_output(
        "systemctl list-units --plain --no-legend --state=active 'shop-worker-*' 'shop-beat*'"
    )
    for line in listed.splitlines():
        unit = line.split()[0]
        answer = host.check_output(f"systemd-analyze security --no-pager {unit}").splitlines()[-1]
        exposure = float(answer.rpartition(":")[2].split()[0])
        assert exposure <= 2.0, answer


def test_secrets_come_as_credentials(host: Any) -> None:
    """The service's user can read no file with them, and they are in no process's environment."""
    assert host.run("sudo -u shop cat /etc/shop-celery/secrets").rc != 0
    main = host.check_output("systemctl show -P MainPID 'shop-worker-default@*'").split()[0]
    given = host.check_output(f"tr '\\0' '\\n' < /proc/{main}/environ")
    assert "CREDENTIALS_DIRECTORY=" in given
    assert "SECRET_KEY" not in given


@pytest.mark.parametrize("pool", ["default", "late"])
def test_ordinary_task_code_works(pool: str, host: Any) -> None:
    """Network, temporary files, programs, threads and large processes, in a task of each pool."""
    queue = {"default": "celery", "late": "late"}[pool]
    code = (
        "from load.tasks import everyday; "
        f"print('answer:', everyday.apply_async(queue='{queue}').get(timeout=60))"
    )
    assert "answer: fine" in host.check_output("bash -c %s", code_in_project(code))


def test_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """All faults of the short form, on all hosts at once: this asks for no host, or it would run for each."""
    with capsys.disabled():
        print()
        assert subprocess.run([sys.executable, str(FAULTS)], check=False).returncode == 0
