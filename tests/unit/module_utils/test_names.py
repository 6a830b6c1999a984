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


def test_the_name_of_a_record_counts_wherever_the_checkout_is() -> None:
    assert _names.project_name("", "mysite", "/srv/other", "shop") == "shop"
    assert _names.project_name("mine", "mysite", "/srv/other", "shop") == "mine"


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("current", "config"),
        ("src", ""),
        ("app", ""),
        ("config", "config"),
        ("releases-7", "config"),
        ("release-20261129t1200", ""),
        ("v20261129", "core"),
    ],
)
def test_what_is_no_name(name: str, package: str) -> None:
    assert _names.says_nothing(name, package)


@pytest.mark.parametrize(
    ("name", "package"), [("shop", "shop"), ("mysite", "mysite"), ("live", "live"), ("web2", "config")]
)
def test_what_is_a_name(name: str, package: str) -> None:
    assert not _names.says_nothing(name, package)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/shop/current", "shop"),
        ("/srv/shop/releases/20261129T1200", "shop"),
        ("/home/me/src", "me"),
        ("/srv/app", "shop"),
    ],
)
def test_what_is_suggested_instead(path: str, name: str) -> None:
    assert _names.suggestion(path) == name


def test_the_state_folder_has_the_name() -> None:
    assert _names.system_state("shop") == "/var/lib/shop-celery"
