# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible.release import __version__ as core_version
from hypothesis import HealthCheck, settings

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import (
    Project,
    SamplePlace,
    SettingsPlace,
)
from ansible_collections.celeriac.django.plugins.module_utils._host import Host
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import deployment as _deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import fleet, variables

# How long an example takes says nothing on a busy machine.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


def pytest_report_header() -> str:
    """Names the Ansible that the tests run with, as `make test` has two."""
    return f"ansible-core: {core_version}"


@pytest.fixture
def project() -> Project:
    """What the module celery_deployment finds in a plain project."""
    return Project(
        path="/srv/shop",
        base="/srv/shop",
        package="shop",
        package_path="/srv/shop/shop",
        package_is_namespace=False,
        package_imports=False,
        package_line=0,
        gitignore="/srv/shop/.gitignore",
        env_example="/srv/shop/.env.example",
        production="",
        import_paths=[],
        environment={},
        celery_settings={},
        has_env_file=False,
        other_celery_apps=[],
        unread=[],
        settings="shop.settings.production",
        settings_file="/srv/shop/shop/settings/production.py",
        settings_source="shop/wsgi.py:7",
        configuration="",
        settings_problem="",
        settings_places=[SettingsPlace("/srv/shop/shop/settings/base.py", why="", names_apps=True)],
        installed_apps=["django.contrib.admin", "orders"],
        apps={"orders": "/srv/shop/orders"},
        database="sqlite3",
        own_databases="",
        requirements=["requirements.txt"],
        required=["django"],
        requires_python="",
        celery_app=None,
        integrated=False,
        tasks={"orders.tasks.send": "orders/tasks.py:3"},
        samples={
            "orders": SamplePlace(
                model="Order",
                manager="objects",
                tasks="orders/tasks.py",
                tests="orders/test_tasks.py",
                taken="",
            ),
        },
        records_used="",
        documented=[],
        open_requirements="requirements.txt",
        writable=True,
        owner_uid=1000,
        owner_gid=1000,
    )


@pytest.fixture
def found(project: Project) -> dict[str, Any]:
    """What the module finds on a host with systemd, as root."""
    return {
        "project": project,
        "host": Host(
            hostname="web1",
            is_root=True,
            has_systemd=True,
            home="/root",
            systemd_version=252,
            has_credentials=True,
            accounts={"root": "root", "www-data": "www-data"},
            groups={"root": "root", "www-data": "web"},
        ),
        "interpreter": None,
        "serving": [],
        "silent": [],
        "unread_authorities": [],
    }


@pytest.fixture
def options() -> dict[str, Any]:
    """The public variables as they are when only the path is given, and what the role derives."""
    return {
        **variables.complete({"celery_project_path": "/srv/shop"}),
        "broker_url": "",
        "broker_server": "",
        "database_ca": "",
        "database_scheme": "",
        "secret_names": [],
        "secret_schemes": [],
        "placeholders": [],
        "uses_postgresql": False,
        "removing": False,
    }


@pytest.fixture
def decide_with() -> Any:
    """Decides for a host that is known, with duties that are known, alone unless something else is said."""

    def decide(
        options: dict[str, Any], found: dict[str, Any], duties: Sequence[str], *, served: Sequence[str] = ()
    ) -> Any:
        read = variables.read(options)
        queues = served or sorted({queue for pool in read.pools for queue in pool.queues})
        part = fleet.Fleet(tuple(duties), 1, tuple(queues))
        return _deployment.decide(read, found["project"], found["host"], part)

    return decide


@pytest.fixture
def deployment(decide_with: Any, options: dict[str, Any], found: dict[str, Any]) -> Deployment:
    """What is decided for the plain project on a host that does everything."""
    decided: Deployment = decide_with(options, found, ["worker", "beat"])
    return decided
