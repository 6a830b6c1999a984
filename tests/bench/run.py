# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure, side by side in one run, what the playbook costs on one Debian 13 host.

Prints every single time, and at the end the lines ``noop_ratio: N`` (a run that changes nothing,
against a play that only gathers facts over the same connection), ``cold_ratio: N`` (a first run with
all its proofs, against a script by hand that uses uv; ``cold_ratio_pip`` where it uses pip) and
``demo_seconds: N`` (a fresh `make demo` with warm caches). Each is a median.
"""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "tests/bench/inventory"
HOST = "celeriac-bench"
ROUNDS = 3

GIVEN = yaml.safe_load((INVENTORY / "group_vars/molecule/celery.yml").read_text())
ENVIRONMENT = {
    **GIVEN["celery_environment"],
    **GIVEN["celery_secrets"],
    "CELERY_BROKER_URL": GIVEN["celery_broker_url"],
    "DJANGO_SETTINGS_MODULE": "shop.settings.production",
}


def run(command: list[str], **options: object) -> str:
    """Run a command to its end; show its output if it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command[:4])} … failed:\n{done.stdout}")
    return str(done.stdout)


def play(playbook: str, *arguments: str) -> str:
    """Run a playbook on the host of the benchmark."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return run([program, f"--inventory={INVENTORY}", *arguments, playbook])


def on_host(script: str) -> str:
    """Run a line on the host as root."""
    return run(["podman", "exec", HOST, "bash", "-c", script])


def timed(name: str, action: Callable[[], object]) -> float:
    """Run an action, and print and return the seconds that it took."""
    started = time.monotonic()
    action()
    seconds = time.monotonic() - started
    print(f"{name} {seconds:.2f} s", flush=True)
    return seconds


def clean() -> None:
    """Bring the host back to before any of the cold runs: no packages, no caches, no tables."""
    on_host(
        "systemctl disable --quiet --now by-hand-worker by-hand-beat 2>/dev/null; "
        "rm -rf /opt/by-hand /etc/systemd/system/by-hand-* ~/.cache /tmp/by-hand; "
        "systemctl daemon-reload; "
        "sudo -u postgres psql -q shop -c 'DROP SCHEMA public CASCADE' "
        "-c 'CREATE SCHEMA public AUTHORIZATION shop'; "
        "find /srv/shop -name __pycache__ -prune -exec rm -rf {} +"
    )


def by_hand(installer: str) -> None:
    """Run the script that somebody would write for one host."""
    script = (ROOT / "tests/bench/by_hand.sh").read_text()
    given = [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
    subprocess.run(
        ["podman", "exec", "--interactive", *given, HOST, "bash", "-s", installer],
        input=script,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def demo() -> float:
    """Time a fresh demo in a copy of the clone whose .venv is there already."""
    copy = ROOT / ".cache/bench-demo"
    run(["tools/copy-tree", str(copy)])
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    make = ["make", "-C", str(copy), f"PYTHON={sys.executable}"]
    run([*make, ".venv/.demo-ready"], env=environ)
    times = []
    for _round in range(ROUNDS):
        run(["rm", "-rf", str(copy / ".demo")])
        times.append(timed("demo", lambda: run([*make, "demo"], env=environ)))
    return statistics.median(times)


def main() -> None:
    """Measure everything."""
    play("molecule/default/create.yml")
    try:
        play("molecule/default/prepare.yml")
        cold, gather, noop = [], [], []
        scripts: dict[str, list[float]] = {"uv": [], "pip": []}
        for _round in range(ROUNDS):
            clean()
            cold.append(timed("cold integrate.yml", lambda: play("celeriac.django.integrate")))
            for _again in range(ROUNDS):
                gather.append(timed("gather facts", lambda: play("tests/bench/gather.yml")))
                noop.append(timed("no-op integrate.yml", lambda: play("celeriac.django.integrate")))
            play("celeriac.django.remove")
            play("celeriac.django.integrate", "--tags=project")
            for installer, times in scripts.items():
                clean()
                name = f"by hand with {installer}"
                times.append(timed(name, lambda installer=installer: by_hand(installer)))  # type: ignore[misc]
            play("celeriac.django.remove")
    finally:
        play("molecule/default/destroy.yml")
    seconds = demo()
    median = statistics.median
    print(f"noop_ratio: {median(noop) / median(gather):.2f}")
    print(f"cold_ratio: {median(cold) / median(scripts['uv']):.2f}")
    print(f"cold_ratio_pip: {median(cold) / median(scripts['pip']):.2f}")
    print(f"demo_seconds: {seconds:.1f}")


if __name__ == "__main__":
    main()
