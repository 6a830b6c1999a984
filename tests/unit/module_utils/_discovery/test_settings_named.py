# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings module is what production's files name, else what tools are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import settings_named
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import Modules
from ansible_collections.celeriac.django.plugins.module_utils._discovery.settings_named import Named
from ansible_collections.celeriac.django.plugins.module_utils._discovery.source import (
    DiscoveryError,
    SourceError,
)

Write = Callable[[Path, Mapping[str, str | bytes]], Path]
Find = Callable[[Mapping[str, str | bytes]], list[Named]]

NAMES = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
COMPUTES = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.' + os.environ['E'])\n"
SILENT = "import django\n"


@pytest.fixture
def find(tmp_path: Path, write_tree: Write) -> Find:
    """Finds what names settings in a project of such files; manage.py names none unless it is given."""

    def find(files: Mapping[str, str | bytes]) -> list[Named]:
        top = write_tree(tmp_path, {"manage.py": SILENT, **files})
        return settings_named.find_settings(top, top, Modules([top, top / "src"]))

    return find


def told(found: list[Named]) -> list[tuple[str, str]]:
    """Returns the modules with what names them."""
    return [(named.module, named.source) for named in found]


# Production's files, and manage.py


def test_servers_come_before_manage_and_wsgi_before_asgi(find: Find) -> None:
    found = find(
        {
            "manage.py": NAMES.format("shop.dev"),
            "shop/asgi.py": NAMES.format("shop.live"),
            "shop/wsgi.py": NAMES.format("shop.production"),
        }
    )
    assert told(found) == [
        ("shop.production", "shop/wsgi.py:2"),
        ("shop.live", "shop/asgi.py:2"),
        ("shop.dev", "manage.py:2"),
    ]


@pytest.mark.parametrize(
    ("settings", "server", "package"),
    [
        ("shop.live", "", "shop"),
        ("shop.live", "shop/wsgi.py", "shop"),
        ("shop.live", "src/shop/wsgi.py", "shop"),
        ("config.shop.settings", "config/shop/wsgi.py", "config.shop"),
        ("config.settings.live", "config/wsgi.py", "config"),
        ("settings.live", "shop/wsgi.py", "shop"),
        ("settings.live", "wsgi.py", "settings"),
        ("settings", "shop/wsgi.py", ""),
    ],
)
def test_the_package_is_that_of_the_settings_as_the_server_files_know_it(
    settings: str, server: str, package: str, tmp_path: Path, write_tree: Write
) -> None:
    inits = {f"{name}/__init__.py": "" for name in ("shop", "config", "config/shop", "src/shop")}
    files = {server: ""} if server else {}
    write_tree(tmp_path, {**inits, "settings.py": "", "settings/live.py": "", **files})
    assert settings_named.find_package(Modules([tmp_path, tmp_path / "src"]), settings) == package


def test_what_git_ignores_does_not_speak(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"build/shop/wsgi.py": "", "shop/wsgi.py": ""})
    ignored = Modules([tmp_path], ignored=frozenset({str(tmp_path / "build")}))
    assert settings_named.server_files(ignored) == [tmp_path / "shop/wsgi.py"]


@pytest.mark.parametrize(
    "file",
    [
        "env/shop/wsgi.py",
        "node_modules/shop/wsgi.py",
        ".tox/shop/wsgi.py",
        "shop/.hidden/wsgi.py",
        "a/b/c/wsgi.py",
        "shop/wsgi.txt",
    ],
)
def test_servers_elsewhere_do_not_speak(file: str, find: Find) -> None:
    found = find({"manage.py": NAMES.format("shop.dev"), "env/pyvenv.cfg": "", file: NAMES.format("x")})
    assert told(found) == [("shop.dev", "manage.py:2")]


def test_of_several_servers_the_one_of_manages_package_speaks(find: Find) -> None:
    found = find(
        {
            "manage.py": NAMES.format("shop.dev"),
            "api/wsgi.py": NAMES.format("api.settings"),
            "shop/wsgi.py": NAMES.format("shop.production"),
        }
    )
    assert [named.module for named in found] == ["shop.production", "api.settings", "shop.dev"]


@pytest.mark.parametrize("manage", [SILENT, NAMES.format("third.settings")])
def test_several_servers_of_which_none_is_better_are_told(manage: str, find: Find) -> None:
    with pytest.raises(DiscoveryError) as caught:
        find(
            {
                "manage.py": manage,
                "one/wsgi.py": NAMES.format("one.settings"),
                "two/wsgi.py": NAMES.format("two.settings"),
            }
        )
    assert "one.settings (one/wsgi.py:2), two.settings (two/wsgi.py:2)" in str(caught.value)
    assert "celery_project_settings" in str(caught.value)


def test_several_servers_of_one_package_are_no_conflict(find: Find) -> None:
    found = find(
        {
            "manage.py": NAMES.format("third.settings"),
            "shop/wsgi.py": NAMES.format("shop.web"),
            "shop/admin/wsgi.py": NAMES.format("shop.admin_site"),
        }
    )
    assert {named.module for named in found[:2]} == {"shop.web", "shop.admin_site"}


def test_a_server_that_is_no_python_is_told(find: Find) -> None:
    with pytest.raises(SourceError, match=r"shop/wsgi\.py:1"):
        find({"shop/wsgi.py": "def (\n"})


# Hints of tools

DJANGO = "[tool.django]\nsettings_module = 'shop.a'\n"
STUBS = '[tool.django-stubs]\ndjango_settings_module = "shop.b"\n'
PYTEST = '[tool.pytest.ini_options]\naddopts = "-q"\nDJANGO_SETTINGS_MODULE = "shop.c"\n'


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"pyproject.toml": DJANGO}, ("shop.a", "pyproject.toml:2")),
        ({"pyproject.toml": "[tool.django]\nsettings = 'shop.a'\n"}, ("shop.a", "pyproject.toml:2")),
        ({"pyproject.toml": STUBS}, ("shop.b", "pyproject.toml:2")),
        ({"pyproject.toml": PYTEST}, ("shop.c", "pyproject.toml:3")),
        ({"pyproject.toml": PYTEST.replace(".ini_options", "")}, ("shop.c", "pyproject.toml:3")),
        ({"pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = shop.c\n"}, ("shop.c", "pytest.ini:2")),
        ({"pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE=shop.c --x\n"}, ("shop.c", "pytest.ini:2")),
        ({"tox.ini": "[tox]\n\n[pytest]\nDJANGO_SETTINGS_MODULE = shop.c\n"}, ("shop.c", "tox.ini:4")),
        ({"setup.cfg": "[tool:pytest]\nDJANGO_SETTINGS_MODULE = shop.c\n"}, ("shop.c", "setup.cfg:2")),
    ],
)
def test_tools_give_a_hint(files: dict[str, str], found: tuple[str, str], find: Find) -> None:
    assert told(find(files)) == [found]


@pytest.mark.parametrize("text", [PYTEST + STUBS + DJANGO, DJANGO + PYTEST + STUBS])
def test_djangos_own_hint_comes_first_and_that_of_pytest_last(text: str, find: Find) -> None:
    found = find({"pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE=shop.d\n", "pyproject.toml": text})
    assert [named.module for named in found] == ["shop.a", "shop.b", "shop.c", "shop.d"]


@pytest.mark.parametrize("name", ["manage.py", "shop/wsgi.py", "shop/asgi.py"])
def test_a_hint_does_not_count_where_a_file_of_django_names_the_settings(name: str, find: Find) -> None:
    found = find({name: NAMES.format("shop.live"), "pyproject.toml": DJANGO + PYTEST})
    assert [named.module for named in found] == ["shop.live"]


def test_a_hint_stands_beside_manage_or_at_the_top(tmp_path: Path, write_tree: Write) -> None:
    write_tree(
        tmp_path,
        {
            "backend/manage.py": SILENT,
            "pyproject.toml": DJANGO,
            "backend/pyproject.toml": "[tool.django]\nsettings = 'shop.near'\n",
        },
    )
    base = tmp_path / "backend"
    found = settings_named.find_settings(tmp_path, base, Modules([base]))
    assert told(found) == [("shop.near", "pyproject.toml:2"), ("shop.a", "../pyproject.toml:2")]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": "[project]\nsettings_module = 'shop.a'\n"},
        {"pyproject.toml": "[tool.django]\nsettings_module = 5\n# settings = 'x'\n"},
        {"pytest.ini": "[other]\nDJANGO_SETTINGS_MODULE=x\n"},
        {"pytest.ini": "no section\n"},
        {"setup.cfg": b"\xff\xfe\x00"},
    ],
)
def test_no_hint(files: dict[str, str | bytes], find: Find) -> None:
    with pytest.raises(DiscoveryError, match="no settings module is named"):
        find(files)


# Settings that are computed


@pytest.mark.parametrize("file", ["manage.py", "shop/wsgi.py", "shop/asgi.py"])
def test_a_computed_module_is_told_with_its_line_and_the_candidates(file: str, find: Find) -> None:
    with pytest.raises(DiscoveryError) as caught:
        find(
            {
                file: COMPUTES,
                "shop/__init__.py": "",
                "shop/settings/__init__.py": "",
                "shop/settings/live.py": "",
                "shop/settings/dev.py": "",
            }
        )
    assert f"({file}:2 computes it)" in str(caught.value)
    assert "shop.settings.live, shop.settings.dev" in str(caught.value)
    assert "Set celery_project_settings to the one that production runs with" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("settings.py", "settings"),
        ("shop/settings.py", "shop.settings"),
        ("config/settings/live.py", "config.settings.live"),
        ("src/shop/settings.py", "shop.settings"),
        ("src/shop/settings/live.py", "shop.settings.live"),
        ("shop/settings/__init__.py", "shop.settings"),
    ],
)
def test_candidates_are_named_as_they_are_imported(file: str, module: str, find: Find) -> None:
    packages = ("shop", "config", "config/settings", "src/shop", "src/shop/settings")
    inits = {f"{name}/__init__.py": "" for name in packages}
    with pytest.raises(DiscoveryError) as caught:
        find({"manage.py": COMPUTES, **inits, file: "X = 1\n"})
    assert f"there are {module}" in str(caught.value)


def test_a_default_is_enough_where_the_environment_may_say_otherwise(find: Find) -> None:
    text = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', os.environ.get('S', 'shop.live'))\n"
    assert told(find({"manage.py": text})) == [("shop.live", "manage.py:2")]
