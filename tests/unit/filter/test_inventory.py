# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task files get the filters by name, and each is documented."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml

from ansible_collections.celeriac.django.plugins.filter.inventory import FilterModule

FOLDER = Path(__file__).parents[3] / "plugins/filter"
FILTERS = FilterModule().filters()


def test_each_is_documented() -> None:
    assert {file.stem for file in FOLDER.glob("*.yml")} == set(FILTERS)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_the_documentation_has_its_arguments(name: str) -> None:
    documented = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
    assert documented["name"] == name
    taken = list(inspect.signature(FILTERS[name]).parameters)[1:]
    assert set(documented["options"]) - {"_input"} == set(taken)


def test_a_group_without_hosts_has_no_url() -> None:
    broker = FILTERS["celery_broker_url"]
    assert broker([], "web", {}, server="redis", tls=False, user="", password="", vhost="") == ""
    database = FILTERS["celery_database_url"]
    assert database([], "web", {}, name="", tls=False, user="", password="", authority="") == ""


def test_a_number_is_a_password_too() -> None:
    url = FILTERS["celery_broker_url"](
        ["mq"], "web", {"mq": {}}, server="redis", tls=False, user="shop", password=123, vhost="shop"
    )
    assert url == "redis://shop:123@mq:6379/0"
