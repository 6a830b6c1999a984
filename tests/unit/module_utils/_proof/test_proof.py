# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is proven, and against which processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._project.python import SHELL, ProjectError
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import prove as inside_prove
from ansible_collections.celeriac.django.plugins.module_utils._proof import proof, trial

POOLS = (
    {"name": "default", "queues": ("celery", "low"), "arguments": ("--pool=prefork",)},
    {"name": "mails", "queues": ("mails",), "arguments": ("--pool=threads",)},
)
PROVEN = [{"name": "settings loaded", "ok": True, "detail": "shop.settings"}]


class FakeProject:
    """Notes the jobs that it is given."""

    def __init__(self) -> None:
        self.jobs: list[Mapping[str, Any]] = []
        self.environment = {"SECRET_KEY": "of nobody"}
        self.proofs: list[dict[str, Any]] = PROVEN

    def run(
        self, script: ModuleType, job: Mapping[str, Any], role: Sequence[str], scripts: Sequence[ModuleType]
    ) -> Any:
        """Answers with what it was given, one proof at first."""
        assert script is inside_prove
        assert role == SHELL
        assert tuple(scripts) == proof.SCRIPTS
        self.jobs.append(job)
        return {"proofs": self.proofs}


@pytest.fixture
def asked() -> FakeProject:
    """A project that proves everything."""
    return FakeProject()


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The units of the host, with their state."""
    found: dict[str, str] = {}
    monkeypatch.setattr(proof.Systemd, "states", lambda _self, _patterns: found)
    return found


class Alive:
    """A process that runs."""

    name = "the worker of pool default"

    def runs(self) -> bool:
        """Tells that it has not ended."""
        return True

    def last_error(self) -> str:
        """Tells what is in its log."""
        return "ERROR/MainProcess: no permissions to run 'brpop'"


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The processes that were started for the time of a proof, and ended."""
    log: list[str] = []

    @contextlib.contextmanager
    def running(
        project: FakeProject, launcher: str, commands: Sequence[trial.Command], environment: Mapping[str, str]
    ) -> Iterator[list[Alive]]:
        assert launcher == "/var/lib/shop-celery/launch.py"
        assert environment == {"CELERY_CANARY": "shop-canary"}
        log.extend(f"wait for {command.name}: {' '.join(command.arguments)}" for command in commands)
        yield [Alive() for _command in commands]
        log.append(f"end after {len(project.jobs)} job")

    monkeypatch.setattr(proof.trial, "running", running)
    return log


@pytest.fixture
def plain(deployment: Deployment) -> Deployment:
    """A deployment with two pools, under systemd."""
    (pool,) = deployment.pools
    pools = tuple(replace(pool, **values) for values in POOLS)  # type: ignore[arg-type] # as the fields are
    beat = replace(deployment.beat, arguments=(proof.BEAT_ANSWERS,))
    return replace(deployment, pools=pools, beat=beat)


def running(deployment: Deployment, **differs: Any) -> Deployment:
    """Returns a deployment that runs differently on its host."""
    return replace(deployment, run=replace(deployment.run, **differs))


def prove(
    asked: FakeProject, deployment: Deployment, check: bool = False, pending: bool = False
) -> list[dict[str, Any]]:
    """Proves a deployment."""
    given = proof.Asked(20)
    return proof.prove(asked, deployment, "web1", given, check, pending)  # type: ignore[arg-type]


def test_a_pattern_takes_tasks_out_of_the_proof_and_one_for_nothing_is_told() -> None:
    tasks = {
        "orders.tasks.send": "orders/tasks.py:3",
        "reports.tasks.a": "r.py:1",
        "reports.tasks.b": "r.py:2",
    }
    expected, ignored = proof.Asked(20, ("reports.*", "orders.tasks.sent")).sort(tasks)
    assert expected == {"orders.tasks.send": "orders/tasks.py:3"}
    assert ignored == {"reports.*": ["reports.tasks.a", "reports.tasks.b"], "orders.tasks.sent": []}


def test_units_that_run_are_asked(asked: FakeProject, units: dict[str, str], plain: Deployment) -> None:
    units.update(
        {
            "shop-worker-default@0a0a0a0a.service": "active",
            "shop-worker-default@1b1b1b1b.service": "deactivating",
            "shop-worker-mails@2c2c2c2c.service": "active",
            "shop-worker-other@3d3d3d3d.service": "active",
        }
    )
    assert prove(asked, plain) == PROVEN
    (job,) = asked.jobs
    assert job["nodes"] == {"default.0a0a0a0a@web1": "celery", "mails.2c2c2c2c@web1": "mails"}
    assert (job["beat"], job["canary"], job["timeout"]) == (True, "shop-canary", 20)
    assert job["tasks"] == plain.tasks.expected


def test_a_pool_without_a_unit_is_not_proven(
    asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    units["shop-worker-default@0a0a0a0a.service"] = "active"
    missing, *rest = prove(asked, plain)
    assert (missing["name"], missing["ok"]) == ("units of pool mails", False)
    assert "systemctl status 'shop-worker-mails@*'" in missing["detail"]
    assert rest == PROVEN


def test_a_drained_host_says_so_and_its_workers_are_not_asked(
    asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    del units  # none is there
    first, *rest = prove(asked, running(plain, drained="since now by anna (new disk)"))
    assert (first["name"], first["ok"], first["warned"]) == ("host runs tasks", True, True)
    assert first["detail"].startswith("drained since now by anna (new disk): ")
    assert "shop-celery resume" in first["detail"]
    assert rest == PROVEN
    assert (asked.jobs[0]["nodes"], asked.jobs[0]["pools"]) == ({}, {})


def test_what_beat_sends_is_not_waited_for_while_nobody_can_do_it(
    asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    del units
    drained = {"name": "app1", "hostname": "web1", "pools": {}, "letters": [], "resting": ["celery"]}
    other = {"name": "app2", "hostname": "web2", "pools": {"late": ["late"]}, "letters": [], "resting": []}
    for fleet, idle in (([drained], True), ([drained, other], False), ([], False)):
        given = proof.Asked(20, fleet=fleet)
        proof.prove(asked, running(plain, drained="by anna"), "web1", given, False)  # type: ignore[arg-type]
        assert asked.jobs[-1]["idle"] is idle
        assert asked.jobs[-1]["resting"] == (["celery"] if fleet else [])


@pytest.mark.parametrize(
    ("duties", "nodes", "beat"),
    [(["worker"], 1, False), (["beat"], 0, True), ([], 0, False)],
)
def test_only_what_the_host_does_is_asked(
    duties: list[str], nodes: int, beat: bool, asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    units["shop-worker-default@0a0a0a0a.service"] = "active"
    prove(asked, running(replace(plain, pools=plain.pools[:1]), duties=tuple(duties)))
    assert (len(asked.jobs[0]["nodes"]), asked.jobs[0]["beat"]) == (nodes, beat)


def test_without_systemd_processes_are_started_for_it(
    asked: FakeProject, trials: list[str], plain: Deployment
) -> None:
    before = time.time()
    assert prove(asked, running(plain, systemd=False)) == PROVEN
    assert trials == [
        "wait for the worker of pool default: -A shop worker --pool=prefork --hostname=default.trial@web1",
        "wait for the worker of pool mails: -A shop worker --pool=threads --hostname=mails.trial@web1",
        "wait for beat: -A shop beat --enable-remote-control",
        "end after 1 job",
    ]
    (job,) = asked.jobs
    assert job["nodes"] == {"default.trial@web1": "celery", "mails.trial@web1": "mails"}
    # A canary of an earlier run proves nothing.
    assert job["since"] >= before


def test_a_proof_that_fails_has_the_last_error_of_the_processes(
    asked: FakeProject, trials: list[str], monkeypatch: pytest.MonkeyPatch, plain: Deployment
) -> None:
    failed = [{"name": "workers answer", "ok": False, "detail": "0 of 1"}]
    asked.proofs = failed
    first, *rest = prove(asked, running(plain, systemd=False, duties=("worker",)))
    assert first == failed[0]
    assert {entry["detail"] for entry in rest} == {
        "the worker of pool default says: ERROR/MainProcess: no permissions to run 'brpop'"
    }
    assert not any(entry["ok"] for entry in rest)


def test_a_proof_that_fails_has_the_last_errors_of_the_units(
    asked: FakeProject, units: dict[str, str], monkeypatch: pytest.MonkeyPatch, plain: Deployment
) -> None:
    units["shop-worker-default@0a0a0a0a.service"] = "active"
    failed = [{"name": "workers answer", "ok": False, "detail": "0 of 1"}]
    asked.proofs = failed
    monkeypatch.setattr(proof.Systemd, "last_error", lambda _self, unit: f"{unit} lost it")
    details = [entry["detail"] for entry in prove(asked, running(plain))]
    assert details[-2:] == [
        "shop-worker-default@0a0a0a0a.service says: shop-worker-default@0a0a0a0a.service lost it",
        "shop-beat.service says: shop-beat.service lost it",
    ]


def test_a_check_starts_nothing(asked: FakeProject, trials: list[str], plain: Deployment) -> None:
    assert prove(asked, running(plain, systemd=False), check=True) == PROVEN
    assert trials == []
    assert (asked.jobs[0]["nodes"], asked.jobs[0]["beat"]) == ({}, False)


def test_the_table_has_columns() -> None:
    proofs = [
        {"name": "short", "ok": True, "detail": "one"},
        {"name": "a longer one", "ok": False, "detail": "two"},
    ]
    assert proof.table(proofs) == [
        "ok      short         one",
        "FAILED  a longer one  two",
    ]


def test_the_table_of_nothing_is_empty() -> None:
    assert proof.table([]) == []


# A project's own Celery can be older than beat's remote control


@pytest.mark.parametrize(
    ("version", "answers"), [("5.6.3", False), ("4.4.7", False), ("5.7.0", True), ("5.10.0", True)]
)
def test_a_beat_that_cannot_be_asked_has_to_run(
    version: str,
    answers: bool,
    asked: FakeProject,
    trials: list[str],
    monkeypatch: pytest.MonkeyPatch,
    plain: Deployment,
) -> None:
    monkeypatch.setattr(proof.packages, "versions", lambda _venvs: {"celery": version})
    own = replace(plain, code=replace(plain.code, integrate=False))
    proofs = prove(asked, running(own, systemd=False))
    assert asked.jobs[0]["beat"] is answers
    assert ({"beat runs"} & {found["name"] for found in proofs} == set()) is answers
    (beat,) = [line for line in trials if " beat: " in line]
    assert (proof.BEAT_ANSWERS in beat) is answers


@pytest.mark.parametrize("state", ["active", "failed", ""])
def test_the_unit_of_a_beat_that_cannot_be_asked(
    state: str,
    asked: FakeProject,
    units: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    plain: Deployment,
) -> None:
    monkeypatch.setattr(proof.packages, "versions", lambda _venvs: {"celery": "5.6.3"})
    units.update({"shop-beat.service": state} if state else {})
    own = replace(plain, code=replace(plain.code, integrate=False))
    proofs = prove(asked, running(own, duties=("beat",)))
    (ok,) = [found["ok"] for found in proofs if found["name"] == "beat runs"]
    assert ok is (state == "active")


def test_check_mode_sends_nothing_to_what_runs(
    asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    units["shop-worker-default@abc.service"] = units["shop-worker-mails@abc.service"] = "active"
    prove(asked, plain, check=True)
    prove(asked, plain)
    assert [job["send"] for job in asked.jobs] == [False, True]
    assert all(job["nodes"] for job in asked.jobs)


def test_before_a_change_old_workers_are_not_asked_about_new_code(
    asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    units["shop-worker-default@abc.service"] = "active"  # and the pool mails is yet to come
    proofs = prove(asked, plain, check=True, pending=True)
    assert asked.jobs[0]["nodes"] == {}
    assert not asked.jobs[0]["beat"]
    assert all(entry["ok"] for entry in proofs)
    assert proofs[-1]["detail"] == "not asked: this run would replace the workers"
    assert proof.table(proofs)[-1].startswith("-  ")


def test_a_project_that_does_not_load_before_a_change_is_no_fault(
    asked: FakeProject, units: dict[str, str], monkeypatch: pytest.MonkeyPatch, plain: Deployment
) -> None:
    def fails(*_arguments: Any, **_roles: Any) -> Any:
        raise ProjectError("OperationalError: unable to open database file")

    monkeypatch.setattr(asked, "run", fails)
    assert not units
    proofs = prove(asked, plain, check=True, pending=True)
    assert all(entry["skipped"] for entry in proofs)
    assert "unable to open" in proofs[0]["detail"]
    with pytest.raises(ProjectError):
        prove(asked, plain, check=True)


# What the host adds to what the project's Python says


def test_a_setting_that_the_project_reads_itself_is_no_slip(
    asked: FakeProject,
    units: dict[str, str],
    plain: Deployment,
    tmp_path: Path,
) -> None:
    assert not units
    settings = tmp_path / "settings.py"
    base = replace(plain.code, base=str(tmp_path), celery_settings={"CELERY_MAILZ": "settings.py:1"}, web="")
    told = {"name": "settings known", "ok": True, "detail": "all", "unknown": ["CELERY_MAILZ"]}
    settings.write_text("CELERY_MAILZ = 3\n", encoding="utf-8")
    asked.proofs = [dict(told)]
    found = prove(asked, replace(plain, code=base, pools=()))[0]
    assert found["warned"]
    assert found["detail"].startswith("Celery ignores CELERY_MAILZ (settings.py:1)")
    settings.write_text("CELERY_MAILZ = 3\nprint(CELERY_MAILZ)\n", encoding="utf-8")
    asked.proofs = [dict(told)]
    found = prove(asked, replace(plain, code=base, pools=()))[0]
    assert found == {"name": "settings known", "ok": True, "detail": "all"}


def test_what_the_other_hosts_do_is_not_asked_of_nobody(
    asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    """Queues of the variable celery_other_queues are somebody else's; those of another host are not."""
    assert not units
    other = {"name": "app2", "hostname": "two", "pools": {"news": ["news"]}, "letters": []}
    given = proof.Asked(20, fleet=(other,))
    served = running(plain, served=("celery", "elsewhere", "low", "mails", "news"))
    proof.prove(asked, served, "web1", given, check=False)  # type: ignore[arg-type] # it notes its jobs
    (job,) = asked.jobs
    assert job["others"] == ["elsewhere"]
    assert job["given"] == ["SECRET_KEY"]
    assert set(job["pools"]) == {"default", "mails"}
    assert job["letters"] == []


@pytest.mark.parametrize(("checks", "rows"), [((), 2), (("tasks",), 0), (("workers",), 2)])
def test_a_check_that_was_not_chosen_leaves_no_row(
    checks: tuple[str, ...], rows: int, asked: FakeProject, units: dict[str, str], plain: Deployment
) -> None:
    assert not units
    asked.proofs = []
    given = proof.Asked(20, checks=checks)
    found = proof.prove(asked, plain, "web1", given, check=False)  # type: ignore[arg-type] # as above
    assert [entry["name"] for entry in found if entry["name"] != "last error"] == [
        "units of pool default",
        "units of pool mails",
    ][:rows]
    assert asked.jobs[0]["checks"] == list(checks)


def test_a_warning_has_a_mark_of_its_own() -> None:
    (line,) = proof.table([{"name": "secrets kept", "ok": True, "detail": "x", "warned": True}])
    assert line == "WARN    secrets kept  x"
