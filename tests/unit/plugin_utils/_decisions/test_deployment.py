# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment is decided once, or refused before anything is changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _deployment as _parts
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import (
    App,
    Project,
    SettingsPlace,
)
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import broker as _broker
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import deployment as _deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import fleet as _fleet
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import results, warnings
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import read

Data = dict[str, Any]
REDIS = "redis://:pw@redis.example:6379/0"
LOCAL = "redis://:pw@127.0.0.1:6379/0"
BOTH = ["worker", "beat"]


# What a host does


@pytest.mark.parametrize(
    ("groups", "duties"),
    [
        ({}, BOTH),
        ({"all": ["web1"], "ungrouped": ["web1"]}, BOTH),
        ({"celery_worker": ["web1"]}, ["worker"]),
        ({"celery_beat": ["web1"]}, ["beat"]),
        ({"celery_worker": ["web1", "web2"], "celery_beat": ["web1"]}, BOTH),
        ({"celery_broker": ["web1"]}, []),
        ({"celery_database": ["web1"], "celery_worker": ["web1"]}, ["worker"]),
        ({"celery_worker": ["web2"], "celery_beat": ["web2"]}, BOTH),
    ],
)
def test_the_groups_say_what_a_host_does(groups: Mapping[str, Sequence[str]], duties: list[str]) -> None:
    assert _fleet.duties("web1", groups) == duties


# What is refused before any host is looked at


TWO = ["web1", "web2"]


@pytest.mark.parametrize(
    ("given", "groups", "hosts"),
    [
        ({}, {}, ["localhost"]),
        ({"project_name": "my-shop_2"}, {}, ["localhost"]),
        ({"broker_url": REDIS}, {"celery_worker": TWO, "celery_beat": ["web1"]}, TWO),
        ({"broker_url": REDIS}, {"celery_worker": TWO}, TWO),
        ({"broker_url": LOCAL}, {}, TWO),
        ({}, {"celery_broker": ["mq"]}, ["mq", "web1"]),
    ],
)
def test_what_can_be_passes(
    given: Data, groups: Mapping[str, Sequence[str]], hosts: list[str], options: Data
) -> None:
    _deployment.check(read({**options, **given}), groups, hosts)


@pytest.mark.parametrize(
    ("given", "groups", "why"),
    [
        ({"project_path": "shop"}, {}, ["celery_project_path", "absolute", "'shop'"]),
        ({"project_path": ""}, {}, ["celery_project_path", "absolute"]),
        ({"project_path": "~/shop"}, {}, ["celery_project_path", "absolute"]),
        ({"project_name": "Shop"}, {}, ["celery_project_name", "'Shop'"]),
        ({"project_name": "a" * 32}, {}, ["celery_project_name", "31"]),
        ({"project_name": "shop celery"}, {}, ["celery_project_name"]),
        ({"project_name": "shop\n"}, {}, ["celery_project_name"]),
        ({"project_name": "../etc"}, {}, ["celery_project_name"]),
        ({"broker_url": "kafka://x"}, {}, ["celery_broker_url", "'kafka'"]),
        ({"workers": []}, {}, ["celery_workers"]),
        ({"workers": [{"name": "a", "concurrency": 0}]}, {}, ["celery_workers[0]", "concurrency"]),
        ({}, {"celery_worker": TWO}, ["embedded", "web1, web2", "celery_broker_url"]),
        ({}, {}, ["embedded", "web1, web2"]),
        ({"broker_url": REDIS}, {}, ["2 hosts would run beat", "web1, web2", "celery_beat"]),
        ({"broker_url": REDIS}, {"celery_beat": TWO}, ["2 hosts would run beat"]),
        ({"broker_url": LOCAL}, {"celery_beat": TWO}, ["2 hosts would run beat"]),
        (
            {"broker_url": REDIS},
            {"celery_worker": ["web1"], "celery_beat": ["web1", "away"]},
            ["3 hosts would run beat", "web1, away, web2"],
        ),
    ],
)
def test_what_cannot_be_is_refused(
    given: Data, groups: Mapping[str, Sequence[str]], why: list[str], options: Data
) -> None:
    with pytest.raises(_deployment.DeploymentError) as caught:
        _deployment.check(read({**options, **given}), groups, TWO)
    for part in why:
        assert part in str(caught.value)
    # Ansible tells the causes of an error as well.
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "silent", "refused"),
    [
        (REDIS, [], False),
        (REDIS, ["redis.example:6379: Connection refused"], True),
        ("sentinel://a;sentinel://b", ["a:26379: timed out"], False),
        ("sentinel://a;sentinel://b", ["a:26379: timed out", "b:26379: timed out"], True),
        ("", [], False),
        ("sqs://", [], False),
    ],
)
def test_one_server_of_the_broker_has_to_answer(url: str, silent: list[str], refused: bool) -> None:
    broker = _broker.parse(url)
    if not refused:
        _deployment.check_broker(broker, silent)
        return
    with pytest.raises(_deployment.DeploymentError) as caught:
        _deployment.check_broker(broker, silent)
    assert "; ".join(silent) in str(caught.value)


def test_an_alias_of_the_inventory_is_thought_of() -> None:
    silent = ["queue:6379: Name or service not known"]
    with pytest.raises(_deployment.DeploymentError, match=r"queue:6379.*alias.*set celery_broker_address"):
        _deployment.check_broker(_broker.parse("redis://queue"), silent, ours=True)


# What is decided


@pytest.fixture
def decide(decide_with: Any, options: Data, found: Data) -> Any:
    """Decides with other values than the plain ones."""

    def decide(host: Data | None = None, project: Data | None = None, **given: Any) -> _parts.Deployment:
        looked = {
            **found,
            "host": replace(found["host"], **(host or {})),
            "project": replace(found["project"], **(project or {})),
        }
        return decide_with({**options, **given}, looked, BOTH)

    return decide


def test_a_plain_project_under_systemd(decide: Any) -> None:
    decided = decide()
    expected = {
        "name": "shop",
        "code.app": "shop",
        "code.integrate": True,
        "code.record": "shop/celery_ops/integration.json",
        "run.duties": tuple(BOTH),
        "run.systemd": True,
        "account.name": "shop",
        "account.runs_as": "shop",
        "places.venv": "/var/lib/shop-celery/venv",
        "places.python": "/var/lib/shop-celery/venv/bin/python",
        "places.state": "/var/lib/shop-celery",
        "places.run": "/var/lib/shop-celery/run",
        "places.config": "/etc/shop-celery",
        "broker.embedded": True,
        "units.target": "shop-celery.target",
        "units.slice": "shop-celery.slice",
        "units.beat": "shop-beat.service",
        "beat.canary": "shop-canary",
        "code.settings": "shop.settings.production",
    }
    assert {path: attrgetter(path)(decided) for path in expected} == expected
    assert decided.tasks.expected == {
        "orders.tasks.send": "orders/tasks.py:3",
        "shop.celery_ops.tasks.canary": "celery_ops/tasks.py",
    }


def test_without_systemd_everything_is_in_the_checkout(decide: Any) -> None:
    decided = decide(host={"has_systemd": False})
    assert decided.run.systemd is False
    places = decided.places
    assert {places.state, places.run, places.config} == {"/srv/shop/.celery"}
    assert decided.places.venv == "/srv/shop/.celery/venv"
    assert decided.account.runs_as == ""
    assert (decided.account.is_ours, decided.account.is_missing) == (False, False)


@pytest.mark.parametrize(
    ("wanted", "host", "systemd"),
    [
        ("auto", {}, True),
        ("auto", {"is_root": False}, False),
        ("auto", {"has_systemd": False}, False),
        ("none", {}, False),
        ("systemd", {}, True),
    ],
)
def test_the_service_manager(wanted: str, host: Data, systemd: bool, decide: Any) -> None:
    assert decide(host=host, service_manager=wanted).run.systemd is systemd


@pytest.mark.parametrize(
    ("host", "why"), [({"is_root": False}, "become"), ({"has_systemd": False}, "auto or none")]
)
def test_systemd_that_cannot_be_is_refused(host: Data, why: str, decide: Any) -> None:
    with pytest.raises(_deployment.DeploymentError, match=f"celery_service_manager is systemd.*{why}"):
        decide(host=host, service_manager="systemd")


@pytest.mark.parametrize(
    ("package", "given", "name"),
    [("shop", "", "shop"), ("My_Shop", "", "my_shop"), ("a.b", "", "a-b"), ("_x", "other", "other")],
)
def test_the_name(package: str, given: str, name: str, decide: Any) -> None:
    assert decide(project={"package": package}, project_name=given).name == name


def test_a_package_that_names_nothing_is_refused(decide: Any) -> None:
    with pytest.raises(_deployment.DeploymentError, match="celery_project_name: '_x'"):
        decide(project={"package": "_x"})


def test_a_folder_that_names_nothing_is_refused_with_what_to_set(decide: Any) -> None:
    project = {"package": "config", "path": "/srv/shop/current"}
    with pytest.raises(_deployment.DeploymentError, match=r"'current'.*celery_project_name, such as shop"):
        decide(project=project)
    assert decide(project=project, project_name="app").name == "app"
    assert decide(project={**project, "recorded_name": "store"}).name == "store"
    assert decide(project=project, removing=True).name == "current"


EXISTING = App("shop.celery", "app", "shop/celery.py", place="x:1")


@pytest.mark.parametrize(
    ("wanted", "existing", "integrated", "integrate"),
    [
        ("auto", None, False, True),
        ("auto", None, True, True),
        ("auto", EXISTING, False, False),
        ("auto", EXISTING, True, True),
        ("always", EXISTING, False, True),
        ("always", None, False, True),
        ("never", EXISTING, False, False),
        ("never", EXISTING, True, False),
    ],
)
def test_whether_the_checkout_is_changed(
    wanted: str, existing: App | None, integrated: bool, integrate: bool, decide: Any
) -> None:
    decided = decide(project={"celery_app": existing, "integrated": integrated}, project_integrate=wanted)
    assert decided.code.integrate is integrate
    assert decided.code.app == ("shop" if integrate else "shop.celery:app")
    assert decided.beat.canary == ("shop-canary" if integrate else "")
    assert ("shop.celery_ops.tasks.canary" in decided.tasks.expected) is integrate


def test_never_needs_an_app(decide: Any) -> None:
    with pytest.raises(_deployment.DeploymentError, match="celery_project_integrate is never"):
        decide(project_integrate="never")


def test_a_checkout_that_cannot_be_written_is_refused(decide: Any) -> None:
    with pytest.raises(_deployment.DeploymentError, match="/srv/shop is not writable"):
        decide(project={"writable": False})


@pytest.mark.parametrize(
    ("differs", "wanted"),
    [
        ({"integrated": True}, "auto"),
        ({"celery_app": EXISTING}, "auto"),
        ({"celery_app": EXISTING}, "never"),
    ],
)
def test_a_checkout_that_is_not_written_need_not_be_writable(differs: Data, wanted: str, decide: Any) -> None:
    assert decide(project={**differs, "writable": False}, project_integrate=wanted)


def test_chosen_places(decide: Any) -> None:
    decided = decide(state_path="/data/shop", venv_path="/opt/venv", user="www-data")
    assert decided.places.state == "/data/shop"
    assert decided.places.venv == "/opt/venv"
    assert decided.places.python == "/opt/venv/bin/python"
    assert (decided.account.name, decided.account.runs_as) == ("www-data", "www-data")


def test_a_user_that_is_there_is_used_and_stays(decide: Any) -> None:
    decided = decide(user="www-data")
    assert (decided.account.is_ours, decided.account.is_missing) == (False, False)
    assert decided.account.config_group == "web"
    assert {folder.group for folder in decided.places.folders} == {"web"}


def test_a_user_that_is_missing_is_made(decide: Any) -> None:
    decided = decide()
    assert (decided.account.is_ours, decided.account.is_missing) == (True, True)
    assert decided.account.config_group == "shop"


def test_the_user_of_an_earlier_run_is_ours(decide: Any, found: Data) -> None:
    found["host"].accounts["shop"] = decide().account.comment
    found["host"].groups["shop"] = "shop"
    decided = decide()
    assert (decided.account.is_ours, decided.account.is_missing) == (True, False)


@pytest.mark.parametrize("name", ["news", "root"])
def test_an_account_of_that_name_is_used_only_if_it_is_named(name: str, decide: Any, found: Data) -> None:
    found["host"].accounts[name] = f"{name} system"
    with pytest.raises(_deployment.DeploymentError, match=f"Set celery_user to {name} if that is meant"):
        decide(project_name=name)
    assert decide(project_name=name, user=name).account.runs_as == name
    # What runs is removed all the same.
    assert not decide(project_name=name, removing=True).account.is_ours


def test_secrets_are_for_root_and_the_service_alone(decide: Any) -> None:
    decided = decide()
    assert (decided.account.config_owner, decided.account.config_group) == ("root", "shop")
    for folder in decided.places.folders:
        assert int(folder.mode, 8) & 0o007 == 0


@pytest.mark.parametrize(("is_root", "owner"), [(True, "1000"), (False, "")])
def test_without_systemd_the_owner_of_the_checkout_owns_it(is_root: bool, owner: str, decide: Any) -> None:
    decided = decide(host={"is_root": is_root}, service_manager="none")
    (folder,) = decided.places.folders
    assert (folder.path, folder.owner, folder.mode) == ("/srv/shop/.celery", owner, "0700")
    assert decided.account.config_owner == owner


def test_removal_takes_what_is_ours(decide: Any) -> None:
    assert set(decide().places.own) == {
        "/var/lib/shop-celery",
        "/var/lib/shop-celery/run",
        "/etc/shop-celery",
    }


def test_removal_leaves_a_chosen_state_folder(decide: Any) -> None:
    for manager in ("systemd", "none"):
        own = decide(state_path="/data", service_manager=manager).places.own
        assert "/data" not in own
        assert "/data/bin" in own


def test_the_environment_is_text(decide: Any) -> None:
    given = {"DEBUG": False, "TRACE": True, "PORT": 8000, "NOTHING": None, "NAME": "x y"}
    assert decide(environment=given).inside.environment == {
        "DJANGO_SETTINGS_MODULE": "shop.settings.production",
        "CELERY_STATE_PATH": "/var/lib/shop-celery/run",
        "CELERY_BROKER_URL": "filesystem://",
        "DEBUG": "false",
        "TRACE": "true",
        "PORT": "8000",
        "NOTHING": "",
        "NAME": "x y",
    }


@pytest.mark.parametrize(
    ("scheduler", "cls"),
    [
        ("database", "django_celery_beat.schedulers:DatabaseScheduler"),
        ("file", ""),
        ("redbeat", "redbeat.RedBeatScheduler"),
        ("shop.beat.Scheduler", "shop.beat.Scheduler"),
    ],
)
def test_schedulers(scheduler: str, cls: str, decide: Any) -> None:
    assert decide(beat_scheduler=scheduler).beat.scheduler_class == cls


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("django-db", "shop.celery_ops.results.DatabaseBackend"),
        ("django-cache", "django-cache"),
        ("redis", "redis"),
        ("none", ""),
        ("redis://:pw@x/1", ""),
        ("db+postgresql://u:pw@x/y", ""),
        ("shop.backends:Own", "shop.backends:Own"),
    ],
)
def test_no_address_of_results_is_in_the_settings(wanted: str, said: str, decide: Any) -> None:
    assert decide(result_backend=wanted).results.backend == said


def test_no_secret_is_decided(decide: Any) -> None:
    decided = decide(
        broker_url="redis://:s3cret@redis.example:6379/0",
        result_backend="db+postgresql://u:s3cret@x/y",
        uses_postgresql=True,
    )
    assert "s3cret" not in json.dumps(decided.as_data())


CORE = ["celery>=5.7,<6", "kombu>=5.7"]
REDIS_CORE = ["celery[redis]>=5.7,<6", "kombu>=5.7", "hiredis>=3"]
RESULTS = "django-celery-results>=2.6"
BEAT = "django-celery-beat>=2.9"
PSYCOPG = "psycopg[binary]>=3.2"


@pytest.mark.parametrize(
    ("given", "specs"),
    [
        ({}, [*CORE, RESULTS, BEAT]),
        ({"result_backend": "none", "beat_scheduler": "file"}, CORE),
        ({"broker_url": REDIS}, [*REDIS_CORE, RESULTS, BEAT]),
        (
            {"broker_url": "sqs://k:s@", "beat_scheduler": "file", "result_backend": "none"},
            ["celery[sqs]>=5.7,<6", "kombu>=5.7"],
        ),
        ({"result_backend": "redis://x", "beat_scheduler": "file"}, REDIS_CORE),
        ({"result_backend": "rediss://x", "beat_scheduler": "file"}, REDIS_CORE),
        ({"result_backend": "db+sqlite:///x", "beat_scheduler": "file"}, [*CORE, "sqlalchemy>=2.0"]),
        ({"result_backend": "none", "beat_scheduler": "redbeat"}, [*CORE, "celery-redbeat>=2.4.2"]),
        ({"uses_postgresql": True}, [*CORE, RESULTS, BEAT, PSYCOPG]),
        ({"environment": {"DATABASE_URL": "postgres://u@x/y"}}, [*CORE, RESULTS, BEAT, PSYCOPG]),
        ({"environment": {"DB": "postgresql+psycopg://u@x/y"}}, [*CORE, RESULTS, BEAT, PSYCOPG]),
        ({"environment": {"URL": "https://postgres://"}}, [*CORE, RESULTS, BEAT]),
        ({"requirements": ["gunicorn>=23"]}, ["gunicorn>=23", *CORE, RESULTS, BEAT]),
    ],
)
def test_the_packages_that_are_needed(given: Data, specs: list[str], decide: Any) -> None:
    assert decide(**given).requirements.specs == tuple(specs)


@pytest.mark.parametrize(
    ("differs", "needed"),
    [
        ({"database": "postgresql"}, True),
        ({"database": "postgresql", "required": ["django", "psycopg2-binary"]}, False),
        ({"database": "postgresql", "required": ["psycopg"]}, False),
        ({"database": "mysql"}, False),
        ({"database": "url"}, False),
    ],
)
def test_the_driver_of_postgresql(differs: Data, needed: bool, decide: Any) -> None:
    assert (PSYCOPG in decide(project=differs).requirements.specs) is needed


@pytest.mark.parametrize(
    ("discovered", "chosen", "files"),
    [
        (["requirements.txt"], [], ["/srv/shop/requirements.txt"]),
        (["requirements.txt"], ["gunicorn>=23"], []),
        (["a.txt"], ["deploy/b.in", "pyproject.toml"], ["/srv/shop/deploy/b.in", "/srv/shop/pyproject.toml"]),
        ([], ["/etc/shop.txt"], ["/etc/shop.txt"]),
    ],
)
def test_requirement_files(discovered: list[str], chosen: list[str], files: list[str], decide: Any) -> None:
    decided = decide(project={"requirements": discovered}, requirements=chosen)
    assert decided.requirements.files == tuple(files)


@pytest.mark.parametrize(("given", "specs"), [({}, CORE), ({"broker_url": REDIS}, REDIS_CORE[:2])])
def test_a_project_with_its_own_celery_asks_for_the_rest_itself(
    given: Data, specs: list[str], decide: Any
) -> None:
    decided = decide(project={"celery_app": EXISTING, "database": "postgresql"}, **given)
    assert decided.requirements.specs == tuple(specs)


@pytest.fixture
def warn(decide_with: Any, options: Data, found: Data) -> Any:
    """Returns the warnings for other values than the plain ones."""

    def warn(
        host: Data | None = None, project: Data | None = None, duties: Sequence[str] = (), **given: Any
    ) -> list[str]:
        given = {**options, "broker_url": REDIS, **given}
        looked = {
            **found,
            "host": replace(found["host"], **(host or {})),
            "project": replace(found["project"], **(project or {})),
        }
        decided = decide_with(given, looked, duties or BOTH)
        return warnings.warnings(read(given), looked["project"], looked["host"], decided)

    return warn


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": {"is_root": False}, "service_manager": "none"},
        {"host": {"is_root": False, "has_systemd": False}},
        {"project": {"open_requirements": "", "celery_app": EXISTING}},
        {"workers": [{"name": "a", "queues": ["x"]}, {"name": "b", "queues": ["y", "celery"]}]},
        {"workers": [{"name": "a", "queues": ["x"]}], "duties": ["beat"]},
        {"project": {"database": "url"}, "secret_names": ["DATABASE_URL"]},
        {
            "project": {"database": "postgresql", "environment": {"DATABASE_URL": "shop/settings.py:3"}},
            "secret_names": ["DATABASE_URL"],
        },
    ],
)
def test_what_is_as_it_should_be_gives_no_warning(given: Data, warn: Any) -> None:
    assert warn(**given) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": {"is_root": False}}, ["Nothing is started as a service", "become"]),
        (
            {"project": {"open_requirements": ""}},
            ["celery[redis]>=5.7,<6, kombu>=5.7, hiredis>=3", "requirements"],
        ),
        (
            {"delivery": "at_least_once", "broker_url": "amqp://mq.example"},
            ["no time_limit", "1800 s"],
        ),
        (
            {"project": {"database": "sqlite3"}, "secret_names": ["DATABASE_URL"]},
            ["DATABASE_URL is given", "celery_database_from_url"],
        ),
        (
            {"project": {"database": "postgresql"}, "secret_names": ["DATABASE_URL"]},
            ["DATABASE_URL is given", "name a postgresql database themselves"],
        ),
    ],
)
def test_what_is_probably_not_meant_gives_a_warning(given: Data, words: list[str], warn: Any) -> None:
    (text,) = warn(**given)
    for word in words:
        assert word in text


def test_the_pools_are_decided(decide: Any) -> None:
    (pool,) = decide(delivery="at_least_once").pools
    assert (pool.name, pool.delivery) == ("default", "at_least_once")
    assert "--prefetch-multiplier=1" in pool.arguments


def test_what_was_decided_is_plain_data(decide: Any) -> None:
    decided = decide(broker_url=REDIS, workers=[{"name": "a", "queues": ["x"]}])
    assert _parts.Deployment.from_data(json.loads(json.dumps(decided.as_data()))) == decided


@pytest.mark.parametrize("name", ["shop-worker", "shop-beat", "shop-worker-eu"])
def test_a_name_that_would_pass_for_another_projects_units(name: str, options: Data) -> None:
    with pytest.raises(_deployment.DeploymentError, match="without -worker and -beat"):
        _deployment.check(read({**options, "project_name": name}), {}, ["web1"])


def test_a_folder_as_the_broker_of_services_gives_a_warning(warn: Any) -> None:
    (text,) = warn(broker_url="")
    assert "celery_broker_url" in text
    assert warn(broker_url="", service_manager="none") == []


# Layouts


@pytest.mark.parametrize(
    ("layout", "app", "module", "prefix", "loads"),
    [
        ({}, "shop", "celery", "shop.", True),
        ({"package": "config.shop"}, "config.shop", "celery", "config.shop.", True),
        ({"package": "", "package_path": "/srv/shop"}, "celery_app", "celery_app", "", False),
        (
            {"settings_places": [SettingsPlace("/srv/shop/shop/__init__.py", "", True)]},
            "shop.celery",
            "celery",
            "shop.",
            False,
        ),
    ],
)
def test_the_app_has_the_name_that_its_place_allows(
    layout: Data, app: str, module: str, prefix: str, loads: bool, decide: Any
) -> None:
    found = decide(project=layout)
    assert (found.code.app, found.code.app_module) == (app, module)
    assert (found.code.prefix, found.code.loads_in_package) == (prefix, loads)
    assert f"{prefix}celery_ops.tasks.canary" in found.tasks.expected


def test_the_record_of_a_project_without_a_package_is_at_the_top(decide: Any) -> None:
    found = decide(project={"package": "", "package_path": "/srv/shop"})
    assert os.path.normpath(found.code.record) == "celery_ops/integration.json"


def test_services_are_told_what_manage_does_for_itself(decide: Any) -> None:
    found = decide(project={"import_paths": ["/srv/shop/src", "/srv/shop/lib"], "configuration": "Live"})
    assert found.inside.environment["PYTHONPATH"] == "/srv/shop/src:/srv/shop/lib"
    assert found.inside.environment["DJANGO_CONFIGURATION"] == "Live"
    assert not {"PYTHONPATH", "DJANGO_CONFIGURATION"} & set(decide().inside.environment)
    given = decide(project={"configuration": "Live"}, environment={"DJANGO_CONFIGURATION": "Stage"})
    assert given.inside.environment["DJANGO_CONFIGURATION"] == "Stage"


# The app that the inventory names


@pytest.mark.parametrize("wanted", ["", "shop.queue:app", "shop.queue"])
def test_the_app_that_was_found_is_the_one(wanted: str, project: Project) -> None:
    project.celery_app = EXISTING
    wanted = wanted.replace("shop.queue", EXISTING.module).replace(":app", f":{EXISTING.variable}")
    assert _deployment.with_app(project, wanted).celery_app == EXISTING


def test_another_app_is_named(project: Project) -> None:
    vars(project).update(celery_app=EXISTING, other_celery_apps=["worker/celery.py:8", "x.py:1"])
    chosen = _deployment.with_app(project, "worker.celery:queue")
    assert chosen.celery_app.place == "worker/celery.py:8"
    assert chosen.other_celery_apps == [EXISTING.place, "x.py:1"]
    assert project.celery_app == EXISTING


@pytest.mark.parametrize("wanted", ["made.elsewhere", "made.elsewhere:app"])
def test_an_app_that_nobody_saw_is_taken_at_its_word(
    decide_with: Any, wanted: str, options: dict[str, Any], found: dict[str, Any]
) -> None:
    found["project"] = _deployment.with_app(found["project"], wanted)
    decided = decide_with({**options, "project_integrate": "never"}, found, ["worker"])
    assert (decided.code.app, decided.code.integrate) == (wanted, False)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"environment": {"CELERY_WORKER_BEAT": "1"}}, ["celery_environment", "beat"]),
        ({"secret_names": ["CELERY_WORKER_BEAT"]}, ["celery_secrets", "beat"]),
        ({"worker_unit_overrides": {"nice": 1}}, ["celery_worker_unit_overrides", "'nice'"]),
        ({"beat_unit_overrides": {"Nice": "1\n2"}}, ["celery_beat_unit_overrides", "Nice"]),
        (
            {"workers": [{"name": "a", "time_limit": 60, "stop_timeout": 30}]},
            ["'a'", "60 s", "30 s"],
        ),
        ({"broker_url": REDIS, "longest_eta": 90, "visibility_timeout": 60}, ["90 s", "60 s"]),
        (
            {"broker_url": "amqp://mq.example", "beat_scheduler": "redbeat"},
            ["redbeat", "amqp", "CELERY_REDBEAT_REDIS_URL"],
        ),
    ],
)
def test_what_would_go_wrong_later_is_refused_now(given: Data, words: list[str], options: Data) -> None:
    with pytest.raises(_deployment.DeploymentError) as caught:
        _deployment.check(read({**options, **given}), {}, ["web1"])
    for word in words:
        assert word in str(caught.value)


def test_redbeat_runs_on_several_hosts(options: Data) -> None:
    groups = {"celery_beat": ["web1", "web2"]}
    given = {**options, "broker_url": REDIS, "beat_scheduler": "redbeat"}
    _deployment.check(read(given), groups, ["web1", "web2"])
    elsewhere = {"broker_url": "amqp://mq.example", "secret_names": [results.REDBEAT_URL]}
    _deployment.check(read({**given, **elsewhere}), groups, ["web1", "web2"])
    with pytest.raises(_deployment.DeploymentError, match="redbeat"):
        _deployment.check(read({**given, "beat_scheduler": "database"}), groups, ["web1", "web2"])


def test_somebody_serves_the_default_queue() -> None:
    mails = [["mails"]]
    fleet = {"web1": mails, "web2": [["celery"]]}
    assert _fleet.served(fleet, ["reports"]) == ["celery", "mails", "reports"]
    _fleet.check_queues(_fleet.served(fleet, []))
    _fleet.check_queues(_fleet.served({"web1": mails}, ["celery"]))
    _fleet.check_queues([])
    with pytest.raises(_deployment.DeploymentError, match="queue celery"):
        _fleet.check_queues(_fleet.served({"web1": mails}, []))


def test_what_the_units_may_do_is_decided(decide: Any, found: Data) -> None:
    decided = decide(writable_paths=["/home/media"], worker_unit_overrides={"PrivateDevices": False})
    assert decided.sandbox.writable == ("/var/lib/shop-celery/run", "-/home/media", "-/srv/shop")
    assert decided.sandbox.protect_home == "read-only"
    assert decided.sandbox.worker_overrides == [("PrivateDevices", ["false"])]
    assert decided.units.credentials
    found["host"] = replace(found["host"], has_credentials=False)
    assert not decide().units.credentials
    found["project"].database = "postgresql"
    assert decide().sandbox.writable == ("/var/lib/shop-celery/run",)


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        ({}, {"CELERY_BROKER_URL": "filesystem://"}),
        ({"broker_url": "rediss://a", "broker_ca": "/etc/ca.crt"}, {"CELERY_BROKER_CA": "/etc/ca.crt"}),
        ({"broker_url": "sentinel://a", "broker_master": "queue"}, {"CELERY_BROKER_MASTER": "queue"}),
        (
            {"broker_url": "sentinel://a", "broker_master": "queue", "broker_tls": True},
            {"CELERY_BROKER_MASTER": "queue", "CELERY_BROKER_TLS": "1"},
        ),
        ({"broker_url": "rediss://a", "broker_tls": True}, {}),
    ],
)
def test_the_processes_know_of_the_broker(given: Data, environment: Data, decide: Any) -> None:
    found = decide(**given).inside.environment
    assert {name: value for name, value in found.items() if name.startswith("CELERY_BROKER_")} == environment


def test_over_sqs_nobody_is_asked(decide: Any) -> None:
    found = decide(broker_url="sqs://")
    assert not found.broker.has_control
    assert "--enable-remote-control" not in found.beat.arguments
    assert "--enable-remote-control" in decide().beat.arguments


def test_workers_write_letters_where_that_loses_nothing(decide: Any) -> None:
    assert decide(broker_url=REDIS).units.self_check
    assert not decide(broker_url=REDIS, worker_self_check=False).units.self_check
    assert not decide().units.self_check
    # Its own settings may name another broker than the inventory.
    assert decide(project={"celery_app": EXISTING}).units.self_check


def test_a_database_from_a_url_needs_its_reader(decide_with: Any, options: Data, found: Data) -> None:
    deployment = decide_with({**options, "database_from_url": True}, found, ["worker"])
    assert "dj-database-url>=3" in deployment.requirements.own


def test_a_database_from_a_url_is_for_projects_with_none(
    decide_with: Any, options: Data, found: Data
) -> None:
    found["project"].own_databases = "shop/settings.py:7"
    with pytest.raises(_deployment.DeploymentError, match=r"startproject.*shop/settings\.py:7"):
        decide_with({**options, "database_from_url": True}, found, ["worker"])


def test_loopback_is_a_deployment_of_its_own_only_where_somebody_wrote_it(options: Data) -> None:
    given = {**options, "broker_url": "redis://127.0.0.1:6379/0"}
    assert read(given).alone
    assert not read({**given, "broker_server": "redis"}).alone
    groups = {"celery_beat": ["app1", "app2"], "celery_worker": ["app1", "app2"], "celery_broker": ["app1"]}
    given["result_backend"] = "none"
    with pytest.raises(_deployment.DeploymentError, match="hosts would run beat"):
        _deployment.check(read({**given, "broker_server": "redis"}), groups, ["app1", "app2"])
