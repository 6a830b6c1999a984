# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of the project `shop` on a host, as systemd has them."""

from __future__ import annotations

from collections.abc import Iterable

from lab.hosts import run


def _listed(host: str, *options: str) -> list[list[str]]:
    listed = run(host, f"systemctl list-units --plain --no-legend --full {' '.join(options)}", check=False)
    return [line.split()[:4] for line in listed.splitlines()]


def units(host: str) -> dict[str, str]:
    """Return the active instance of each pool of a host."""
    found = [columns[0] for columns in _listed(host, "--state=active", "'shop-worker-*'")]
    return {unit.removeprefix("shop-worker-").partition("@")[0]: unit for unit in found}


def main_process(host: str, unit: str) -> str:
    """Return the number of a unit's main process, 0 where it does not run."""
    return run(host, f"systemctl show -P MainPID '{unit}'")


def processes(host: str) -> dict[str, str]:
    """Return the main process of each active unit of a pool."""
    return {unit: main_process(host, unit) for unit in units(host).values()}


def journal(host: str, unit: str, since: float) -> str:
    """Return the last lines that the journal has of a unit since a time, in seconds since the epoch.

    Without those about single tasks: under load there is nothing else.
    """
    lines = f"journalctl --no-pager --quiet --output=short-iso --since=@{since:.0f} --unit='{unit}'"
    return run(host, f"{lines} | grep -Ev ' (received|succeeded in [^ ]+ .*)$' | tail -n 40")


def healthy(host: str, pools: Iterable[str]) -> bool:
    """Tell whether each pool has one active unit, and no unit of a pool is anything but active or gone."""
    states = [(columns[0], columns[2]) for columns in _listed(host, "--all", "'shop-worker-*@*'")]
    active = sorted(unit.partition("@")[0] for unit, state in states if state == "active")
    return active == sorted(f"shop-worker-{pool}" for pool in pools) and all(
        state in ("active", "inactive") for _unit, state in states
    )
