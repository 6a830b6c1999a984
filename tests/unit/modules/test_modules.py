# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules take arguments, do what they say in check mode and without, and answer."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._release import repository, store
from ansible_collections.celeriac.django.plugins.module_utils._runtime import deployed, lock
from ansible_collections.celeriac.django.plugins.modules import (
    celery_deployment,
    celery_environment,
    celery_migration,
    celery_project,
    celery_proof,
    celery_release,
    celery_service,
    celery_turn,
    celery_virtualenv,
)

Run = Callable[..., dict[str, Any]]
NAMES = sorted(path.stem for path in Path(celery_project.__file__).parent.glob("celery_*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_module_documents_itself(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.celeriac.django.plugins.modules.{name}")
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert documentation["module"] == name
    examples = yaml.safe_load(module.EXAMPLES)
    assert any(f"celeriac.django.{name}" in task for task in examples)
    assert yaml.safe_load(module.RETURN)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small project."""
    top = tmp_path / "checkout"
    (top / "shop").mkdir(parents=True)
    named = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    (top / "manage.py").write_text(named)
    (top / "shop/__init__.py").touch()
    (top / "shop/settings.py").write_text("INSTALLED_APPS = ['shop']\n")
    return top


def text_of(top: Path) -> dict[str, str]:
    """Returns the files below a folder."""
    return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}


# celery_deployment


def variables(path: Path) -> dict[str, Any]:
    """Returns what the action plugin hands over for a checkout."""
    names = ("project_name", "project_package", "project_settings", "python", "venv_path", "state_path")
    return {"project_path": str(path), "requirements": [], **dict.fromkeys((*names, "user", "broker_ca"), "")}


def test_a_project_is_found(run: Run, checkout: Path) -> None:
    answer = run(celery_deployment, variables=variables(checkout))
    assert answer["project"]["settings"] == "shop.settings"
    assert answer["host"]["is_root"] == (os.geteuid() == 0)
    assert answer["host"]["accounts"] == {}
    assert answer["interpreter"]["version"] >= [3, 10, 0]
    assert answer["silent"] == []
    assert not answer.get("changed")


def test_no_project_is_a_failure(run: Run, tmp_path: Path) -> None:
    answer = run(celery_deployment, variables=variables(tmp_path))
    assert "there is no manage.py" in answer["msg"]


def test_a_removal_needs_no_python(run: Run, checkout: Path) -> None:
    given = {"variables": {**variables(checkout), "python": "/no/python"}}
    assert "celery_python" in run(celery_deployment, **given)["msg"]
    assert run(celery_deployment, **given, removing=True)["interpreter"] is None


def with_python(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments that name an interpreter, which is there."""
    return {**arguments, "project": {**arguments["project"], "python": sys.executable}}


@pytest.mark.parametrize("broken", [False, True])
def test_a_checkout_that_cannot_be_looked_at_is_known_by_the_hosts_own_record(
    broken: bool, run: Run, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "path": str(checkout),
        "record": "shop/celery_ops/integration.json",
        "settings": "s",
        "state": "/s",
    }
    (tmp_path / "etc/shop-celery").mkdir(parents=True)
    setup = {"base": str(checkout), "deployed": told}
    (tmp_path / "etc/shop-celery/operate.json").write_text(json.dumps(setup))
    monkeypatch.setattr(deployed, "ETC", tmp_path / "etc")
    if broken:
        (checkout / "shop/settings.py").write_text("def broken(:\n")
    else:
        shutil.rmtree(checkout)
    removing = {"variables": variables(checkout), "removing": True}
    assert run(celery_deployment, **removing)["failed"]
    answer = run(celery_deployment, **removing, unseen=True)
    assert ("settings.py" if broken else "there is no folder") in answer["unseen"]
    assert (answer["project"]["path"], answer["project"]["recorded_name"]) == (str(checkout), "shop")


def test_a_checkout_is_not_deployed_under_a_second_name(
    run: Run, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"path": str(checkout), "record": "", "settings": "", "state": ""}
    (tmp_path / "etc/store-celery").mkdir(parents=True)
    setup = {"base": str(checkout), "deployed": told}
    (tmp_path / "etc/store-celery/operate.json").write_text(json.dumps(setup))
    monkeypatch.setattr(deployed, "ETC", tmp_path / "etc")
    answer = run(celery_deployment, variables=variables(checkout))
    assert answer["failed"]
    assert "is deployed on this host already, as store" in answer["msg"]


def test_a_run_has_its_turn_at_a_deployment(
    run: Run, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run is told who has it; one that is refused gives it back."""
    monkeypatch.setattr(lock, "RUN", tmp_path / "locks")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    first, second = ({"token": name, "who": f"{name}@laptop"} for name in ("ann", "bob"))
    answer = run(celery_deployment, variables=variables(checkout), run=first)
    assert answer["run"] == {**first, "what": str(checkout), "undoes": False}
    held = run(celery_deployment, variables=variables(checkout), run=second)["held"]
    assert (held["token"], held["who"], held["mine"]) == ("ann", "ann@laptop", False)
    assert run(celery_turn, run=answer["run"])["what"] == str(checkout)
    refused = run(celery_deployment, variables={**variables(checkout), "python": "/nowhere"}, run=second)
    assert refused["failed"]
    assert "held" not in run(celery_deployment, variables=variables(checkout), run=first)


def test_a_checkout_has_one_turn_by_whatever_link_it_is_named(
    run: Run, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a link to a release, and through one to the folder above."""
    monkeypatch.setattr(lock, "RUN", tmp_path / "locks")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "current").symlink_to(checkout)
    (tmp_path / "above").symlink_to(checkout.parent)
    names = (tmp_path / "current", tmp_path / "above" / checkout.name, f"{checkout}/../{checkout.name}/")
    first = run(celery_deployment, variables=variables(checkout), run={"token": "ann", "who": "ann@laptop"})
    bob = {"token": "bob", "who": "bob@laptop"}
    for name in map(str, names):
        named = {**variables(checkout), "project_path": name}
        assert run(celery_deployment, variables=named, run=bob)["held"]["who"] == "ann@laptop"
    run(celery_turn, run=first["run"])
    by_link = run(celery_deployment, variables=variables(tmp_path / "current"), run=bob)
    assert by_link["run"]["what"] == str(checkout)


# celery_project


@pytest.fixture
def integration(checkout: Path) -> dict[str, Any]:
    """The arguments of an integration."""
    return {
        "path": str(checkout),
        "record": "shop/celery_ops/integration.json",
        "project": {"base": str(checkout), "settings": "shop.settings"},
        "files": {"shop/celery.py": "app = 1\n"},
        "blocks": {"shop/settings.py": {"lines": "A = 1"}},
    }


def test_a_checkout_is_changed_and_changed_back(
    run: Run, checkout: Path, integration: dict[str, Any]
) -> None:
    before = text_of(checkout)
    told = run(celery_project, check=True, **integration)
    assert text_of(checkout) == before
    done = run(celery_project, **integration)
    for answer in (told, done):
        assert answer["changed"]
        assert "shop/celery.py" in answer["files"]
        assert "+A = 1\n" in answer["diff"]["prepared"]
        assert (answer["kept"], answer["recovered"]) == ({}, False)
    assert not run(celery_project, **integration)["changed"]
    gone = {key: integration[key] for key in ("path", "record", "project")}
    assert run(celery_project, state="absent", **gone)["changed"]
    assert text_of(checkout) == before
    assert not run(celery_project, state="absent", **gone)["changed"]


def test_an_integration_that_is_no_python_is_undone(
    run: Run, checkout: Path, integration: dict[str, Any]
) -> None:
    before = text_of(checkout)
    answer = run(celery_project, **{**integration, "files": {"shop/celery.py": "app = (\n"}})
    assert "would be no valid Python" in answer["msg"]
    assert text_of(checkout) == before


def test_an_integration_that_does_not_load_is_undone(
    run: Run, checkout: Path, integration: dict[str, Any]
) -> None:
    (checkout / "django.py").write_text("import os\nos.environ['NOT_THERE']\n")
    before = text_of(checkout)
    answer = run(celery_project, **with_python(integration))
    assert f"{checkout}/django.py:2: KeyError: 'NOT_THERE'" in answer["msg"]
    assert "celery_environment" in answer["msg"]
    assert text_of(checkout) == before


def test_a_removal_asks_nothing_of_the_project(run: Run, checkout: Path, integration: dict[str, Any]) -> None:
    run(celery_project, **integration)
    (checkout / "django.py").write_text("raise SystemExit\n")
    gone = {key: integration[key] for key in ("path", "record", "project")}
    assert run(celery_project, state="absent", **with_python(gone))["changed"]


def test_edited_files_are_named(run: Run, checkout: Path, integration: dict[str, Any]) -> None:
    run(celery_project, **integration)
    (checkout / "shop/celery.py").write_text("app = 2\n")
    newer = {**integration, "files": {"shop/celery.py": "app = 3\n"}}
    assert list(run(celery_project, **newer)["kept"]) == ["shop/celery.py"]
    assert (checkout / "shop/celery.py").read_text() == "app = 2\n"
    assert run(celery_project, **newer, overwrite=True)["kept"] == {}
    assert (checkout / "shop/celery.py").read_text() == "app = 3\n"


# celery_environment


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, Any]:
    """The arguments of an environment."""
    path = str(tmp_path / "config")
    return {
        "path": path,
        "folders": [{"path": path, "mode": "0750"}],
        "project": {"base": str(tmp_path), "settings": "s", "environment": {"DEBUG": "false"}},
        "secrets": {"KEY": "s3cret"},
    }


def test_an_environment_is_written_once(run: Run, tmp_path: Path, environment: dict[str, Any]) -> None:
    told = run(celery_environment, check=True, **environment)
    assert not (tmp_path / "config").exists()
    done = run(celery_environment, **environment)
    for answer in (told, done):
        assert answer["changed"]
        assert answer["secret_names"] == ["KEY"]
        assert '+DEBUG="false"\n' in answer["diff"]["prepared"]
        assert "s3cret" not in str(answer["diff"])
    assert (tmp_path / "config").stat().st_mode & 0o777 == 0o750
    for name, text in (("environment", 'DEBUG="false"\n'), ("secrets", 'KEY="s3cret"\n')):
        assert (tmp_path / "config" / name).read_text() == text
        assert (tmp_path / "config" / name).stat().st_mode & 0o777 == 0o640
    assert not run(celery_environment, **environment)["changed"]


def test_a_bad_name_of_a_secret_is_told_without_its_value(run: Run, environment: dict[str, Any]) -> None:
    answer = run(celery_environment, **{**environment, "secrets": {"A-B": "s3cret"}})
    assert "'A-B' is no name" in answer["msg"]
    assert "s3cret" not in answer["msg"]


def test_an_environment_that_does_not_work_leaves_the_old_one(
    run: Run, tmp_path: Path, environment: dict[str, Any]
) -> None:
    run(celery_environment, **environment)
    before = text_of(tmp_path / "config")
    (tmp_path / "django.py").write_text("raise KeyError('KEY')\n")
    newer = with_python({**environment, "secrets": {"KEY": "new"}})
    answer = run(celery_environment, **newer)
    assert f"{tmp_path}/django.py:1: KeyError: 'KEY'" in answer["msg"]
    assert "the old one stays" in answer["msg"]
    assert text_of(tmp_path / "config") == before
    assert run(celery_environment, check=True, **newer)["secret_names"] == ["KEY"]


def test_an_environment_in_a_checkout_is_not_for_git(
    run: Run, tmp_path: Path, environment: dict[str, Any]
) -> None:
    assert run(celery_environment, **environment, ignored=True)["changed"]
    assert (tmp_path / "config/.gitignore").read_text() == "*\n"
    assert not run(celery_environment, **environment, ignored=True)["changed"]


def test_an_environment_is_removed_once(run: Run, tmp_path: Path, environment: dict[str, Any]) -> None:
    run(celery_environment, **environment)
    config = str(tmp_path / "config")
    gone = {"path": config, "paths": [config, str(tmp_path / "absent")], "state": "absent"}
    gone["project"] = {"base": str(tmp_path), "settings": "s"}
    assert run(celery_environment, check=True, **gone)["changed"]
    assert (tmp_path / "config/secrets").exists()
    assert run(celery_environment, **gone)["changed"]
    assert not (tmp_path / "config").exists()
    assert not run(celery_environment, **gone)["changed"]


# celery_virtualenv


def test_only_an_environment_of_ours_is_removed(run: Run, tmp_path: Path) -> None:
    mine, theirs, tools = tmp_path / "mine", tmp_path / "theirs", tmp_path / "tools"
    for folder in (mine, theirs, tools):
        (folder / "bin").mkdir(parents=True)
    (mine / ".celeriac.json").write_text('{"made": true}')
    (theirs / ".celeriac.json").write_text('{"made": false}')
    given = {"state": "absent", "tools": str(tools), "project": {"base": "/", "settings": "s"}}
    assert run(celery_virtualenv, check=True, venv=str(mine), **given)["changed"]
    assert mine.exists()
    assert run(celery_virtualenv, venv=str(mine), **given)["changed"]
    assert not mine.exists()
    assert not tools.exists()
    assert not run(celery_virtualenv, venv=str(theirs), **given)["changed"]
    assert theirs.exists()


# celery_migration, celery_proof: what needs no project


def test_migrations_of_an_environment_that_is_only_planned(run: Run, tmp_path: Path) -> None:
    project = {"python": str(tmp_path / "venv/bin/python"), "base": str(tmp_path), "settings": "s"}
    assert run(celery_migration, check=True, project=project)["changed"]


def test_a_migration_that_fails_is_told(run: Run, tmp_path: Path) -> None:
    project = {"python": str(tmp_path / "absent"), "base": str(tmp_path), "settings": "s"}
    answer = run(celery_migration, project=project)
    assert answer["msg"].startswith("The databases could not be migrated: ")
    assert "No such file" in answer["msg"]


def test_the_proof_of_an_environment_that_is_only_planned(
    run: Run, tmp_path: Path, deployment: Deployment
) -> None:
    project = {"python": str(tmp_path / "venv/bin/python"), "base": str(tmp_path), "settings": "s"}
    answer = run(celery_proof, check=True, deployment=deployment.as_data(), hostname="web1", project=project)
    assert (answer["changed"], answer["proofs"]) == (False, [])


PROOFS = [
    {"name": "settings loaded", "ok": True, "detail": "s"},
    {"name": "workers answer", "ok": False, "detail": "0 of 1"},
]


@pytest.mark.parametrize(("proofs", "failed"), [(PROOFS[:1], False), (PROOFS, True)])
def test_what_is_not_proven_fails(
    proofs: list[dict[str, Any]],
    failed: bool,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deployment: Deployment,
) -> None:
    monkeypatch.setattr(celery_proof._proof, "prove", lambda *_arguments: proofs)
    project = {"python": sys.executable, "base": str(tmp_path), "settings": "s"}
    answer = run(celery_proof, deployment=deployment.as_data(), hostname="web1", project=project)
    assert bool(answer.get("failed")) is failed
    assert answer["proofs"] == proofs
    assert len(answer["lines"]) == len(proofs)
    if failed:
        assert answer["msg"] == "Not proven: workers answer: 0 of 1"
    data = deployment.as_data()
    told = run(celery_proof, deployment=data, hostname="web1", strict=False, project=project)
    assert not told.get("failed")
    assert told["unproven"] == (["workers answer"] if failed else [])


# celery_service


def test_services_are_planned_in_check_mode(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer = run(
        celery_service,
        check=True,
        name="no-such-project-of-a-test",
        target="no-such-project-of-a-test-celery.target",
        base=str(tmp_path),
        venv=str(tmp_path),
        record=str(tmp_path / "record"),
        units={"no-such-project-of-a-test-beat.service": "[Service]\n"},
        pending=True,
    )
    assert answer["changed"]
    assert "restart no-such-project-of-a-test-beat.service" in answer["steps"]
    assert "+[Service]\n" in answer["diff"]["prepared"]
    # It looked, and did nothing else.
    assert {line.split()[1] for line in calls.read_text().splitlines()} == {"list-units"}


def test_secrets_of_the_host_are_in_no_error(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\n")
    (tmp_path / "systemctl").chmod(0o755)
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    (tmp_path / "secrets").write_text('SENTRY_DSN="canary-of-a-dsn"\n')
    (tmp_path / "django.py").write_text(
        "import os\nraise ValueError('Unsupported: ' + os.environ['SENTRY_DSN'])\n"
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer = run(
        celery_service,
        name="no-such-project-of-a-test",
        target="no-such-project-of-a-test-celery.target",
        base=str(tmp_path),
        venv=str(tmp_path / "venv"),
        record=str(tmp_path / "record"),
        files=[str(tmp_path / "environment"), str(tmp_path / "secrets")],
        units={"no-such-project-of-a-test-beat.service": "[Service]\n"},
        preflight={"app": "shop", "pools": [], "own_app": False, "served": []},
    )
    assert "Unsupported: " in answer["msg"]
    assert "canary" not in str(answer)


def test_without_systemd_the_launcher_alone_is_put_there(run: Run, tmp_path: Path) -> None:
    """Nobody asks systemctl: there may be none."""
    state = tmp_path / "state"
    state.mkdir()
    package = state / "celeriac_service"
    files = {
        str(state / "launch.py"): "print()\n",
        str(package / "__init__.py"): "",
        str(package / "a.py"): "A",
    }
    given = {"systemd": False, "name": "shop", "target": "t", "record": str(state / "r"), "support": files}
    checked = run(celery_service, check=True, **given)
    assert checked["changed"]
    assert "+print()\n" in checked["diff"]["prepared"]
    assert not list(state.iterdir())
    assert run(celery_service, **given)["changed"]
    assert {path: Path(path).read_text() for path in files} == files
    assert not run(celery_service, **given)["changed"]
    # An older version had a module of another name.
    (package / "old.py").touch()
    assert run(celery_service, **given)["changed"]
    assert {path.name for path in package.iterdir()} == {"__init__.py", "a.py"}


# celery_release


@pytest.fixture
def source(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a repository with the project."""
    # The folder of the tests can be below one that others write to.
    monkeypatch.setattr(store, "exchangeable", lambda _path: None)
    there = repository.Repository(checkout)
    there.git("init", "--quiet", "--initial-branch", "main")
    there.git("add", ".")
    there.git("-c", "user.name=shop", "-c", "user.email=shop@example.com", "commit", "-qm", "The shop")
    return f"file://{checkout}"


def test_a_release_from_an_address_to_current(run: Run, source: str, tmp_path: Path) -> None:
    root = tmp_path / "srv/shop"
    common = {"path": str(root), "source": source}
    assert run(celery_release, **common, step="look")["releases"] == []
    found = run(celery_release, **common, step="resolve", version="main")
    assert found["subject"] == "The shop"
    name = store.name_of(found["commit"], "20261130-140501")
    known = {**common, "name": name, "commit": found["commit"]}
    assert run(celery_release, **known, step="unpack")["changed"]
    release = {"commit": found["commit"], "version": "main", "subject": found["subject"], "recipe": "x"}
    project = {"python": sys.executable, "base": str(root / "releases" / name), "settings": "shop.settings"}
    built = run(
        celery_release,
        **known,
        step="build",
        release=release,
        project=project,
        commands=["echo $WORD > made.txt"],
        secrets={"WORD": "built"},
        shared=["media"],
        interpreter=sys.executable,
    )
    assert built["built"] == ["made.txt"]
    assert not run(celery_release, **known, step="unpack")["changed"]
    assert run(celery_release, **known, step="point")["changed"]
    assert not run(celery_release, **known, step="point")["changed"]
    assert (root / "current/made.txt").read_text() == "built\n"
    assert list((root / "current/shop/__pycache__").glob("settings.*.pyc"))
    run(celery_release, **known, step="note", line={"result": "done"})
    look = run(celery_release, **common, step="look")
    assert (look["current"], look["log"]) == (name, [{"result": "done"}])
    assert look["releases"][0]["subject"] == "The shop"


def test_a_command_that_fails_leaves_no_release(run: Run, source: str, tmp_path: Path) -> None:
    root = tmp_path / "srv/shop"
    name = store.name_of("f" * 40, "20261130-140501")
    found = run(celery_release, path=str(root), source=source, step="resolve")
    known = {"path": str(root), "source": source, "name": name, "commit": found["commit"]}
    run(celery_release, **known, step="unpack")
    project = {"python": sys.executable, "base": str(root / "releases" / name), "settings": "shop.settings"}
    told = run(celery_release, **known, step="build", project=project, commands=["echo no; exit 3"])
    assert "echo no; exit 3: status 3. Its last lines:\nno" in told["msg"]
    assert "celery_release_build_secrets" in told["msg"]
    assert run(celery_release, path=str(root), step="look")["releases"] == []


def test_a_check_makes_nothing(run: Run, source: str, tmp_path: Path) -> None:
    root = tmp_path / "srv/shop"
    given = {"path": str(root), "source": source, "check": True}
    found = run(celery_release, **given, step="resolve")
    assert found["subject"] == "The shop"
    name = store.name_of(found["commit"], "20261130-140501")
    assert run(celery_release, **given, step="unpack", name=name, commit=found["commit"])["changed"]
    assert not root.exists()
