# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of a host are those of its duties, and systemd takes them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project
from ansible_collections.celeriac.django.plugins.module_utils._runtime import environment_file
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import project_files, templates
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import units as _units

Data = dict[str, Any]
POOLS = [{"name": "default"}, {"name": "mails", "pool": "solo", "time_limit": None}]
SHARED = {"shop-celery.target", "shop-celery.slice"}
WORKERS = {"shop-worker-default@.service", "shop-worker-mails@.service"}


@pytest.fixture
def render(decide_with: Any, options: Data, found: Data) -> Any:
    """Renders the units of a deployment with other values than the plain ones."""

    def render(duties: list[str], kind: str = "all", **given: Any) -> dict[str, str]:
        deployment = decide_with({**options, "workers": POOLS, **given}, found, duties)
        return _units.render(templates.Templates("systemd"), deployment, "web1", kind)

    return render


@pytest.mark.parametrize(
    ("duties", "kind", "names"),
    [
        (["worker", "beat"], "all", WORKERS | SHARED | {"shop-beat.service"}),
        (["worker", "beat"], "worker", WORKERS | SHARED),
        (["worker", "beat"], "beat", SHARED | {"shop-beat.service"}),
        (["worker"], "all", WORKERS | SHARED),
        (["worker"], "beat", SHARED),
        (["worker", "metrics"], "metrics", SHARED | {"shop-metrics@.service"}),
        (["worker"], "metrics", SHARED),
        (["beat"], "all", SHARED | {"shop-beat.service"}),
        ([], "all", set()),
    ],
)
def test_the_duties_say_which_units(duties: list[str], kind: str, names: set[str], render: Any) -> None:
    assert set(render(duties, kind)) == names


def settings_of(unit: str) -> dict[str, list[str]]:
    """Returns the settings of a unit file: name to values."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_a_stop_lets_the_pool_finish(render: Any) -> None:
    workers = [{"name": "default", "time_limit": 3600}]
    settings = settings_of(render(["worker"], workers=workers)["shop-worker-default@.service"])
    assert settings["KillMode"] == ["mixed"]
    assert int(settings["TimeoutStopSec"][0]) > 3600


def test_a_pool_that_cannot_tell_has_no_watchdog(render: Any) -> None:
    units = render(["worker"])
    assert "WatchdogSec" in settings_of(units["shop-worker-default@.service"])
    assert "WatchdogSec" not in settings_of(units["shop-worker-mails@.service"])


def test_the_node_is_named_after_pool_generation_and_host(render: Any) -> None:
    (command,) = settings_of(render(["worker"])["shop-worker-mails@.service"])["ExecStart"]
    assert "--hostname=mails.%i@%H" in command.split()


def test_beat_runs_on_its_host_alone(render: Any) -> None:
    assert settings_of(render(["beat"])["shop-beat.service"])["ConditionHost"] == ["web1"]


def test_no_secret_is_in_a_unit(render: Any) -> None:
    units = render(["worker", "beat"], broker_url="redis://:s3cret@redis.example:6379/0")
    assert not any("s3cret" in text for text in units.values())


def command_of(file: Path) -> list[str]:
    """Returns the words of a unit's command as systemd would have them."""
    (line,) = settings_of(file.read_text())["ExecStart"]
    program, *words = [word.replace("%%", "%") for word in shlex.split(line)]
    return [program, *(word.replace("$$", "$") for word in words)]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize(
    ("checkout", "state"),
    [
        ("shop", "state"),
        ("my shop", "my state"),
        ("100% $HOME %i", "100% $HOME %i"),
        ('a "quoted" one', "state"),
        ("it's back\\slash", "state"),
    ],
)
def test_systemd_takes_the_units_of_any_path(
    checkout: str, state: str, tmp_path: Path, render: Any, project: Project
) -> None:
    base, state_path = tmp_path / "srv" / checkout, tmp_path / state
    python = state_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    base.mkdir(parents=True)
    vars(project).update(path=str(base), base=str(base), package_path=f"{base}/shop")
    units = tmp_path / "units"
    units.mkdir()
    for unit, text in render(["worker", "beat"], state_path=str(state_path), user="root").items():
        (units / unit.replace("@.", "@0a0a0a0a.")).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert command_of(units / "shop-beat.service")[0] == str(python)
    assert f"--schedule={state_path}/run/beat-schedule" in command_of(units / "shop-beat.service")
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "shop-" in line]
    assert complaints == []


@pytest.mark.parametrize(
    ("unit", "own"), [("shop-worker-default@.service", "%i"), ("shop-beat.service", "beat")]
)
def test_the_secrets_are_a_credential_where_systemd_can(
    unit: str, own: str, render: Any, found: Data
) -> None:
    secrets = f"/etc/shop-celery/generations/{own}/secrets"
    settings = settings_of(render(["worker", "beat"])[unit])
    assert settings["LoadCredential"] == [f"secrets:{secrets}"]
    assert secrets not in settings["EnvironmentFile"]
    found["host"] = replace(found["host"], has_credentials=False)
    settings = settings_of(render(["worker", "beat"])[unit])
    assert "LoadCredential" not in settings
    assert secrets in settings["EnvironmentFile"]


def test_overrides_come_last(render: Any) -> None:
    given = {"ProtectSystem": "full", "SystemCallFilter": ["", "@system-service"]}
    units = render(["worker", "beat"], worker_unit_overrides=given)
    settings = settings_of(units["shop-worker-default@.service"])
    assert settings["ProtectSystem"] == ["strict", "full"]
    assert settings["SystemCallFilter"][-2:] == ["", "@system-service"]
    assert settings_of(units["shop-beat.service"])["ProtectSystem"] == ["strict"]


def test_a_pools_own_settings_are_in_its_unit_alone(render: Any) -> None:
    workers = [{"name": "default"}, {"name": "mails", "nice": 5, "environment": {"A": 1}, "watchdog": 30}]
    units = render(["worker"], workers=workers)
    mails = settings_of(units["shop-worker-mails@.service"])
    assert (mails["Nice"], mails["WatchdogSec"]) == (["5"], ["30"])
    assert "/etc/shop-celery/generations/%i/pool-mails" in mails["EnvironmentFile"]
    assert "pool-" not in units["shop-worker-default@.service"]
    # Another value is another generation.
    other = render(["worker"], workers=[workers[0], {**workers[1], "environment": {"A": 2}}])
    assert other["shop-worker-mails@.service"] != units["shop-worker-mails@.service"]
    assert other["shop-worker-default@.service"] == units["shop-worker-default@.service"]


STATE = "/var/lib/shop-celery"


def test_other_files_of_the_units(decide_with: Any, options: Data, found: Data) -> None:
    workers = [{"name": "mails", "queues": ["celery"], "environment": {"A": 'b"c'}}]
    decided = decide_with({**options, "workers": workers}, found, ["worker", "beat"])
    launcher = _units.launcher([], decided)
    files = _units.files([], decided, "worker")
    assert files == {**launcher, "/etc/shop-celery/pool-mails": 'A="b\\"c"\n'}
    assert _units.files([], decided, "beat") == launcher
    beats = decide_with({**options, "workers": workers}, found, ["beat"])
    assert _units.files([], beats, "worker") == {}


@pytest.mark.parametrize("own", [False, True])
def test_the_launcher_and_its_package_are_the_same_for_every_app(
    own: bool, decide_with: Any, options: Data, found: Data, project: Project
) -> None:
    if own:
        project.celery_app = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")
    files = _units.launcher([], decide_with(options, found, ["beat"]))
    runtime = Path(__file__).parents[4] / "runtime"
    there = {
        f"{STATE}/{file.relative_to(runtime)}": file.read_text(encoding="utf-8")
        for file in (runtime / "launch.py", *runtime.glob("celeriac_service/*.py"))
    }
    [added] = set(files) - set(there)
    assert {path: files[path] for path in there} == there
    # The one part that web processes have as well: one file, in two places.
    assert added == f"{STATE}/celeriac_service/rabbitmq.py"
    shown = project_files.render(
        templates.Templates("project"), decide_with(options, found, ["beat"]), project, ()
    )[0]
    assert files[added] == shown["shop/celery_ops/rabbitmq.py"]


def test_the_user_can_replace_a_module_of_the_runtime(
    decide_with: Any, options: Data, found: Data, tmp_path: Path
) -> None:
    (tmp_path / "runtime/celeriac_service").mkdir(parents=True)
    (tmp_path / "runtime/celeriac_service/journal.py").write_text("MINE = 1\n")
    files = _units.launcher([str(tmp_path)], decide_with(options, found, ["beat"]))
    assert files[f"{STATE}/celeriac_service/journal.py"] == "MINE = 1\n"


def test_beat_gets_what_its_package_asks_the_environment_for(render: Any, project: Project) -> None:
    beat = settings_of(render(["beat"])["shop-beat.service"])["Environment"]
    assert {"CELERY_CANARY=shop-canary", "CELERY_ONE_BEAT=shop-beat.service"} <= set(beat)
    project.celery_app = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")
    beat = settings_of(render(["beat"])["shop-beat.service"])["Environment"]
    assert not [line for line in beat if "CANARY" in line]


@pytest.mark.parametrize("value", ["plain", 'a "b" $c `d`', "back\\slash", "two\nlines\r\n", "", "ü=1"])
def test_the_launcher_reads_what_was_written(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = templates.Templates(templates.RUNTIME).render("launch.py", {})
    launcher: dict[str, Any] = {"__name__": "launch", "__file__": "launch.py"}
    exec(compile(text, "launch.py", "exec"), launcher)  # noqa: S102 - it is ours
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert launcher["secrets"]() == {}
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "secrets").write_bytes(environment_file.dump({"A": value, "B": "b"}).encode())
    assert launcher["secrets"]() == {"A": value, "B": "b"}


def test_what_is_counted_where_somebody_wants_to_know(render: Any) -> None:
    """Only there, so that a host without metrics has the units that it had."""
    units = render(["worker", "beat", "metrics"])
    for name, part in (("shop-worker-default@.service", "worker-default"), ("shop-beat.service", "beat")):
        found = settings_of(units[name])
        assert "CELERY_METRICS=/var/lib/shop-celery/run/metrics" in found["Environment"]
        [line] = found["ExecStopPost"]
        assert shlex.split(line) == [
            "-/bin/sh",
            "-c",
            f'echo "$$SERVICE_RESULT {part}" >>"$$CELERY_METRICS/ended"',
        ]
    [line] = settings_of(units["shop-metrics@.service"])["ExecStart"]
    assert shlex.split(line)[-3:] == ["metrics", "shop", "127.0.0.1:9808"]
    for text in render(["worker", "beat"]).values():
        assert "CELERY_METRICS" not in text
