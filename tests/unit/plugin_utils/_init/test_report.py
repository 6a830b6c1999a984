# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was discovered is told, and the commands that come next can be typed as they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project
from ansible_collections.celeriac.django.plugins.plugin_utils._init import questions, report


def test_what_was_found_is_told(project: Project) -> None:
    apps = {"catalog": "/srv/shop/catalog", "orders": "/srv/shop/orders"}
    found = questions.Found(replace(project, apps=apps), {"django": "5.2.19"})
    text = "\n".join(report.describe(found))
    for part in (
        "shop/wsgi.py:7",
        "shop/settings/base.py",
        "catalog, orders",
        "django 5.2.19",
        "none so far",
    ):
        assert part in text


def test_an_app_of_its_own_is_told(project: Project) -> None:
    project.celery_app = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")
    text = "\n".join(report.describe(questions.Found(project)))
    assert "shop.celery:app (shop/celery.py:3)" in text


@pytest.mark.parametrize(
    ("called", "playbook"),
    [
        ("celeriac.django.init", "celeriac.django.integrate"),
        ("playbooks/init.yml", "playbooks/integrate.yml"),
        ("init.yml", "integrate.yml"),
        ("site.yml", "celeriac.django.integrate"),
    ],
)
def test_the_next_playbook_is_called_alike(called: str, playbook: str) -> None:
    assert report.integrate_playbook([called]) == playbook


def test_commands() -> None:
    local = {"celery_init_hosts": ["localhost"]}
    run = "ansible-playbook x -i inventory.yml"
    assert report.commands("x", ".", local, False, False) == [f"{run} --check --diff", run]
    # A server is installed as root.
    server = {**local, "celery_init_broker": "rabbitmq"}
    assert report.commands("x", ".", server, False, False)[-1] == f"{run} -b"
    remote = {"celery_init_hosts": ["web1"]}
    lines = report.commands("x", "my site", remote, True, False)
    assert lines[0].startswith("ansible-vault encrypt --output 'my site/group_vars/all/vault.yml'")
    assert lines[0].endswith("&& ansible-vault edit 'my site/group_vars/all/vault.yml'")
    assert lines[-1] == "ansible-playbook x -i 'my site/inventory.yml' -b --ask-vault-pass"
    assert report.commands("x", "my site", remote, True, True) == lines[1:]


def test_what_the_web_process_needs_is_told_before(project: Project) -> None:
    found = questions.Found(project)
    servers = "\n".join(report.beforehand(found, {"celery_init_hosts": ["web1"]}))
    assert "the packages that the run adds" in servers
    assert "EnvironmentFile=/etc/shop-celery/secrets" in servers
    here = "\n".join(report.beforehand(found, {"celery_init_hosts": ["localhost"]}))
    assert "packages" in here
    assert "EnvironmentFile" not in here


def test_an_app_of_its_own_has_its_packages(project: Project) -> None:
    app = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")
    found = questions.Found(replace(project, celery_app=app))
    assert report.beforehand(found, {"celery_init_hosts": ["localhost"]}) == []
    assert "packages" not in "".join(report.beforehand(found, {"celery_init_hosts": ["web1"]}))
