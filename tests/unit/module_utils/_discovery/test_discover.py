# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout tells about itself, and nothing of it is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block, integration
from ansible_collections.celeriac.django.plugins.module_utils._discovery import discover as _discovery
from ansible_collections.celeriac.django.plugins.module_utils._discovery.discover import discover
from ansible_collections.celeriac.django.plugins.module_utils._discovery.source import DiscoveryError

Write = Callable[[Path, Mapping[str, str | bytes]], Path]

#: Whoever runs this, sees it.
RUN = "raise SystemExit('this was run')\n"
MANAGE = RUN + "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
NAMES = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
TASK = "from celery import shared_task\n@shared_task\ndef send(): ...\n"
APPS = "INSTALLED_APPS = ['django.contrib.admin', 'orders.apps.OrdersConfig', 'customers']\n"

PLAIN = {
    "manage.py": MANAGE.format("shop.settings"),
    "shop/__init__.py": "",
    "shop/wsgi.py": MANAGE.format("shop.settings"),
    "shop/settings.py": RUN + APPS,
    "orders/__init__.py": "",
    "customers/models.py": "",
}


@pytest.fixture
def make(tmp_path: Path, write_tree: Write) -> Callable[..., Path]:
    """Makes a plain project, with other files on top; None takes one away."""

    def make(files: Mapping[str, str | bytes | None] | None = None) -> Path:
        wanted = {**PLAIN, **(files or {})}
        return write_tree(tmp_path, {name: text for name, text in wanted.items() if text is not None})

    return make


Make = Callable[..., Path]


def place_of(found: _discovery.Project) -> str:
    """Returns the one file that gets the settings' block."""
    (place,) = found.settings_places
    return str(place.file)


def test_a_plain_project(make: Make) -> None:
    top = make()
    found = discover(str(top))
    assert (found.path, found.base) == (str(top), str(top))
    assert (found.package, found.package_path) == ("shop", str(top / "shop"))
    assert (found.settings, found.settings_file) == ("shop.settings", str(top / "shop/settings.py"))
    assert found.settings_source == "shop/wsgi.py:3"
    assert place_of(found) == str(top / "shop/settings.py")
    assert found.installed_apps == [
        "django.contrib.admin",
        "orders.apps.OrdersConfig",
        "customers",
    ]
    assert found.apps == {"orders": str(top / "orders"), "customers": str(top / "customers")}
    assert (found.tasks, found.celery_app, found.integrated) == ({}, None, False)
    assert (found.owner_uid, found.owner_gid) == (os.getuid(), os.getgid())


# Where manage.py is


def test_manage_in_a_folder_below(tmp_path: Path, make: Make) -> None:
    make()
    (tmp_path / "checkout").mkdir()
    for name in ("manage.py", "shop", "orders", "customers"):
        (tmp_path / name).rename(tmp_path / "checkout" / name)
    found = discover(str(tmp_path))
    assert (found.path, found.base) == (str(tmp_path), str(tmp_path / "checkout"))
    assert found.settings_source == "shop/wsgi.py:3"
    assert list(found.apps) == ["orders", "customers"]


def test_several_projects_are_named(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"one/manage.py": "import django", "two/manage.py": "import django"})
    with pytest.raises(DiscoveryError) as caught:
        discover(str(tmp_path))
    assert "one/manage.py, two/manage.py" in str(caught.value)
    assert "celery_project_path" in str(caught.value)


def test_a_project_at_the_top_hides_those_below(make: Make) -> None:
    assert discover(str(make({"examples/demo/manage.py": ""}))).package == "shop"


@pytest.mark.parametrize(
    "place", ["env/manage.py", "node_modules/x/manage.py", ".tox/manage.py", "site-packages/manage.py"]
)
def test_what_is_installed_is_no_project(place: str, tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {place: "", "env/pyvenv.cfg": "", "readme.py": ""})
    with pytest.raises(DiscoveryError, match=r"there is no manage\.py"):
        discover(str(tmp_path))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DiscoveryError) as caught:
        discover(str(tmp_path / "absent"))
    assert "celery_project_path: there is no folder" in str(caught.value)


# Which settings


def test_the_server_speaks_for_production(make: Make) -> None:
    top = make({"shop/wsgi.py": MANAGE.format("shop.production"), "shop/production.py": APPS})
    assert discover(str(top)).settings == "shop.production"


def test_asgi_speaks_where_wsgi_is_silent(make: Make) -> None:
    top = make(
        {
            "shop/wsgi.py": RUN,
            "shop/asgi.py": MANAGE.format("shop.live"),
            "shop/live.py": APPS,
        }
    )
    found = discover(str(top))
    assert (found.settings, found.settings_source) == ("shop.live", "shop/asgi.py:3")


def test_only_manage_names_the_settings(make: Make) -> None:
    found = discover(str(make({"shop/wsgi.py": None})))
    assert (found.settings, found.settings_source) == ("shop.settings", "manage.py:3")


def test_nothing_names_the_settings(make: Make) -> None:
    top = make({"shop/wsgi.py": None, "manage.py": ""})
    with pytest.raises(DiscoveryError, match="celery_project_settings: no settings module"):
        discover(str(top))


LOADS = "from dotenv import load_dotenv\nload_dotenv()\n"


@pytest.mark.parametrize(
    ("env", "server", "settings"),
    [
        ("DJANGO_SETTINGS_MODULE=shop.live\n", LOADS + NAMES.format("shop.settings"), "shop.live"),
        ("export DJANGO_SETTINGS_MODULE='shop.live' # the site\n", LOADS, "shop.live"),
        ("DJANGO_SETTINGS_MODULE=shop.live\n", NAMES.format("shop.settings") + LOADS, "shop.settings"),
        (
            "DJANGO_SETTINGS_MODULE=shop.live\n",
            NAMES.format("shop.settings") + LOADS.replace("()", "(override=True)"),
            "shop.live",
        ),
        ("#DJANGO_SETTINGS_MODULE=shop.live\nA=1\n", LOADS + NAMES.format("shop.settings"), "shop.settings"),
        ("DJANGO_SETTINGS_MODULE=shop.live\n", NAMES.format("shop.settings"), "shop.settings"),
    ],
)
def test_settings_are_those_that_the_web_takes_from_its_env_file(
    env: str, server: str, settings: str, make: Make
) -> None:
    found = discover(str(make({"shop/wsgi.py": server, "shop/live.py": APPS, ".env": env})))
    assert found.settings == settings
    assert ("which shop/wsgi.py:" in found.settings_source) == (settings == "shop.live")


def test_an_env_file_that_is_not_there_is_told_where_nothing_else_names_settings(make: Make) -> None:
    top = make({"shop/wsgi.py": LOADS, "manage.py": LOADS, "shop/production.example.py": APPS})
    with pytest.raises(DiscoveryError, match=r"manage\.py:2 loads a file such as \.env, and none") as caught:
        discover(str(top))
    assert "shop.production.example" not in str(caught.value)


def test_a_wsgi_of_a_program_without_django_is_not_the_projects(make: Make) -> None:
    other = "type Newer = int\ndef application(environ, start_response): ...\n"
    found = discover(str(make({"shop/tiles/wsgi.py": other, "shop/asgi.py": MANAGE.format("shop.settings")})))
    assert (found.settings, found.web) == ("shop.settings", "shop.wsgi")


def test_the_variable_wins(make: Make) -> None:
    found = discover(str(make({"shop/other.py": APPS})), settings="shop.other")
    assert (found.settings, found.settings_source) == ("shop.other", "celery_project_settings")


def test_settings_that_are_not_there_are_named_with_who_says_so(make: Make) -> None:
    with pytest.raises(DiscoveryError) as caught:
        discover(str(make({"shop/settings.py": None})))
    assert "no settings module shop.settings below" in str(caught.value)
    assert "(named by shop/wsgi.py:3)" in str(caught.value)


@pytest.mark.parametrize("file", ["shop/settings.py", "shop/wsgi.py"])
def test_a_syntax_error_is_named(file: str, make: Make) -> None:
    with pytest.raises(DiscoveryError) as caught:
        discover(str(make({file: "A = 1\nB = (\n"})))
    assert f"{file}:2: '(' was never closed" in str(caught.value)


def test_a_syntax_error_elsewhere_is_for_django_to_tell(make: Make) -> None:
    assert discover(str(make({"orders/tasks.py": "from celery import task\nB = (\n"}))).tasks == {}


SPLIT = {
    "shop/settings.py": None,
    "shop/settings/__init__.py": "",
    "shop/settings/base.py": APPS,
    "shop/settings/dev.py": "from .base import *\nINSTALLED_APPS += ['debug_toolbar']\n",
    "shop/settings/production.py": "from .base import *\nDEBUG = False\n",
    "shop/wsgi.py": MANAGE.format("shop.settings.production"),
    "manage.py": MANAGE.format("shop.settings.dev"),
}


@pytest.mark.parametrize(
    "production",
    [
        "from .base import *\nDEBUG = False\n",
        "from shop.settings.base import *\n",
        "from ..settings.base import *\n",
        "try:\n    from .base import *\nexcept ImportError:\n    pass\n",
        "from .base import *\nINSTALLED_APPS += ['storages']\n",
        "from .base import *\nINSTALLED_APPS = INSTALLED_APPS + ['storages']\n",
        "from .base import *\nINSTALLED_APPS = ['storages', *INSTALLED_APPS]\n",
        "from .common import *\n",
    ],
)
def test_the_apps_file_is_the_base_of_all_environments(production: str, make: Make) -> None:
    top = make(
        {
            **SPLIT,
            "shop/settings/production.py": production,
            "shop/settings/common.py": "from .base import *\n",
        }
    )
    found = discover(str(top))
    assert found.settings == "shop.settings.production"
    assert found.settings_file == str(top / "shop/settings/production.py")
    assert place_of(found) == str(top / "shop/settings/base.py")
    assert found.package == "shop"
    assert list(found.apps) == ["orders", "customers"]
    assert ("storages" in found.installed_apps) == ("storages" in production)


def test_environments_with_apps_of_their_own_have_a_place_each(make: Make) -> None:
    own = "from .base import *\nINSTALLED_APPS = ['x']\n"
    top = make({**SPLIT, "shop/settings/production.py": own, "shop/settings/dev.py": f"\n{own}"})
    places = discover(str(top)).settings_places
    assert [place.file for place in places] == [
        str(top / "shop/settings/production.py"),
        str(top / "shop/settings/dev.py"),
    ]
    assert places[0].why == "INSTALLED_APPS gets its value in line 2"
    assert places[1].why == "INSTALLED_APPS gets its value in line 3 (manage.py:3 names it)"


def test_production_with_apps_of_its_own_beside_a_common_base(make: Make) -> None:
    top = make({**SPLIT, "shop/settings/production.py": "from .base import *\nINSTALLED_APPS = ['x']\n"})
    names = [Path(place.file).name for place in discover(str(top)).settings_places]
    assert names == ["production.py", "base.py"]


def test_development_that_cannot_get_a_block_does_not_stop_production(make: Make) -> None:
    top = make({**SPLIT, "shop/settings/dev.py": "DEBUG = True\n"})
    assert place_of(discover(str(top))) == str(top / "shop/settings/base.py")


def test_settings_of_a_package_itself(make: Make) -> None:
    top = make(
        {
            **SPLIT,
            "shop/wsgi.py": MANAGE.format("shop.settings"),
            "shop/settings/__init__.py": "from .base import *\n",
        }
    )
    found = discover(str(top))
    assert found.settings_file == str(top / "shop/settings/__init__.py")
    assert place_of(found) == str(top / "shop/settings/base.py")


def test_settings_that_import_each_other_come_to_an_end(make: Make) -> None:
    base = "from .production import *\n" + APPS
    assert discover(str(make({**SPLIT, "shop/settings/base.py": base}))).apps


@pytest.mark.parametrize(
    "settings",
    [
        "INSTALLED_APPS = ['a', 'b', 'orders']",
        "INSTALLED_APPS = ('a', 'b', 'orders')",
        "INSTALLED_APPS: list[str] = ['a', 'b', 'orders']",
        "INSTALLED_APPS = ['a', 'b'] + ['orders']",
        "INSTALLED_APPS = ['a', 'b']\nINSTALLED_APPS += ['orders']",
        "THIRD = ['b']\nOWN = ('orders',)\nINSTALLED_APPS = ['a', *THIRD, *OWN]",
        "INSTALLED_APPS = ['a', 'b']\nif DEBUG:\n    INSTALLED_APPS += ['orders']",
    ],
)
def test_apps_in_all_ways_of_writing(settings: str, make: Make) -> None:
    found = discover(str(make({"shop/settings.py": settings})))
    assert found.installed_apps == ["a", "b", "orders"]
    assert list(found.apps) == ["orders"]


def test_an_app_within_a_folder(make: Make) -> None:
    settings = "INSTALLED_APPS = ['apps.billing.apps.BillingConfig', 'apps.stock']"
    top = make({"shop/settings.py": settings, "apps/billing/x.py": "", "apps/stock/x.py": ""})
    assert list(discover(str(top)).apps) == ["apps.billing", "apps.stock"]


# Which package


def test_the_package_of_the_variable(make: Make) -> None:
    found = discover(str(make()), package="orders")
    assert (found.package, found.settings) == ("orders", "shop.settings")


def test_a_package_that_is_not_there_is_told(make: Make) -> None:
    with pytest.raises(DiscoveryError, match="celery_project_package: there is no package x"):
        discover(str(make()), package="x")


LAYOUTS: list[tuple[str, dict[str, str | bytes | None], dict[str, object]]] = [
    (
        "settings beside manage.py",
        {"manage.py": NAMES.format("settings"), "settings.py": APPS, "wsgi.py": NAMES.format("settings")},
        {"package": "", "package_path": "", "settings": "settings", "places": ["settings.py"]},
    ),
    (
        "a settings package at the top",
        {"manage.py": NAMES.format("settings"), "settings/__init__.py": APPS},
        {"package": "settings", "package_path": "settings", "places": ["settings/__init__.py"]},
    ),
    (
        "settings at the top and the server in a package",
        {
            "manage.py": NAMES.format("settings.dev"),
            "settings/base.py": APPS,
            "settings/dev.py": "from .base import *\n",
            "settings/live.py": "from .base import *\n",
            "shop/__init__.py": "",
            "shop/wsgi.py": NAMES.format("settings.live"),
        },
        {"package": "shop", "settings": "settings.live", "places": ["settings/base.py"]},
    ),
    (
        "a namespace package",
        {"manage.py": NAMES.format("shop.settings"), "shop/settings.py": APPS},
        {"package": "shop", "package_is_namespace": True, "places": ["shop/settings.py"]},
    ),
    (
        "src",
        {
            "src/manage.py": NAMES.format("shop.settings"),
            "src/shop/__init__.py": "import os\n",
            "src/shop/settings.py": APPS,
            "src/orders/__init__.py": "",
            "src/orders/tasks.py": TASK,
        },
        {
            "base": "src",
            "package_path": "src/shop",
            "package_imports": True,
            "import_paths": [],
            "apps": {"orders": "src/orders"},
            "tasks": {"orders.tasks.send": "orders/tasks.py:3"},
        },
    ),
    (
        "manage.py beside src",
        {
            "manage.py": NAMES.format("shop.settings") + "import sys\nsys.path.insert(0, 'src')\n",
            "src/shop/__init__.py": "",
            "src/shop/settings.py": APPS,
            "src/orders/tasks.py": TASK,
        },
        {
            "base": "",
            "package": "shop",
            "package_path": "src/shop",
            "import_paths": ["src"],
            "apps": {"orders": "src/orders"},
            "tasks": {"orders.tasks.send": "src/orders/tasks.py:3"},
        },
    ),
    (
        "manage.py beside src, as a namespace package that is installed",
        {
            "manage.py": NAMES.format("shop.settings"),
            "src/shop/settings.py": APPS,
            "src/shop/tasks.py": TASK,
        },
        {
            "package_path": "src/shop",
            "import_paths": ["src"],
            "tasks": {"shop.tasks.send": "src/shop/tasks.py:3"},
        },
    ),
    (
        "cookiecutter",
        {
            "manage.py": "import sys\n"
            + NAMES.format("config.settings.local")
            + "sys.path.append(str(ROOT / 'shop'))\n",
            "config/__init__.py": "",
            "config/settings/__init__.py": "",
            "config/settings/base.py": "LOCAL = ['orders', 'shop.users']\nINSTALLED_APPS = ['a'] + LOCAL\n",
            "config/settings/local.py": "from .base import *\nINSTALLED_APPS += ['toolbar']\n",
            "config/settings/production.py": "from .base import *\nX = env('SECRET_KEY')\n",
            "config/wsgi.py": NAMES.format("config.settings.production"),
            "shop/__init__.py": "",
            "shop/orders/tasks.py": TASK,
            "shop/users/__init__.py": "",
            "shop/users/tasks.py": TASK,
        },
        {
            "package": "config",
            "settings": "config.settings.production",
            "places": ["config/settings/base.py"],
            "import_paths": ["shop"],
            "environment": {"SECRET_KEY": "config/settings/production.py:2"},
            "tasks": {
                "orders.tasks.send": "shop/orders/tasks.py:3",
                "shop.users.tasks.send": "shop/users/tasks.py:3",
            },
        },
    ),
    (
        "cookiecutter with its own Celery",
        {
            "manage.py": NAMES.format("config.settings.local"),
            "config/__init__.py": "from .celery_app import app as celery_app\n",
            "config/celery_app.py": "from celery import Celery\napp = Celery('shop')\n"
            "app.config_from_object('django.conf:settings', namespace='CELERY')\n",
            "config/settings/local.py": f"{APPS}CELERY_TASK_ALWAYS_EAGER = True\n",
        },
        {
            "places": ["config/settings/local.py"],
            "app": ("config.celery_app", "app", "config/celery_app.py:3"),
            "celery_settings": {"CELERY_TASK_ALWAYS_EAGER": "config/settings/local.py:2"},
        },
    ),
    (
        "settings that choose by the environment",
        {
            "manage.py": NAMES.format("shop.settings"),
            "shop/__init__.py": "",
            "shop/settings/__init__.py": "if LIVE:\n    from .live import *\nelse:\n    from .dev import *\n",
            "shop/settings/live.py": APPS,
            "shop/settings/dev.py": APPS,
        },
        {"settings": "shop.settings", "places": ["shop/settings/__init__.py"]},
    ),
    (
        "settings that try a local file",
        {
            "manage.py": NAMES.format("shop.settings"),
            "shop/__init__.py": "",
            "shop/settings/__init__.py": "from .base import *\ntry:\n    from .local import *\n"
            "except ImportError:\n    pass\n",
            "shop/settings/base.py": APPS,
        },
        {"places": ["shop/settings/base.py"]},
    ),
    (
        "a hint in pyproject.toml alone",
        {
            "manage.py": "from django.core.management import execute_from_command_line\n",
            "pyproject.toml": "[tool.django]\nsettings_module = 'shop.settings'\n",
            "shop/__init__.py": "",
            "shop/settings.py": APPS,
        },
        {"settings": "shop.settings", "settings_source": "pyproject.toml:2", "places": ["shop/settings.py"]},
    ),
    (
        "several servers",
        {
            "manage.py": NAMES.format("shop.dev"),
            "api/__init__.py": "",
            "api/wsgi.py": NAMES.format("api.settings"),
            "api/settings.py": APPS,
            "shop/__init__.py": "",
            "shop/wsgi.py": NAMES.format("shop.live"),
            "shop/base.py": APPS,
            "shop/dev.py": "from .base import *\n",
            "shop/live.py": "from .base import *\n",
        },
        {"settings": "shop.live", "package": "shop", "places": ["shop/base.py", "api/settings.py"]},
    ),
    (
        "apps by a function of the project",
        {
            "manage.py": NAMES.format("shop.settings"),
            "shop/__init__.py": "",
            "shop/settings.py": "from .plugins import apps\nINSTALLED_APPS = ['a', *apps()]\n",
            "shop/plugins.py": "def apps():\n    found = ['orders']\n    return found\n",
            "orders/__init__.py": "",
        },
        {"installed_apps": ["a", "orders"], "apps": {"orders": "orders"}, "places": ["shop/settings.py"]},
    ),
    (
        "apps of a third party",
        {
            "manage.py": NAMES.format("shop.settings"),
            "shop/__init__.py": "",
            "shop/settings.py": "from theirs.settings import *\nINSTALLED_APPS += ['orders']\n",
            "orders/__init__.py": "",
        },
        {"installed_apps": ["orders"], "places": ["shop/settings.py"]},
    ),
    (
        "django-split-settings",
        {
            "manage.py": NAMES.format("shop.settings"),
            "shop/__init__.py": "",
            "shop/settings/__init__.py": "from split_settings.tools import include, optional\n"
            "include('components/*.py', optional(f'{ENV}.py'))\n",
            "shop/settings/components/apps.py": APPS,
            "shop/settings/live.py": "INSTALLED_APPS += ['orders2']\n",
            "orders/__init__.py": "",
        },
        {
            "places": ["shop/settings/__init__.py"],
            "installed_apps": ["orders2", "django.contrib.admin", "orders.apps.OrdersConfig", "customers"],
            "apps": {"orders": "orders"},
        },
    ),
    (
        "apps below a folder that the settings put on the path",
        {
            "manage.py": NAMES.format("shop.settings"),
            "shop/__init__.py": "",
            "shop/settings.py": "import sys\nsys.path.insert(0, str(BASE / 'lib'))\nfrom shared import *\n",
            "lib/shared.py": APPS,
            "lib/orders/tasks.py": TASK,
        },
        {
            "import_paths": [],
            "apps": {"orders": "lib/orders"},
            "tasks": {"orders.tasks.send": "lib/orders/tasks.py:3"},
            "places": ["lib/shared.py"],
        },
    ),
]


def told(found: _discovery.Project, name: str) -> object:
    """Returns what was found, with paths relative to the checkout."""
    top = Path(found.path)
    if name == "places":
        return [str(Path(place.file).relative_to(top)) for place in found.settings_places]
    if name == "app":
        app = found.celery_app
        return (app.module, app.variable, app.configured) if app else (None, None, None)
    value = getattr(found, name)
    if name == "apps":
        return {app: str(Path(folder).relative_to(top)) for app, folder in value.items()}
    if name == "import_paths":
        return [str(Path(folder).relative_to(top)) for folder in value]
    if name in ("base", "package_path"):
        return os.path.relpath(value, top).removeprefix(".")
    return value


@pytest.mark.parametrize(
    ("files", "expected"), [layout[1:] for layout in LAYOUTS], ids=[e[0] for e in LAYOUTS]
)
def test_a_layout_of_real_projects(
    files: dict[str, str | bytes], expected: dict[str, object], tmp_path: Path, write_tree: Write
) -> None:
    found = discover(str(write_tree(tmp_path, files)))
    assert {name: told(found, name) for name in expected} == expected


def test_the_variable_changes_nothing_where_it_says_what_is_found(tmp_path: Path, write_tree: Write) -> None:
    files = {f"src/{name}": text for name, text in PLAIN.items() if name.startswith("shop/")}
    inits = {"src/__init__.py": "", "manage.py": NAMES.format("src.shop.settings")}
    top = write_tree(tmp_path, {**files, **inits, "src/shop/wsgi.py": NAMES.format("src.shop.settings")})
    found = discover(str(top))
    assert found.package == "src.shop"
    given = discover(str(top), settings="src.shop.settings")
    assert (given.package, given.settings_places) == (found.package, found.settings_places)


def test_classes_are_refused_with_what_to_do(make: Make) -> None:
    names = NAMES.format("shop.settings") + "os.environ.setdefault('DJANGO_CONFIGURATION', 'Live')\n"
    settings = "class Base(Configuration):\n    INSTALLED_APPS = []\nclass Live(Base): ...\n"
    with pytest.raises(DiscoveryError) as caught:
        discover(str(make({"shop/wsgi.py": names, "shop/settings.py": settings})))
    assert "shop/settings.py:2: the settings are in the class Base" in str(caught.value)
    assert '"DJANGO_CONFIGURATION", "Live"' in str(caught.value)


def test_classes_with_a_celery_app_are_deployed(make: Make) -> None:
    names = NAMES.format("shop.settings") + "os.environ.setdefault('DJANGO_CONFIGURATION', 'Live')\n"
    settings = "class Live(Configuration):\n    INSTALLED_APPS = []\n"
    app = "from celery import Celery\napp = Celery('shop')\n"
    top = make({"shop/wsgi.py": names, "shop/settings.py": settings, "shop/celery.py": app})
    found = discover(str(top))
    assert (found.configuration, found.settings_places) == ("Live", [])
    assert "the settings are in the class Live" in found.settings_problem
    assert found.celery_app
    assert found.celery_app.place == "shop/celery.py:2"


def test_several_apps_are_told(make: Make) -> None:
    app = "from celery import Celery\napp = Celery('shop')\n"
    found = discover(str(make({"shop/celery.py": app, "orders/queue.py": app})))
    assert found.celery_app
    assert (found.celery_app.module, found.other_celery_apps) == ("shop.celery", ["orders/queue.py:2"])


def test_what_git_ignores_is_no_part_of_the_project(make: Make) -> None:
    app = "from celery import Celery\napp = Celery('old')\n"
    top = make(
        {
            ".gitignore": "/build/\n/old/\n",
            "build/shop/wsgi.py": NAMES.format("build.settings"),
            "old/celery.py": app,
            "old/tasks.py": TASK,
            "orders/tasks.py": TASK,
        }
    )
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    found = discover(str(top))
    assert found.settings_source == "shop/wsgi.py:3"
    assert (list(found.tasks), found.celery_app) == (["orders.tasks.send"], None)


def test_a_package_without_init(make: Make) -> None:
    assert discover(str(make({"shop/__init__.py": None}))).package_is_namespace
    assert not discover(str(make())).package_is_namespace


# What else is in it


def test_the_database_of_production_counts(make: Make) -> None:
    databases = "DATABASES = {'default': {'ENGINE': 'django.db.backends.%s'}}\n"
    top = make(
        {
            **SPLIT,
            "shop/settings/base.py": APPS + databases % "sqlite3",
            "shop/settings/production.py": "from .base import *\n" + databases % "postgresql",
        }
    )
    assert discover(str(top)).database == "postgresql"


def test_no_database(make: Make) -> None:
    assert discover(str(make())).database == ""


def test_requirements_of_the_checkout(make: Make) -> None:
    top = make(
        {
            "requirements.txt": "-r more.txt\nDjango>=5.2\n",
            "more.txt": "psycopg[binary]\n",
            "pyproject.toml": "[project]\nrequires-python = '>=3.12'\n",
        }
    )
    found = discover(str(top))
    assert found.requirements == ["requirements.txt"]
    assert found.required == ["django", "psycopg"]
    assert found.requires_python == ">=3.12"


@pytest.fixture
def integrated(make: Make) -> Path:
    """The plain project with an integration of ours."""
    top = make({".env.example": "SECRET_KEY=x\nexport DEBUG=1\n# OTHER=1\n"})
    change = integration.integrate(
        top,
        f"shop/{integration.RECORD_PATH}",
        {"shop/celery.py": "from celery import Celery\napp = Celery('shop')\n"},
        {".env.example": {"lines": "CELERY_BROKER_URL=x"}},
        lambda path: path.read_bytes() if path.exists() else None,
        deployment="store",
    )
    for path, content in change.changed().items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content or b"")
    return top


def test_the_app_that_is_ours_is_not_the_projects(integrated: Path) -> None:
    found = discover(str(integrated))
    assert (found.integrated, found.celery_app) == (True, None)


def test_the_name_is_the_records(integrated: Path) -> None:
    assert discover(str(integrated)).recorded_name == "store"
    (integrated / "shop" / integration.RECORD_PATH).write_text('{"made": {}, "edited": {}}')
    assert not discover(str(integrated)).recorded_name


def test_the_projects_app_beside_ours(integrated: Path) -> None:
    (integrated / "orders/celery.py").write_text("app = Celery('mine')\n")
    found = discover(str(integrated))
    assert found.celery_app
    assert (found.integrated, found.celery_app.module) == (True, "orders.celery")


def test_a_damaged_record_is_told(integrated: Path) -> None:
    (integrated / "shop" / integration.RECORD_PATH).write_text("<<<<<<< HEAD\n")
    with pytest.raises(DiscoveryError, match=r"integration\.json"):
        discover(str(integrated))


def test_names_that_the_project_documents_itself(integrated: Path) -> None:
    assert block.has_block((integrated / ".env.example").read_bytes())
    assert discover(str(integrated)).documented == ["SECRET_KEY", "DEBUG"]


def test_no_names_are_documented(make: Make) -> None:
    assert discover(str(make())).documented == []


def test_the_owner_of_the_checkout(make: Make, public_path: Path) -> None:
    top = make()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    top = top.rename(public_path / "shop")
    os.chown(top, 12345, 23456)
    found = discover(str(top))
    assert (found.owner_uid, found.owner_gid) == (12345, 23456)


def test_a_package_that_is_read_only(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    top = make()
    assert discover(str(top)).writable
    # Modes would not stop root.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "shop")
    assert not discover(str(top)).writable


def test_nothing_is_written(make: Make, snapshot: Callable[[Path], object]) -> None:
    top = make({"orders/tasks.py": TASK})
    before = snapshot(top)
    discover(str(top))
    assert snapshot(top) == before


# Projects that are odder than ours

APP = """import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")
app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
"""


def test_a_second_project_below_is_left_alone(make: Make) -> None:
    other = {
        "other/manage.py": MANAGE.format("other.config.settings"),
        "other/config/wsgi.py": MANAGE.format("other.config.settings"),
        "other/config/settings.py": APPS,
        "other/config/celery.py": APP.format("other.config.settings"),
        "other/jobs/tasks.py": TASK,
    }
    found = discover(str(make(other)))
    assert place_of(found).endswith("/shop/settings.py")
    assert found.celery_app is None
    assert found.tasks == {}
    assert "another project, that of other/manage.py" in found.doubtful_tasks["other.jobs.tasks.send"]


def test_a_manage_py_inside_of_its_package(make: Make, tmp_path: Path) -> None:
    files = {
        "manage.py": None,
        "shop/wsgi.py": None,
        "shop/__init__.py": None,
        "shop/settings.py": None,
        "src/shop/__init__.py": "",
        "src/shop/manage.py": MANAGE.format("shop.settings"),
        "src/shop/wsgi.py": MANAGE.format("shop.settings"),
        "src/shop/settings.py": "INSTALLED_APPS = ['shop.orders']\n",
        "src/shop/orders/tasks.py": TASK,
    }
    found = discover(str(make(files)))
    assert found.base == str(tmp_path / "src")
    assert (found.settings, found.package) == ("shop.settings", "shop")
    assert list(found.tasks) == ["shop.orders.tasks.send"]
    with pytest.raises(DiscoveryError, match=r"celery_project_path: .*/src"):
        discover(str(tmp_path / "src/shop"))


def test_settings_that_are_not_there_are_passed_over_and_told(make: Make) -> None:
    found = discover(str(make({"shop/wsgi.py": MANAGE.format("shop.production")})))
    assert found.settings == "shop.settings"
    (finding,) = found.findings
    assert "shop/wsgi.py:3 names the settings shop.production" in finding.text
    assert not finding.refuses


@pytest.mark.parametrize(
    "name", ["settings.py.dev", "settings.example.py", "settings.py.dist", "settings_sample.py"]
)
def test_settings_that_are_copied_from_an_example(name: str, make: Make) -> None:
    with pytest.raises(DiscoveryError, match=rf"shop/{name}: copy that to shop/settings\.py"):
        discover(str(make({"shop/settings.py": None, f"shop/{name}": APPS})))


@pytest.mark.parametrize("word", ["settings_test", "settings.testing", "settings.ci", "test_settings"])
def test_the_settings_of_tests_are_never_productions(word: str, make: Make) -> None:
    file = f"shop/{word.replace('.', '/')}.py"
    files = {
        "manage.py": "import django\n",
        "shop/wsgi.py": None,
        "shop/settings.py": None,
        "shop/settings/prod.py": APPS,
        file: APPS,
        "setup.cfg": f"[tool:pytest]\nDJANGO_SETTINGS_MODULE = shop.{word}\n",
    }
    with pytest.raises(
        DiscoveryError, match=rf"setup.cfg:2 names shop.{word}, .* there are shop.settings.prod"
    ):
        discover(str(make(files)))


def test_an_app_names_the_settings_where_nothing_else_does(make: Make) -> None:
    files = {
        "manage.py": "import django\n",
        "shop/wsgi.py": None,
        "shop/celery.py": APP.format("shop.settings"),
    }
    found = discover(str(make(files)))
    assert (found.settings, found.settings_source) == ("shop.settings", "shop/celery.py:3")


def test_an_app_with_more_settings_than_the_web_gets_these(make: Make) -> None:
    files = {
        "worker/__init__.py": "",
        "worker/celery.py": APP.format("worker.settings"),
        "worker/settings.py": "from shop.settings import *\nX = 1\n",
    }
    found = discover(str(make(files)))
    assert (found.settings, found.settings_source) == ("worker.settings", "worker/celery.py:3")


def test_an_app_with_other_settings_than_the_web_is_told(make: Make) -> None:
    files = {"shop/celery.py": APP.format("shop.local"), "shop/local.py": APPS}
    found = discover(str(make(files)))
    assert found.settings == "shop.settings"
    (finding,) = found.findings
    assert "shop/celery.py:3 names shop.local" in finding.text


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"shop/settings.py": f"{APPS}if DEBUG:\n    INSTALLED_APPS += ['tools']\n"}, "under a condition"),
        (
            {"shop/settings_dev.py": "from .settings import *\nINSTALLED_APPS += ['tools']\n"},
            "only shop/settings_dev.py:2 installs it",
        ),
    ],
)
def test_tasks_of_an_app_that_production_may_not_install_are_in_doubt(
    files: dict[str, str], why: str, make: Make
) -> None:
    found = discover(str(make({**files, "tools/__init__.py": "", "tools/tasks.py": TASK})))
    assert found.tasks == {}
    assert why in found.doubtful_tasks["tools.tasks.send"]


@pytest.mark.parametrize("folder", ["examples/plugin", "docs", "scripts"])
def test_tasks_in_folders_that_nothing_imports_are_in_doubt(folder: str, make: Make) -> None:
    found = discover(str(make({f"{folder}/tasks.py": TASK})))
    assert found.tasks == {}
    assert len(found.doubtful_tasks) == 1


def test_tasks_of_a_package_that_nothing_installs_are_missed(make: Make) -> None:
    found = discover(str(make({"reports/__init__.py": "", "reports/tasks.py": TASK})))
    assert list(found.tasks) == ["reports.tasks.send"]


# What somebody has put there

SPRUNG = "web\nExecStartPre=+/bin/touch sprung\nX="


@pytest.mark.parametrize("folder", [SPRUNG, "web\r", "web\x1b[2J", os.fsdecode(b"caf\xe9"), "web\u2028x"])
def test_a_folder_that_would_be_directives_is_refused(folder: str, make: Make, write_tree: Write) -> None:
    top = make(dict.fromkeys(PLAIN))
    write_tree(top, {f"{folder.replace('/', '_')}/{name}": text for name, text in PLAIN.items()})
    with pytest.raises(DiscoveryError, match="rename it") as caught:
        discover(str(top))
    assert repr(folder.replace("/", "_"))[1:-1] in str(caught.value)
    with pytest.raises(DiscoveryError, match="rename it"):
        discover(str(top / folder.replace("/", "_")))


def test_a_stray_file_whose_name_is_no_text_is_no_hindrance(make: Make) -> None:
    found = discover(str(make({os.fsdecode(b"orders/caf\xe9.py"): TASK, "orders/a\nb.py": TASK})))
    assert found.tasks == {}


@pytest.mark.parametrize(
    "name", ["x|default('') }}{{ lookup('pipe', 'id') }}{{ ''", "A B", "A\nB", "1A", "A-B"]
)
def test_what_is_no_name_of_a_variable_is_not_taken_for_one(name: str, make: Make) -> None:
    settings = f"import os\nA = os.environ[{name!r}]\nB = os.environ['B']\n{APPS}"
    found = discover(str(make({"shop/settings.py": settings})))
    assert found.environment == {"B": "shop/settings.py:3"}


def test_a_record_that_leads_out_of_the_checkout_is_refused(make: Make) -> None:
    record = '{"made": {"../../etc/hosts": "0"}, "edited": {}}'
    with pytest.raises(DiscoveryError, match="damaged"):
        discover(str(make({"shop/celery_ops/integration.json": record})))


CANARY = "root:canary:19000:0"


@pytest.fixture
def secret(public_path: Path) -> Path:
    """A file that belongs to who runs the tests, and that nobody else may read."""
    path = public_path / "shadow"
    path.write_text(f"{CANARY}\nnot python\n")
    path.chmod(0o600)
    return path


@pytest.fixture(params=["own", "strange"])
def settle(
    request: pytest.FixtureRequest, public_path: Path, give_away: Callable[[Path], Path]
) -> Callable[[Path], Path]:
    """Puts a checkout where everybody gets to it: that of who runs the tests, or for root a stranger's."""
    if request.param == "strange" and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")

    def settle(top: Path) -> Path:
        moved = top.rename(public_path / "shop")
        return give_away(moved) if request.param == "strange" else moved

    return settle


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_what_a_requirements_file_outside_holds_is_not_told(
    secret: Path, make: Make, settle: Callable[[Path], Path]
) -> None:
    found = discover(str(settle(make({"requirements.txt": f"Django\n-r {secret}\n"}))))
    assert found.requirements == ["requirements.txt"]
    if os.geteuid() == 0:
        assert found.required == ["django"]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", ["shop/settings.py", "shop/base.py"])
def test_no_line_of_a_file_outside_is_told(
    name: str, secret: Path, make: Make, settle: Callable[[Path], Path]
) -> None:
    top = make({"shop/settings.py": "from .base import *\n"})
    (top / name).unlink(missing_ok=True)
    (top / name).symlink_to(secret)
    top = settle(top)
    with pytest.raises(DiscoveryError, match=name) as caught:
        discover(str(top))
    assert "canary" not in str(caught.value)
    strange = top.stat().st_uid != os.geteuid()
    assert ("Permission denied" in str(caught.value)) == strange


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_checkout_of_somebody_else_is_looked_at_as_its_owner(
    public_path: Path, make: Make, give_away: Callable[[Path], Path]
) -> None:
    top = make({"orders/tasks.py": TASK})
    own = discover(str(top))
    strange = discover(str(give_away(top.rename(public_path / "shop"))))
    assert own.tasks
    assert strange.tasks == own.tasks
    assert strange.writable
    os.chown(public_path / "shop/shop", 0, 0)
    assert not discover(str(public_path / "shop")).writable
    (public_path / "shop/shop").chmod(0o700)
    with pytest.raises(DiscoveryError):
        discover(str(public_path / "shop"))


@pytest.mark.parametrize(
    "text",
    [
        "import dynaconf\nsettings = dynaconf.DjangoDynaconf(__name__)\n",
        "from dynaconf import DjangoDynaconf\nDjangoDynaconf(__name__)\n",
        "import sys\nsys.modules[__name__] = Settings()\n",
    ],
)
def test_settings_that_are_taken_above_the_block_are_refused_until_it_stands_there(
    text: str, make: Make
) -> None:
    (finding,) = discover(str(make({"shop/settings.py": APPS + text}))).findings
    assert (finding.refuses, finding.concerns) == (True, "integration")
    assert "shop/settings.py:3" in finding.text
    marks = f"{block.BEGIN}\n{block.END}\n"
    assert marks in finding.text
    assert discover(str(make({"shop/settings.py": APPS + marks + text}))).findings == []


def test_settings_of_a_pydantic_class_are_put_together_at_run_time(make: Make) -> None:
    settings = (
        "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
        "    INSTALLED_APPS: list[str] = ['orders']\nglobals().update(Settings().model_dump())\n"
    )
    found = discover(str(make({"shop/settings.py": settings})))
    assert place_of(found).endswith("/shop/settings.py")


def test_settings_that_are_put_together_at_run_time_may_take_those_beside_them(make: Make) -> None:
    settings = "import importlib\nglobals().update(vars(importlib.import_module('shop.settings.' + NAME)))\n"
    files = {
        "shop/settings.py": None,
        "shop/settings/__init__.py": settings,
        "shop/settings/base.py": APPS,
        "orders/tasks.py": TASK,
    }
    assert list(discover(str(make(files))).tasks) == ["orders.tasks.send"]


def test_settings_that_git_ignores_are_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    top = make()
    monkeypatch.setattr(_discovery, "git_ignored", lambda _top: frozenset({f"{top}/shop/settings.py"}))
    (finding,) = discover(str(top)).findings
    assert "shop/settings.py: git ignores this file" in finding.text
    assert not finding.refuses


def test_an_integration_without_its_record_is_refused(make: Make) -> None:
    ours = 'class CeleryOpsConfig(AppConfig):\n    label = "celery_ops"\n'
    (finding,) = discover(str(make({"shop/celery_ops/apps.py": ours}))).findings
    assert finding.refuses
    assert "shop/celery_ops/integration.json is missing" in finding.text
    assert "git add --force shop/celery_ops/integration.json" in finding.text
    # Somebody else's app of that name is no matter.
    assert discover(str(make({"shop/celery_ops/apps.py": "x = 1\n"}))).findings == []


def test_modules_with_the_names_of_libraries_are_found(make: Make) -> None:
    top = make({"redis.py": "", "celery/__init__.py": "", "shop/kombu.py": ""})
    assert discover(str(top)).hiding == {
        "celery": f"{top}/celery/__init__.py",
        "redis": f"{top}/redis.py",
    }


@pytest.mark.parametrize(
    "settings",
    [
        "A = ['x']\nB = ['orders']\nINSTALLED_APPS = list(A) + [app for app in B if app not in A]\n",
        "A = ['x']\nINSTALLED_APPS = A\nINSTALLED_APPS.extend(['orders'])\n",
        "INSTALLED_APPS = ['x']\nINSTALLED_APPS.append('orders')\nINSTALLED_APPS.insert(0, 'y')\n",
        "import itertools\nA = ['orders']\nINSTALLED_APPS = list(itertools.chain(['x'], A))\n",
        "A = ['orders']\nINSTALLED_APPS = sum([['x'], A], [])\n",
        "A = ['orders']\nINSTALLED_APPS = list(dict.fromkeys(A + ['x']))\n",
        'INSTALLED_APPS = """\nx\norders\n""".split()\n',
    ],
)
def test_apps_are_found_however_they_are_put_together(settings: str, make: Make) -> None:
    assert list(discover(str(make({"shop/settings.py": settings}))).apps) == ["orders"]
