# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units change without a gap, and a start that fails costs nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._services import services as _services
from ansible_collections.celeriac.django.plugins.module_utils._services import web
from ansible_collections.celeriac.django.plugins.module_utils._services.systemd import (
    Systemd,
    SystemdError,
)

WORKER = "shop-worker-default@.service"
MAILS = "shop-worker-mails@.service"
BEAT = "shop-beat.service"
TARGET = "shop-celery.target"
UNITS = {WORKER: "worker 1", BEAT: "beat 1", TARGET: "target"}
OLD = b"the code before"
NEW = b"the code now"


def unit(inputs: bytes, text: str = "worker 1", template: str = WORKER) -> str:
    """Returns the name of the instance for these inputs."""
    return _services.instance(template, _services.generation(text, inputs))


# What is decided

#: All is as it should be, for OLD.
RUNNING: dict[str, object] = {
    "units": UNITS,
    "present": UNITS,
    "states": {unit(OLD): "active", BEAT: "active"},
    "enabled": {unit(OLD), BEAT},
    "inputs": OLD,
    "started": {BEAT: _services.generation("beat 1", OLD)},
}

NEW_UNITS = {**UNITS, WORKER: "worker 2"}
MORE_UNITS = {**UNITS, MAILS: "mails 1"}


@pytest.mark.parametrize(
    ("given", "steps", "written"),
    [
        ({}, [], {}),
        (
            {"present": {}, "states": {}, "enabled": set(), "started": {}},
            [f"start {unit(OLD)}", f"restart {BEAT}", f"enable {BEAT}", f"enable {unit(OLD)}"],
            UNITS,
        ),
        (
            {"inputs": NEW},
            [
                f"start {unit(NEW)}",
                f"restart {BEAT}",
                f"drain {unit(OLD)}",
                f"enable {unit(NEW)}",
                f"disable {unit(OLD)}",
            ],
            {},
        ),
        (
            {"units": NEW_UNITS},
            [
                f"start {unit(OLD, 'worker 2')}",
                f"drain {unit(OLD)}",
                f"enable {unit(OLD, 'worker 2')}",
                f"disable {unit(OLD)}",
            ],
            {WORKER: "worker 2"},
        ),
        (
            {
                "states": {unit(OLD): "active", unit(NEW): "deactivating", BEAT: "active"},
            },
            [],
            {},
        ),
        (
            {"states": {unit(OLD): "active", unit(NEW): "failed", BEAT: "active"}},
            [f"forget {unit(NEW)}"],
            {},
        ),
        (
            {"states": {unit(OLD): "active", unit(NEW): "activating", BEAT: "active"}},
            [f"drain {unit(NEW)}"],
            {},
        ),
        ({"states": {unit(OLD): "failed", BEAT: "active"}}, [f"start {unit(OLD)}"], {}),
        ({"states": {unit(OLD): "activating", BEAT: "active"}}, [f"start {unit(OLD)}"], {}),
        ({"states": {BEAT: "active"}}, [f"start {unit(OLD)}"], {}),
        ({"states": {unit(OLD): "active"}}, [f"restart {BEAT}"], {}),
        ({"states": {unit(OLD): "active", BEAT: "failed"}}, [f"restart {BEAT}"], {}),
        ({"started": {}}, [f"restart {BEAT}"], {}),
        (
            {"units": {**UNITS, BEAT: "beat 2"}},
            [f"restart {BEAT}"],
            {BEAT: "beat 2"},
        ),
        ({"enabled": {BEAT}}, [f"enable {unit(OLD)}"], {}),
        ({"enabled": {unit(OLD), unit(NEW), BEAT}}, [f"disable {unit(NEW)}"], {}),
        (
            {"units": MORE_UNITS},
            [
                f"start {unit(OLD, 'mails 1', MAILS)}",
                f"enable {unit(OLD, 'mails 1', MAILS)}",
            ],
            {MAILS: "mails 1"},
        ),
        (
            {
                "present": MORE_UNITS,
                "states": {
                    unit(OLD): "active",
                    BEAT: "active",
                    unit(OLD, "mails 1", MAILS): "active",
                    unit(NEW, "mails 1", MAILS): "deactivating",
                },
                "enabled": {unit(OLD), BEAT, unit(OLD, "mails 1", MAILS)},
            },
            [
                f"stop {unit(OLD, 'mails 1', MAILS)}",
                f"stop {unit(NEW, 'mails 1', MAILS)}",
                f"disable {unit(OLD, 'mails 1', MAILS)}",
            ],
            {MAILS: None},
        ),
        (
            {"units": {WORKER: "worker 1", TARGET: "target"}},
            [f"stop {BEAT}", f"disable {BEAT}"],
            {BEAT: None},
        ),
        ({"present": {**UNITS, TARGET: "old"}}, [], {TARGET: "target"}),
    ],
    ids=[
        "nothing to do",
        "fresh",
        "code changed",
        "unit changed",
        "old one drains already",
        "old one failed",
        "old one in its start",
        "failed",
        "in its start",
        "not running",
        "beat not running",
        "beat failed",
        "beat of unknown age",
        "beat changed",
        "not enabled",
        "old one enabled",
        "pool added",
        "pool removed",
        "beat moved away",
        "target changed",
    ],
)
def test_the_plan(given: dict[str, object], steps: list[str], written: dict[str, str | None]) -> None:
    plan = _services.plan(**{**RUNNING, **given})  # type: ignore[arg-type]
    assert plan.lines() == steps
    assert plan.write == written
    assert bool(plan) == bool(steps or written)


def test_a_generation_is_of_unit_and_inputs() -> None:
    names = {
        _services.generation("a", b"b"),
        _services.generation("a", b"c"),
        _services.generation("c", b"b"),
        _services.generation("ab", b""),
    }
    assert len(names) == 4
    assert all(len(name) == 8 and name.isalnum() for name in names)


# What it is decided by


@pytest.fixture
def inputs(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]) -> _services.Inputs:
    """A checkout, an environment and two files."""
    write_tree(
        tmp_path,
        {
            "base/manage.py": "",
            "base/shop/tasks.py": "1",
            "base/shop/page.html": "1",
            "base/.hidden/x.py": "1",
            "venv/lib/python3.11/site-packages/celery-5.7.0.dist-info/METADATA": "",
            "venv/lib/python3.11/site-packages/celery.py": "1",
            "environment": "A=1",
        },
    )
    files = [tmp_path / "environment", tmp_path / "secrets"]
    return _services.Inputs(tmp_path / "base", tmp_path / "venv", files)


@pytest.mark.parametrize(
    "name",
    [
        "base/shop/tasks.py",
        "base/shop/new.py",
        "venv/lib/python3.11/site-packages/celery-5.8.0.dist-info/METADATA",
        "environment",
        "secrets",
    ],
)
def test_what_counts(
    name: str,
    inputs: _services.Inputs,
    tmp_path: Path,
    write_tree: Callable[[Path, Mapping[str, str]], Path],
) -> None:
    before = inputs.digest()
    assert inputs.digest() == before
    write_tree(tmp_path, {name: "2"})
    assert inputs.digest() != before


@pytest.mark.parametrize("name", ["base/shop/page.html", "base/.hidden/x.py", "base/log.txt"])
def test_what_does_not_count(
    name: str,
    inputs: _services.Inputs,
    tmp_path: Path,
    write_tree: Callable[[Path, Mapping[str, str]], Path],
) -> None:
    before = inputs.digest()
    write_tree(tmp_path, {name: "2"})
    assert inputs.digest() == before


def test_a_file_that_moves_counts(inputs: _services.Inputs, tmp_path: Path) -> None:
    before = inputs.digest()
    (tmp_path / "base/shop/tasks.py").rename(tmp_path / "base/shop/jobs.py")
    assert inputs.digest() != before


# What is done


class FakeSystemd(Systemd):
    """A systemd that keeps its units in a dictionary, and notes what it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.units: dict[str, str] = {}
        self.calls: list[str] = []
        #: Units that do not get ready.
        self.broken: set[str] = set()
        #: What becomes of them: with Restart=always, systemd tries again and again.
        self.left = "activating"
        #: Slices with the units that are in them.
        self.inside: dict[str, str] = {}

    def call(self, *arguments: str) -> str:
        """Does what systemctl would."""
        verb, *rest = arguments
        names = [name for name in rest if not name.startswith("-")]
        if verb == "list-units":
            return "".join(
                f"{name} loaded {state} running A unit, and its words\n"
                for name, state in self.units.items()
                if any(Path(name).match(pattern) for pattern in names)
            )
        if verb == "show":
            return self.inside.get(names[0], "")
        self.calls.append(" ".join([verb, *names]))
        getattr(self, f"_{verb.replace('-', '_')}")(names, "--no-block" in rest)
        return ""

    def _start(self, names: list[str], _later: bool) -> None:
        for name in names:
            template = name.partition("@")[0] + "@.service" if "@" in name else name
            assert (self.folder / template).exists(), f"{name} has no unit file"
            if name in self.broken:
                self.units[name] = self.left
                raise SystemdError(f"systemctl start {name}: it timed out")
            self.units[name] = "active"

    _restart = _start

    def _stop(self, names: list[str], later: bool) -> None:
        for name in names:
            if later:
                self.units[name] = "deactivating"
            elif self.units.get(name) != "failed":
                self.units.pop(name, None)

    def _reset_failed(self, names: list[str], _later: bool) -> None:
        for name in names:
            if name not in self.units:
                raise SystemdError(f"Unit {name} not loaded.")
            if self.units[name] == "failed":
                del self.units[name]

    def _wants(self, name: str) -> Path:
        target = "multi-user.target" if name == TARGET else TARGET
        return self.folder / f"{target}.wants" / name

    def _enable(self, names: list[str], _later: bool) -> None:
        for name in names:
            self._wants(name).parent.mkdir(exist_ok=True)
            self._wants(name).symlink_to(self.folder / name)

    def _disable(self, names: list[str], _later: bool) -> None:
        for name in names:
            self._wants(name).unlink()

    def _daemon_reload(self, names: list[str], _later: bool) -> None:
        assert not names

    def journal(self, unit: str, lines: int) -> str:
        """Returns what the unit wrote last."""
        return f"the last {lines} lines of {unit}"


@pytest.fixture
def systemd(tmp_path: Path) -> FakeSystemd:
    """A systemd with units of others."""
    (tmp_path / "units").mkdir()
    (tmp_path / "units/other-worker-default@.service").write_text("other")
    (tmp_path / "units/shop-web.service").write_text("web")
    fake = FakeSystemd(tmp_path / "units")
    fake.units = {"other-worker-default@11111111.service": "active", "shop-web.service": "active"}
    return fake


@pytest.fixture
def services(systemd: FakeSystemd, tmp_path: Path) -> _services.Services:
    """The services of the project."""
    record = tmp_path / "state/beat-generation"
    return _services.Services("shop", [*_services.PATTERNS], TARGET, systemd, record)


def run(services: _services.Services, units: Mapping[str, str], inputs: bytes) -> list[str]:
    """Plans and applies; returns the steps."""
    plan = services.plan(units, inputs)
    services.apply(plan, units, inputs)
    return plan.lines()


def own(systemd: FakeSystemd) -> dict[str, str]:
    """Returns the units that are loaded, without those of others."""
    return {
        name: state
        for name, state in systemd.units.items()
        if name.startswith("shop-") and name != "shop-web.service"
    }


def test_a_first_run_starts_everything(services: _services.Services, systemd: FakeSystemd) -> None:
    run(services, UNITS, OLD)
    assert own(systemd) == {unit(OLD): "active", BEAT: "active", TARGET: "active"}
    for name, text in UNITS.items():
        assert (systemd.folder / name).read_text() == text
        assert (systemd.folder / name).stat().st_mode & 0o777 == 0o644
    assert systemd.wanted_by(TARGET) == {unit(OLD), BEAT}
    assert systemd.wanted_by("multi-user.target") == {TARGET}
    assert systemd.calls[0] == "daemon-reload"


def test_units_that_a_killed_run_wrote_are_read_before_they_start(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    services.write(UNITS)
    systemd.calls.clear()  # as if it had been killed before it came to this
    run(services, UNITS, OLD)
    started = next(number for number, call in enumerate(systemd.calls) if call.startswith("start"))
    assert "daemon-reload" in systemd.calls[:started]


def test_units_can_be_read_by_all_whatever_the_umask(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    before = os.umask(0o077)
    try:
        run(services, UNITS, OLD)
    finally:
        os.umask(before)
    assert {(systemd.folder / name).stat().st_mode & 0o777 for name in UNITS} == {0o644}


def test_a_second_run_does_nothing(services: _services.Services, systemd: FakeSystemd) -> None:
    run(services, UNITS, OLD)
    systemd.calls.clear()
    plan = services.plan(UNITS, OLD)
    assert not plan
    assert services.diff(plan) == ""
    services.apply(plan, UNITS, OLD)
    assert systemd.calls == []


def test_the_new_is_ready_before_the_old_is_let_go(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    systemd.calls.clear()
    run(services, UNITS, NEW)
    assert own(systemd)[unit(NEW)] == "active"
    assert own(systemd)[unit(OLD)] == "deactivating"
    assert systemd.calls.index(f"start {unit(NEW)}") < systemd.calls.index(f"stop {unit(OLD)}")
    assert systemd.wanted_by(TARGET) == {unit(NEW), BEAT}
    assert run(services, UNITS, NEW) == []


def test_a_drained_host_gets_new_generations_that_do_not_run(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    """systemd starts nothing while the mark is there, and calls that a success."""
    run(services, UNITS, OLD)
    systemd.units.pop(unit(OLD))
    services.drained = True
    assert run(services, UNITS, OLD) == []
    run(services, UNITS, NEW)
    systemd.units.pop(unit(NEW))  # its condition is not met
    assert systemd.wanted_by(TARGET) == {unit(NEW), BEAT}
    assert run(services, UNITS, NEW) == []
    # It is whole, and the old one is gone.
    assert (systemd.folder / unit(NEW)).exists()
    assert not (systemd.folder / unit(OLD)).exists()
    services.drained = False
    assert run(services, UNITS, NEW) == [f"start {unit(NEW)}"]


@pytest.mark.parametrize("left", ["activating", "failed"])
def test_a_start_that_fails_leaves_the_old_alone(
    left: str, services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    systemd.broken, systemd.left = {unit(NEW)}, left
    with pytest.raises(_services.ServiceError) as caught:
        run(services, UNITS, NEW)
    assert f"the last {_services.JOURNAL_LINES} lines of {unit(NEW)}" in str(caught.value)
    assert "What ran before still runs" in str(caught.value)
    assert own(systemd) == {unit(OLD): "active", BEAT: "active", TARGET: "active"}
    # It also comes back after a reboot.
    assert systemd.wanted_by(TARGET) == {unit(OLD), BEAT}


def test_after_a_failure_the_next_run_starts_the_new(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    systemd.broken = {unit(NEW)}
    with pytest.raises(_services.ServiceError):
        run(services, UNITS, NEW)
    systemd.broken.clear()
    run(services, UNITS, NEW)
    assert own(systemd)[unit(NEW)] == "active"
    assert own(systemd)[unit(OLD)] == "deactivating"
    assert run(services, UNITS, NEW) == []


def test_a_beat_that_fails_says_nothing_of_what_still_runs(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    systemd.broken = {BEAT}
    with pytest.raises(_services.ServiceError, match=f"^{BEAT} did not get ready") as caught:
        run(services, UNITS, OLD)
    assert "still runs" not in str(caught.value)
    assert BEAT not in systemd.units
    systemd.broken.clear()
    assert f"restart {BEAT}" in run(services, UNITS, OLD)
    assert run(services, UNITS, OLD) == []


def test_a_pool_that_is_gone_is_stopped_before_its_unit_file_goes(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, MORE_UNITS, OLD)
    systemd.calls.clear()
    run(services, UNITS, OLD)
    gone = unit(OLD, "mails 1", MAILS)
    calls = [f"disable {gone}", f"stop {gone}", "daemon-reload"]
    assert [call for call in systemd.calls if call in calls] == calls
    assert own(systemd) == {unit(OLD): "active", BEAT: "active", TARGET: "active"}
    assert not (systemd.folder / MAILS).exists()
    assert systemd.wanted_by(TARGET) == {unit(OLD), BEAT}
    assert run(services, UNITS, OLD) == []


def test_a_pool_that_is_renamed_leaves_no_gap(services: _services.Services, systemd: FakeSystemd) -> None:
    run(services, UNITS, OLD)
    systemd.calls.clear()
    renamed = {BEAT: "beat 1", TARGET: "target", MAILS: "worker 1"}
    run(services, renamed, OLD)
    new = unit(OLD, "worker 1", MAILS)
    assert systemd.calls.index(f"start {new}") < systemd.calls.index(f"stop {unit(OLD)}")
    assert own(systemd) == {new: "active", BEAT: "active", TARGET: "active"}
    assert not (systemd.folder / WORKER).exists()
    assert run(services, renamed, OLD) == []


def test_where_it_is_asked_for_the_old_ends_before_the_new_starts(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, MORE_UNITS, OLD)
    systemd.calls.clear()
    plan = services.plan(UNITS, NEW)
    services.apply(plan, UNITS, NEW, replace=True)
    old = unit(OLD)
    (stop,) = [call for call in systemd.calls if call.startswith("stop")]
    assert set(stop.split()[1:]) == {old, unit(OLD, "mails 1", MAILS)}
    assert systemd.calls.index(stop) < systemd.calls.index(f"start {unit(NEW)}")
    assert own(systemd) == {unit(NEW): "active", BEAT: "active", TARGET: "active"}
    assert run(services, UNITS, NEW) == []


def test_if_one_pool_does_not_start_none_of_the_new_ones_stays(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, MORE_UNITS, OLD)
    mails = unit(NEW, "mails 1", MAILS)
    systemd.broken = {mails}
    with pytest.raises(_services.ServiceError):
        run(services, MORE_UNITS, NEW)
    states = own(systemd)
    assert states[unit(OLD)] == states[unit(OLD, "mails 1", MAILS)] == "active"
    assert states[unit(NEW)] == "deactivating"
    assert mails not in states


def test_other_files_are_written_before_anything_starts(
    services: _services.Services, systemd: FakeSystemd, tmp_path: Path
) -> None:
    launcher, mails = tmp_path / "state/launch.py", tmp_path / "state/pool-mails"
    launcher.parent.mkdir()
    mails.write_text("A=1")
    plan = services.plan(UNITS, OLD)
    plan.support = services.support({launcher: "print()"})
    assert plan.support == {launcher: "print()", mails: None}
    assert f"+++ b{launcher}" in services.diff(plan)
    assert "-A=1" in services.diff(plan)
    services.apply(plan, UNITS, OLD)
    assert launcher.read_text() == "print()"
    assert not mails.exists()
    assert services.support({launcher: "print()"}) == {}


def test_modules_of_an_older_package_go(services: _services.Services, tmp_path: Path) -> None:
    package = tmp_path / "state/celeriac_service"
    package.mkdir(parents=True)
    for name in ("__init__.py", "letters.py", "note.txt"):
        (package / name).touch()
    wanted = {package / "__init__.py": "", package / "self_check.py": ""}
    assert services.support(wanted) == {package / "self_check.py": "", package / "letters.py": None}


def test_one_that_was_killed_while_it_drained_is_forgotten(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    run(services, UNITS, NEW)
    systemd.units[unit(OLD)] = "failed"
    assert run(services, UNITS, NEW) == [f"forget {unit(OLD)}"]
    assert run(services, UNITS, NEW) == []


def test_one_kind_leaves_the_other_alone(
    services: _services.Services, systemd: FakeSystemd, tmp_path: Path
) -> None:
    run(services, UNITS, OLD)
    workers = _services.Services("shop", ["worker"], TARGET, systemd, tmp_path / "other")
    units = {WORKER: "worker 2", TARGET: "target"}
    steps = run(workers, units, NEW)
    assert not any(BEAT in step for step in steps)
    assert own(systemd)[BEAT] == "active"
    assert BEAT in systemd.wanted_by(TARGET)


@pytest.mark.parametrize("text", ["", "one two three"])
def test_a_beat_of_unknown_age_is_restarted(
    text: str, services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    services.record.write_text(text)
    assert run(services, UNITS, OLD) == [f"restart {BEAT}"]
    services.record.unlink()
    assert run(services, UNITS, OLD) == [f"restart {BEAT}"]
    assert run(services, UNITS, OLD) == []


def test_the_diff_tells_files_and_steps(services: _services.Services) -> None:
    run(services, MORE_UNITS, OLD)
    diff = services.diff(services.plan({**UNITS, WORKER: "worker 2\n"}, OLD))
    assert f"--- a/{MAILS}\n+++ /dev/null\n" in diff
    assert f"--- a/{WORKER}\n+++ b/{WORKER}\n" in diff
    assert f"\ndrain {unit(OLD)}\n" in diff


def test_a_diff_changes_nothing(services: _services.Services, systemd: FakeSystemd) -> None:
    services.diff(services.plan(UNITS, OLD))
    assert systemd.calls == []
    assert own(systemd) == {}
    assert not (systemd.folder / WORKER).exists()


# A generation is whole


@pytest.fixture
def whole(services: _services.Services, tmp_path: Path) -> _services.Services:
    """Services with an environment that is kept with each generation."""
    services.files = [tmp_path / "state/environment", tmp_path / "state/secrets"]
    services.record.parent.mkdir()
    services.files[1].write_text('KEY="old"\n')
    return services


def secret(services: _services.Services, folder: str) -> str:
    """Returns what a generation has for a secret."""
    return (services.generations / folder / "secrets").read_text()


def test_a_generation_keeps_unit_and_environment_until_it_has_ended(
    whole: _services.Services, systemd: FakeSystemd
) -> None:
    run(whole, UNITS, OLD)
    old, new = unit(OLD), unit(NEW, "worker 2")
    whole.files[1].write_text('KEY="new"\n')
    run(whole, {**UNITS, WORKER: "worker 2"}, NEW)
    assert (systemd.folder / old).read_text() == "worker 1"
    assert (systemd.folder / new).read_text() == "worker 2"
    assert secret(whole, _services.generation_of(old)) == 'KEY="old"\n'
    assert secret(whole, _services.generation_of(new)) == secret(whole, "beat") == 'KEY="new"\n'
    # That it has ended is no change.
    del systemd.units[old]
    assert run(whole, {**UNITS, WORKER: "worker 2"}, NEW) == []
    assert not (systemd.folder / old).exists()
    assert not (whole.generations / _services.generation_of(old)).exists()
    assert (whole.generations / _services.generation_of(new)).exists()


def test_what_a_generation_keeps_is_roots_alone(whole: _services.Services) -> None:
    before = os.umask(0)
    try:
        run(whole, UNITS, OLD)
    finally:
        os.umask(before)
    modes = {path.relative_to(whole.generations): path.stat().st_mode & 0o777 for path in places(whole)}
    assert modes == {
        Path(): 0o700,
        Path("beat"): 0o700,
        Path("beat/secrets"): 0o600,
        Path("beat.before"): 0o700,
        Path("beat.before/unit"): 0o600,
        Path(_services.generation_of(unit(OLD))): 0o700,
        Path(_services.generation_of(unit(OLD)), "secrets"): 0o600,
    }


def places(services: _services.Services) -> list[Path]:
    """Returns the folder of the generations, and all that is in it."""
    return [services.generations, *services.generations.rglob("*")]


def test_a_held_generation_leaves_the_other_as_it_is(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    plan = services.plan(UNITS, NEW)
    plan.restart = []
    services.apply(plan, UNITS, NEW, hold=True)
    assert own(systemd) == {unit(OLD): "active", unit(NEW): "active", BEAT: "active", TARGET: "active"}
    # After a reboot, it is the old one's turn.
    assert systemd.wanted_by(TARGET) == {unit(OLD), BEAT}
    run(services, UNITS, NEW)
    assert own(systemd)[unit(OLD)] == "deactivating"
    assert systemd.wanted_by(TARGET) == {unit(NEW), BEAT}


def test_a_beat_that_does_not_get_ready_is_again_what_it_was(
    whole: _services.Services, systemd: FakeSystemd
) -> None:
    run(whole, UNITS, OLD)
    started = whole.started()
    whole.files[1].write_text('KEY="new"\n')

    def starts(names: list[str], later: bool) -> None:
        systemd.broken = {BEAT} if (systemd.folder / BEAT).read_text() == "beat 2" else set()
        FakeSystemd._start(systemd, names, later)

    systemd._restart = starts  # type: ignore[method-assign]
    with pytest.raises(_services.ServiceError, match="What ran before runs again"):
        run(whole, {**UNITS, BEAT: "beat 2"}, NEW)
    assert own(systemd)[BEAT] == "active"
    assert (systemd.folder / BEAT).read_text() == "beat 1"
    assert secret(whole, "beat") == 'KEY="old"\n'
    assert whole.started() == started
    assert f"restart {BEAT}" in whole.plan({**UNITS, BEAT: "beat 2"}, NEW).lines()


def test_a_beat_that_runs_can_be_taken_back_once(whole: _services.Services, systemd: FakeSystemd) -> None:
    run(whole, UNITS, OLD)
    assert not whole.take_back()
    started = whole.started()
    run(whole, {**UNITS, BEAT: "beat 2"}, NEW)
    assert whole.started() != started
    assert whole.take_back()
    assert ((systemd.folder / BEAT).read_text(), whole.started()) == ("beat 1", started)
    assert not whole.take_back()


@pytest.mark.parametrize("finished", [False, True])
def test_what_ran_before_runs_again_from_its_own_files(
    finished: bool, whole: _services.Services, systemd: FakeSystemd
) -> None:
    run(whole, UNITS, OLD)
    old, new = unit(OLD), unit(NEW, "worker 2")
    whole.files[1].write_text('KEY="new"\n')
    later = {WORKER: "worker 2", TARGET: "target", BEAT: "beat 1"}
    plan = whole.plan(later, NEW)
    assert (plan.running, plan.wanted) == ([old], [new])
    plan.restart = []
    whole.apply(plan, later, NEW, hold=True, tidy=False)
    if finished:
        plan = whole.plan(later, NEW)
        whole.apply(plan, later, NEW, tidy=False)
        # It has ended, and its files are there still.
        systemd.units.pop(old)
    workers = _services.Services("shop", ["worker"], TARGET, systemd, whole.record)
    steps = workers.go_back([old])
    assert f"drain {new}" in steps
    assert (f"start {old}" in steps) is finished
    assert own(systemd)[old] == "active"
    assert own(systemd)[new] == "deactivating"
    assert systemd.wanted_by(TARGET) == {old, BEAT}
    assert (systemd.folder / old).read_text() == "worker 1"
    assert secret(whole, _services.generation_of(old)) == 'KEY="old"\n'
    assert workers.go_back([old]) == []


def test_beat_goes_back_with_its_kind(whole: _services.Services, systemd: FakeSystemd) -> None:
    run(whole, UNITS, OLD)
    run(whole, {**UNITS, BEAT: "beat 2"}, NEW)
    beats = _services.Services("shop", ["beat"], TARGET, systemd, whole.record)
    assert beats.go_back([]) == [f"restart {BEAT}"]
    assert (systemd.folder / BEAT).read_text() == "beat 1"
    assert own(systemd)[unit(NEW)] == "active"
    assert beats.go_back([]) == []


def test_what_a_killed_run_has_left_is_nothing_to_go_back_to(
    whole: _services.Services, systemd: FakeSystemd
) -> None:
    texts = {"a": "ExecStart=/srv/shop/releases/1/x", "b": "ExecStart=/srv/shop/releases/2/x"}
    for name, text in texts.items():
        (systemd.folder / name).write_text(text)
    both = _services.Plan(running=["a", "b"])
    assert whole.before(both, "/srv/shop/releases/1") == ["a"]
    assert whole.before(both, "/srv/shop/releases/3") == ["a", "b"]
    assert whole.before(_services.Plan(running=["gone"]), "/srv/shop/releases/1") == ["gone"]


def test_a_drained_host_goes_back_to_what_is_to_run(whole: _services.Services, systemd: FakeSystemd) -> None:
    run(whole, UNITS, OLD)
    assert whole.before(_services.Plan(), "") == []
    whole.drained = True
    assert whole.before(_services.Plan(), "") == [unit(OLD)]


def test_a_beat_that_is_new_ends(whole: _services.Services, systemd: FakeSystemd) -> None:
    run(whole, UNITS, OLD)
    beats = _services.Services("shop", ["beat"], TARGET, systemd, whole.record)
    assert beats.go_back([]) == [f"stop {BEAT}"]
    assert BEAT not in own(systemd)
    assert not (systemd.folder / BEAT).exists()
    assert BEAT not in systemd.wanted_by(TARGET)
    assert beats.go_back([]) == []
    assert whole.started() == {}


# Removal


def test_removal_leaves_nothing(services: _services.Services, systemd: FakeSystemd) -> None:
    run(services, MORE_UNITS, OLD)
    run(services, MORE_UNITS, NEW)
    (systemd.folder / "shop-celery.slice").write_text("slice")
    gone = _services.remove(services, check=False)
    assert own(systemd) == {}
    assert sorted(path.name for path in systemd.folder.rglob("*")) == [
        "multi-user.target.wants",
        "other-worker-default@.service",
        "shop-web.service",
    ]
    assert systemd.units == {
        "other-worker-default@11111111.service": "active",
        "shop-web.service": "active",
    }
    assert {unit(OLD), unit(NEW), BEAT, TARGET, WORKER, "shop-celery.slice"} <= set(gone)


@pytest.mark.parametrize(("inside", "ended"), [({}, True), ({"shop.slice": "shop-web.service"}, False)])
def test_removal_ends_the_slice_above_if_nobody_is_in_it(
    inside: dict[str, str], ended: bool, services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    systemd.inside = inside
    _services.remove(services, check=False)
    assert ("stop shop.slice" in systemd.calls) is ended


def test_removal_leaves_what_others_want_of_the_target(
    services: _services.Services, systemd: FakeSystemd
) -> None:
    run(services, UNITS, OLD)
    (systemd.folder / f"{TARGET}.wants/other.service").symlink_to("/nowhere")
    _services.remove(services, check=False)
    assert systemd.wanted_by(TARGET) == {"other.service"}


def test_removal_of_one_kind_leaves_the_other(
    services: _services.Services, systemd: FakeSystemd, tmp_path: Path
) -> None:
    run(services, UNITS, OLD)
    workers = _services.Services("shop", ["worker"], TARGET, systemd, tmp_path / "other")
    assert _services.remove(workers, check=False) == sorted([unit(OLD), WORKER])
    assert own(systemd) == {BEAT: "active", TARGET: "active"}
    assert systemd.wanted_by(TARGET) == {BEAT}


def test_removal_of_nothing_is_no_change(services: _services.Services, systemd: FakeSystemd) -> None:
    assert _services.remove(services, check=False) == []
    assert systemd.calls == []


def test_removal_forgets_what_failed(services: _services.Services, systemd: FakeSystemd) -> None:
    run(services, UNITS, OLD)
    systemd.units[unit(NEW)] = "failed"
    assert unit(NEW) in _services.remove(services, check=False)
    assert _services.remove(services, check=False) == []


def test_a_check_of_the_removal_tells_the_same(services: _services.Services, systemd: FakeSystemd) -> None:
    run(services, UNITS, OLD)
    systemd.calls.clear()
    told = _services.remove(services, check=True)
    assert systemd.calls == []
    assert told == _services.remove(services, check=False)


def test_names_of_any_bytes_are_digested(tmp_path: Path) -> None:
    """A file that is called so by mistake ends no run."""
    empty = _services.Inputs(tmp_path, tmp_path / "venv", []).digest()
    (tmp_path / os.fsdecode(b"caf\xe9.py")).touch()
    assert _services.Inputs(tmp_path, tmp_path / "venv", []).digest() != empty


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what is somebody else's")
def test_root_reads_no_file_for_a_link_in_a_checkout(
    public_path: Path, give_away: Callable[[Path], Path]
) -> None:
    """What leads to a file of root's says nothing of it."""
    base, secret = public_path / "base", public_path / "secret"
    base.mkdir()
    secret.write_text("one")
    secret.chmod(0o600)
    (base / "linked.py").symlink_to(secret)
    (base / "own.py").write_text("own")
    give_away(base)
    os.utime(secret, (1, 1))
    before = _services.Inputs(base, public_path / "venv", []).digest()
    secret.write_text("two")
    os.utime(secret, (1, 1))
    assert _services.Inputs(base, public_path / "venv", []).digest() == before
    (base / "own.py").write_text("new")
    assert _services.Inputs(base, public_path / "venv", []).digest() != before


# The site

WEB = "shop-web@.service"
SOCKET = "shop-web.socket"
SITE_UNITS = {
    **UNITS,
    WEB: "site 1",
    SOCKET: f"{web.MADE}\nListenStream=/run/shop.sock\nService={WEB}\n",
}


class FakeSite(web.Site):
    """A site whose generations answer well, but for those that are broken."""

    broken: ClassVar[set[str]] = set()

    def prove(self, unit: str, systemd: Systemd) -> None:
        """Asks a generation."""
        assert systemd.states([unit]) == {unit: "active"}
        if unit in self.broken:
            raise web.SiteError(f"{unit} answered GET / with 500.")
        self.record.write_text(unit.partition("@")[2].removesuffix(".service"))


@pytest.fixture
def serving(systemd: FakeSystemd, tmp_path: Path) -> _services.Services:
    """The services of a host that serves the site."""
    FakeSite.broken = set()
    site = FakeSite(SOCKET, WEB, tmp_path / "proven", tmp_path, "", 30)
    record = tmp_path / "state/beat-generation"
    found = _services.Services("shop", [*_services.PATTERNS], TARGET, systemd, record)
    found.site = site
    return found


def site_unit(inputs: bytes) -> str:
    """Returns the generation of the site for these inputs."""
    return unit(inputs, "site 1", WEB)


def test_the_socket_starts_the_generation_that_is_proven(
    serving: _services.Services, systemd: FakeSystemd
) -> None:
    run(serving, SITE_UNITS, OLD)
    assert f"Service={site_unit(OLD)}" in (systemd.folder / SOCKET).read_text()
    assert run(serving, SITE_UNITS, OLD) == []
    run(serving, SITE_UNITS, NEW)
    assert f"Service={site_unit(NEW)}" in (systemd.folder / SOCKET).read_text()
    assert own(systemd)[site_unit(OLD)] == "deactivating"
    assert run(serving, SITE_UNITS, NEW) == []


def test_a_generation_that_does_not_answer_changes_nothing(
    serving: _services.Services, systemd: FakeSystemd
) -> None:
    run(serving, SITE_UNITS, OLD)
    FakeSite.broken = {site_unit(NEW)}
    with pytest.raises(_services.ServiceError, match=r"with 500\. It was stopped again, and got no request"):
        run(serving, SITE_UNITS, NEW)
    assert site_unit(NEW) not in own(systemd)
    assert own(systemd)[site_unit(OLD)] == "active"
    assert f"Service={site_unit(OLD)}" in (systemd.folder / SOCKET).read_text()
    assert site_unit(OLD) in systemd.wanted_by(TARGET)


def test_a_site_goes_back_to_what_served_or_ends(serving: _services.Services, systemd: FakeSystemd) -> None:
    run(serving, SITE_UNITS, OLD)
    run(serving, SITE_UNITS, NEW)
    alone = _services.Services("shop", ["web"], TARGET, systemd, serving.record)
    alone.site = serving.site
    assert alone.go_back([site_unit(OLD)]) == [f"start {site_unit(OLD)}", f"drain {site_unit(NEW)}"]
    assert f"Service={site_unit(OLD)}" in (systemd.folder / SOCKET).read_text()
    assert "stop shop-web.socket" not in systemd.calls
    assert alone.go_back([]) == [f"drain {site_unit(OLD)}"]
    # Else the next request would start it.
    assert "stop shop-web.socket" in systemd.calls


def test_a_run_that_was_killed_before_the_answer_is_taken_up(
    serving: _services.Services, systemd: FakeSystemd
) -> None:
    run(serving, SITE_UNITS, OLD)
    assert serving.site
    serving.site.record.unlink()
    assert run(serving, SITE_UNITS, OLD) == [f"prove {site_unit(OLD)}"]
    assert run(serving, SITE_UNITS, OLD) == []


def test_a_socket_that_is_to_listen_elsewhere_is_stopped_first(
    serving: _services.Services, systemd: FakeSystemd
) -> None:
    run(serving, SITE_UNITS, OLD)
    systemd.calls.clear()
    moved = {**SITE_UNITS, SOCKET: SITE_UNITS[SOCKET].replace("/run/shop.sock", "127.0.0.1:8000")}
    run(serving, {**moved, WEB: "site 2"}, OLD)
    started = next(number for number, call in enumerate(systemd.calls) if call.startswith("start shop-web@"))
    assert systemd.calls.index(f"stop {SOCKET}") < started


def test_a_socket_of_somebody_else_is_left_alone(serving: _services.Services, systemd: FakeSystemd) -> None:
    (systemd.folder / SOCKET).write_text("[Socket]\nListenStream=/run/other.sock\n")
    with pytest.raises(_services.ServiceError, match="is there, and not of this collection"):
        run(serving, SITE_UNITS, OLD)
    assert "other.sock" in (systemd.folder / SOCKET).read_text()


def test_the_site_goes_alone(serving: _services.Services, systemd: FakeSystemd, tmp_path: Path) -> None:
    run(serving, SITE_UNITS, OLD)
    alone = _services.Services("shop", ["web"], TARGET, systemd, tmp_path / "state/beat-generation")
    assert _services.remove(alone, check=True) == sorted([site_unit(OLD), WEB, SOCKET])
    _services.remove(alone, check=False)
    assert not [name for name in own(systemd) if "web" in name]
    assert not (systemd.folder / SOCKET).exists()
    assert own(systemd)[unit(OLD)] == "active"
