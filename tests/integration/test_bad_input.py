# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gets one clear error, and leaves checkout and host as they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Deployment


def refused(deployment: Deployment, *texts: str, **variables: object) -> None:
    """See that a run with these variables fails with these texts and changes nothing."""
    before = deployment.tree()
    run = deployment.integrate(**variables)
    assert run.returncode != 0, run.stdout
    message = run.message()
    for text in texts:
        assert text in message, message
    assert "Traceback" not in run.stdout
    assert deployment.tree() == before


def test_missing_path(deployment: Deployment) -> None:
    """A checkout that is not there."""
    gone = str(deployment.path / "gone")
    refused(deployment, f"there is no folder {gone}", celery_project_path=gone)


def test_relative_path(deployment: Deployment) -> None:
    """A path that means another place on each host."""
    refused(deployment, "absolute path", celery_project_path="shop")


def test_no_django_project(deployment: Deployment) -> None:
    """A folder without manage.py."""
    path = str(deployment.path / "templates")
    refused(deployment, "is no Django project", "manage.py", celery_project_path=path)


def test_two_projects(deployment: Deployment) -> None:
    """Two manage.py below the checkout."""
    for name in ("one", "two"):
        shutil.copytree(deployment.path, deployment.path.parent / "both" / name)
    both = str(deployment.path.parent / "both")
    refused(
        deployment,
        "one/manage.py",
        "two/manage.py",
        "celery_project_path",
        celery_project_path=both,
    )


def test_settings_not_found(deployment: Deployment) -> None:
    """A settings module that does not exist."""
    refused(
        deployment,
        "no settings module shop.settings.live",
        "celery_project_settings",
        celery_project_settings="shop.settings.live",
    )


def test_settings_named_nowhere(deployment: Deployment) -> None:
    """No file names a settings module."""
    for name in ("manage.py", "shop/wsgi.py", "shop/asgi.py", "pyproject.toml"):
        file = deployment.path / name
        file.write_text(file.read_text().replace("DJANGO_SETTINGS_MODULE", "OTHER"))
    refused(deployment, "no settings module is named", "celery_project_settings", "shop.settings.production")


def test_settings_that_pytest_alone_names(deployment: Deployment) -> None:
    """They are taken as the last hint, with a warning where production's stand beside them."""
    for name in ("manage.py", "shop/wsgi.py", "shop/asgi.py"):
        file = deployment.path / name
        file.write_text(file.read_text().replace("DJANGO_SETTINGS_MODULE", "OTHER"))
    run = deployment.integrate("--tags", "project", "--check")
    assert run.returncode == 0, run.stdout
    assert (
        "pyproject.toml:2 names shop.settings.development, and shop.settings.production stands"
        in run.message()
    )


def test_syntax_error(deployment: Deployment) -> None:
    """A settings file that is no Python: file and line are named."""
    settings = deployment.path / "shop/settings/base.py"
    lines = settings.read_text().count("\n")
    settings.write_text(settings.read_text() + "BROKEN = (\n")
    refused(deployment, f"shop/settings/base.py:{lines + 1}", "never closed")


def test_settings_that_do_not_load(deployment: Deployment) -> None:
    """Settings that miss a secret: the message says where they ask and where to put it."""
    refused(
        deployment,
        "shop/settings/production.py:",
        "SECRET_KEY",
        "celery_secrets",
        celery_secrets={},
    )


def test_checkout_not_writable(deployment: Deployment, as_nobody: dict[str, object]) -> None:
    """A checkout that the user may only read."""
    refused(deployment, "is not writable", "become", **as_nobody)


def test_python_too_old(deployment: Deployment) -> None:
    """A project for Pythons that the host does not have."""
    (deployment.path / "pyproject.toml").write_text(
        '[project]\nname="s"\nversion="1"\nrequires-python = "<3.9"\n'
    )
    refused(deployment, "requires-python '<3.9'", "celery_python")


def test_python_named_that_is_not_there(deployment: Deployment) -> None:
    """An interpreter that does not run."""
    refused(deployment, "/no/python does not run", celery_python="/no/python")


def test_unsolvable_packages(deployment: Deployment) -> None:
    """Requirements that no set of packages fulfils: the two are named."""
    with (deployment.path / "requirements.txt").open("a") as file:
        file.write("vine<5\n")
    refused(deployment, "cannot be solved", "vine<5", "celery", "nothing was changed")


def test_a_celery_that_is_too_old(deployment: Deployment) -> None:
    """A line that excludes the Celery that the integration needs, told with its place before anything."""
    with (deployment.path / "requirements.txt").open("a") as file:
        file.write("celery<5\n")
    refused(deployment, "requirements.txt:", "celery<5", "needs celery 5.7 or newer")


def test_beat_and_a_django_that_is_too_new(deployment: Deployment, newest_python: Path) -> None:
    """django-celery-beat and Django 6.1 exclude each other; pip would fall back to one of 2020."""
    (deployment.path / "requirements.txt").write_text("Django>=6.1\ndj-database-url\n")
    refused(
        deployment,
        "django-celery-beat",
        "Django<6.1",
        "celery_beat_scheduler",
        celery_python=str(newest_python),
    )


@pytest.mark.parametrize("url", ["redis", "redis//host", "redis://:p@host:port/0", "redis://"])
def test_broker_url_does_not_parse(deployment: Deployment, url: str) -> None:
    """A URL that is none."""
    refused(deployment, "celery_broker_url", celery_broker_url=url)


def test_unknown_transport(deployment: Deployment) -> None:
    """A scheme that Celery has no transport for."""
    refused(deployment, "'carrot' is not supported", celery_broker_url="carrot://host/")


def test_broker_is_down(deployment: Deployment, closed_port: int) -> None:
    """A broker that nobody answers for, whose password is not told."""
    url = f"redis://:shop_test_pa55@127.0.0.1:{closed_port}/0"
    refused(deployment, "does not answer", f"127.0.0.1:{closed_port}", celery_broker_url=url)


def test_database_is_down(deployment: Deployment, closed_port: int) -> None:
    """A database that nobody answers for, whose password is not told."""
    password = "shop_test_pa55"  # noqa: S105 - of nobody
    secrets = {
        "SECRET_KEY": "shop_test",
        "DATABASE_URL": f"postgres://shop:{password}@127.0.0.1:{closed_port}/shop",
    }
    refused(
        deployment,
        "the database 'shop'",
        f"127.0.0.1:{closed_port}",
        "nothing was changed",
        celery_secrets=secrets,
    )
    assert password not in deployment.output


def test_pool_without_a_name(deployment: Deployment) -> None:
    """A pool that cannot name a unit."""
    workers = [{"name": "default"}, {"queues": ["mail"]}]
    refused(deployment, "celery_workers[1] has no name", celery_workers=workers)


def test_two_pools_of_one_name(deployment: Deployment) -> None:
    """Pools that would share a unit."""
    workers = [{"name": "mail"}, {"name": "mail"}]
    refused(deployment, "two pools named 'mail'", celery_workers=workers)


def test_unknown_key_of_a_pool(deployment: Deployment) -> None:
    """A slip in a pool's key."""
    refused(deployment, "concurency", celery_workers=[{"name": "default", "concurency": 4}])


def test_embedded_broker_on_two_hosts(deployment: Deployment) -> None:
    """A folder is no broker for two hosts."""
    deployment.hosts = ["one", "two"]
    refused(deployment, "embedded broker", "one, two", "celery_broker_url")


def test_beat_on_two_hosts(deployment: Deployment) -> None:
    """Two beats would send everything twice."""
    deployment.hosts = ["one", "two"]
    deployment.groups = {"celery_beat": ["one", "two"]}
    refused(
        deployment,
        "2 hosts would run beat",
        "celery_beat",
        celery_broker_url="redis://redis.invalid:6379/0",
    )


def test_bad_name(deployment: Deployment) -> None:
    """A name that cannot be a unit's or a user's."""
    refused(deployment, "celery_project_name", "lower-case", celery_project_name="My Shop")


def test_file_in_the_way(deployment: Deployment) -> None:
    """A file of the project's own where one of ours would go."""
    (deployment.path / "shop/celery_settings.py").write_text("MINE = True\n")
    run = deployment.integrate()
    assert "shop/celery_settings.py exists already" in run.message()
    assert deployment.path.joinpath("shop/celery_settings.py").read_text() == "MINE = True\n"
    assert not deployment.path.joinpath("shop/celery.py").exists()


def test_never_without_an_app(deployment: Deployment) -> None:
    """Nothing to deploy."""
    refused(deployment, "no Celery app", celery_project_integrate="never")


@pytest.mark.parametrize("backend", ["postgres", "database", "redis"])
def test_result_backend(deployment: Deployment, backend: str) -> None:
    """A word that names no backend, or one that the broker cannot be."""
    refused(deployment, "celery_result_backend", celery_result_backend=backend)


def test_beat_beside_a_host_in_no_group(deployment: Deployment) -> None:
    """A host in none of the groups runs everything, beat too."""
    deployment.hosts = ["one", "two", "three"]
    deployment.groups = {"celery_beat": ["one"], "celery_worker": ["two"]}
    url = "redis://redis.invalid:6379/0"
    refused(deployment, "2 hosts would run beat (one, three)", celery_broker_url=url)


def test_a_placeholder_is_refused_before_the_first_play_changes_anything(deployment: Deployment) -> None:
    """A vault that somebody made from its example and forgot to edit."""
    deployment.groups = {"celery_broker": ["localhost"], "celery_worker": ["localhost"]}
    key = "shop_production_your_key_here"
    secrets = {"SECRET_KEY": key}
    words = [
        "celery_broker_password is still a placeholder",
        "celery_secrets.SECRET_KEY is still",
        "Nothing was",
    ]
    refused(deployment, *words, celery_broker_password=key, celery_secrets=secrets)
    assert "Serve the broker" not in deployment.output
    assert key not in deployment.output


def test_one_host_that_is_refused_stops_the_fleet_once(deployment: Deployment) -> None:
    """A pool's limits that are wrong on one of two hosts."""
    deployment.hosts = ["app1", "app2"]
    deployment.groups = {"celery_worker": ["app1", "app2"]}
    wrong = '{{ "/gone" if inventory_hostname == "app2" else "' + str(deployment.path) + '" }}'
    url = "redis://:of_nobody_at_all@127.0.0.1:1/0"
    refused(
        deployment, "app2: ", "there is no folder /gone", celery_project_path=wrong, celery_broker_url=url
    )
    assert deployment.output.count("there is no folder /gone") == 2  # once as an error, once as its result
    assert "celery_runtime" not in deployment.output
