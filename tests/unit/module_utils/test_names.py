# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment has a name that tells it from the others on the host."""

from __future__ import annotations

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _names


@pytest.mark.parametrize(
    ("given", "package", "path", "name"),
    [
        ("mine", "shop", "/srv/x", "mine"),
        ("", "shop", "/srv/x", "shop"),
        ("", "Shop", "/srv/x", "shop"),
        ("", "web.shop", "/srv/x", "web-shop"),
        ("", "config", "/srv/shop", "shop"),
        ("", "config", "/srv/My Shop.git/", "my-shop-git"),
        ("", "config.shop", "/srv/x", "x"),
        ("", "", "/srv/shop", "shop"),
        ("", "settings", "/srv/shop/", "shop"),
        ("", "project", "/srv/app", "project"),
        ("", "config", "/srv/2024", "config"),
        ("", "config", "/srv/--", "config"),
        ("", "core", "/srv/-shop-", "shop"),
        ("", "", "/srv/app", "app"),
    ],
)
def test_the_name_of_a_project(given: str, package: str, path: str, name: str) -> None:
    assert _names.project_name(given, package, path) == name


def test_the_state_folder_has_the_name() -> None:
    assert _names.system_state("shop") == "/var/lib/shop-celery"
