"""A checkout tells about itself, and nothing of it is run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import (
    _block,
    _discovery,
    _integration,
)
from ansible_collections.celeriac.django.plugins.module_utils._discovery import discover

Write = Callable[[Path, Mapping[str, str | bytes]], Path]

#: Whoever runs this, sees it.
RUN = "raise SystemExit('this was run')\n"
MANAGE = RUN + "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
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


def test_a_plain_project(make: Make) -> None:
    top = make()
    found = discover(str(top))
    assert (found.path, found.base) == (str(top), str(top))
    assert (found.package, found.package_path) == ("shop", str(top / "shop"))
    assert (found.settings, found.settings_file) == ("shop.settings", str(top / "shop/settings.py"))
    assert found.settings_source == "shop/wsgi.py:3"
    assert found.apps_file == str(top / "shop/settings.py")
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
    write_tree(tmp_path, {"one/manage.py": "", "two/manage.py": ""})
    with pytest.raises(_discovery.DiscoveryError) as caught:
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
    with pytest.raises(_discovery.DiscoveryError, match=r"there is no manage\.py"):
        discover(str(tmp_path))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(_discovery.DiscoveryError) as caught:
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
    with pytest.raises(_discovery.DiscoveryError, match="celery_project_settings: no settings module"):
        discover(str(top))


def test_the_variable_wins(make: Make) -> None:
    found = discover(str(make({"shop/other.py": APPS})), settings="shop.other")
    assert (found.settings, found.settings_source) == ("shop.other", "celery_project_settings")


def test_settings_that_are_not_there_are_named_with_who_says_so(make: Make) -> None:
    with pytest.raises(_discovery.DiscoveryError) as caught:
        discover(str(make({"shop/settings.py": None})))
    assert "no settings module shop.settings below" in str(caught.value)
    assert "(named by shop/wsgi.py:3)" in str(caught.value)


@pytest.mark.parametrize("file", ["shop/settings.py", "shop/wsgi.py"])
def test_a_syntax_error_is_named(file: str, make: Make) -> None:
    with pytest.raises(_discovery.DiscoveryError) as caught:
        discover(str(make({file: "A = 1\nB = (\n"})))
    assert f"{file}:2: " in str(caught.value)
    assert "B = (" in str(caught.value)


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
    assert found.apps_file == str(top / "shop/settings/base.py")
    assert found.package == "shop"
    assert list(found.apps) == ["orders", "customers"]
    assert ("storages" in found.installed_apps) == ("storages" in production)


def test_apps_of_production_alone_are_in_its_own_file(make: Make) -> None:
    top = make({**SPLIT, "shop/settings/production.py": "from .base import *\nINSTALLED_APPS = ['x']\n"})
    assert discover(str(top)).apps_file == str(top / "shop/settings/production.py")


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
    assert found.apps_file == str(top / "shop/settings/base.py")


def test_settings_that_import_each_other_come_to_an_end(make: Make) -> None:
    base = "from .production import *\n" + APPS
    assert discover(str(make({**SPLIT, "shop/settings/base.py": base}))).apps


@pytest.mark.parametrize(
    "settings",
    [
        "class Production:\n    INSTALLED_APPS = []\n",
        "from elsewhere import *\nINSTALLED_APPS += ['x']\n",
        "",
    ],
)
def test_settings_without_apps_are_told(settings: str, make: Make) -> None:
    with pytest.raises(_discovery.DiscoveryError) as caught:
        discover(str(make({"shop/settings.py": settings})))
    assert "INSTALLED_APPS gets no value" in str(caught.value)
    assert "shop/settings.py" in str(caught.value)


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
    with pytest.raises(_discovery.DiscoveryError, match="celery_project_package: there is no package x"):
        discover(str(make()), package="x")


def test_settings_beside_manage_have_no_package(make: Make) -> None:
    top = make({"shop/wsgi.py": MANAGE.format("settings"), "settings.py": APPS})
    with pytest.raises(_discovery.DiscoveryError, match="celery_project_package"):
        discover(str(top))
    assert discover(str(top), package="shop").settings_file == str(top / "settings.py")


def test_a_package_without_init(make: Make) -> None:
    assert discover(str(make({"shop/__init__.py": None}))).package_is_namespace
    assert not discover(str(make())).package_is_namespace


# What else is in it


@pytest.mark.parametrize(
    ("databases", "engine"),
    [
        ("{'default': {'ENGINE': 'django.db.backends.postgresql'}}", "postgresql"),
        ("{'default': {'ENGINE': 'django.contrib.gis.db.backends.postgis'}}", "postgresql"),
        ("{'default': {'ENGINE': 'django.contrib.gis.db.backends.spatialite'}}", "sqlite3"),
        ("{'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': path('x')}}", "sqlite3"),
        ("{'default': {'ENGINE': 'django.db.backends.mysql'}}", "mysql"),
        ("{'default': env.db('DATABASE_URL')}", "url"),
        ("{'default': dj_database_url.config()}", "url"),
        ("{}", ""),
    ],
)
def test_the_database(databases: str, engine: str, make: Make) -> None:
    top = make({**SPLIT, "shop/settings/base.py": f"{APPS}DATABASES = {databases}\n"})
    assert discover(str(top)).database == engine


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


TASKS = """
from celery import shared_task
from shop.celery import app, celery_app
from django.tasks import task
import huey, celery

@shared_task
def plain(): ...

@shared_task(bind=True, max_retries=3)
def bound(self): ...

@shared_task(name="billing.charge")
def named(): ...

@app.task
def of_the_app(): ...

@celery_app.task(ignore_result=True)
async def of_another_app(): ...

@celery.shared_task
def by_its_module(): ...

@other
@shared_task()
@another(1)
def among_others(): ...

def factory():
    @shared_task
    def inner(): ...

@task
def of_django(): ...

@huey.task()
def of_huey(): ...

@shared_task(name=NAMES["x"])
def named_at_run_time(): ...

def no_task(): ...
"""


def test_tasks_are_found_with_file_and_line(make: Make) -> None:
    found = discover(str(make({"orders/tasks.py": TASKS})))
    names = {
        "plain": 8,
        "bound": 11,
        "of_the_app": 17,
        "of_another_app": 20,
        "by_its_module": 23,
        "among_others": 28,
        "inner": 32,
    }
    places = {f"orders.tasks.{name}": f"orders/tasks.py:{line}" for name, line in names.items()}
    assert found.tasks == {"billing.charge": "orders/tasks.py:14", **places}


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("orders/tasks/__init__.py", "orders.tasks"),
        ("orders/tasks/emails.py", "orders.tasks.emails"),
        ("orders/jobs.py", "orders.jobs"),
    ],
)
def test_tasks_have_the_name_of_their_module(file: str, module: str, make: Make) -> None:
    task = "from celery import shared_task\n@shared_task\ndef send(): ...\n"
    assert list(discover(str(make({file: task}))).tasks) == [f"{module}.send"]


@pytest.mark.parametrize(
    "file",
    [
        "orders/tests/test_tasks.py",
        "orders/tests/factories.py",
        "orders/tests.py",
        "orders/test_tasks.py",
        "conftest.py",
        "orders/migrations/0001_initial.py",
        "env/lib/tasks.py",
        "web/node_modules/tasks.py",
        "orders/tasks.txt",
    ],
)
def test_tasks_elsewhere_do_not_count(file: str, make: Make) -> None:
    task = "from celery import shared_task\n@shared_task\ndef send(): ...\n"
    assert discover(str(make({file: task, "env/pyvenv.cfg": ""}))).tasks == {}


@pytest.mark.parametrize(
    "text",
    [
        "import os\napp = Celery('shop')\n",
        "import celery\napp = celery.Celery('shop')\n",
        "from celery import Celery\napp: Celery = Celery('shop')\n",
    ],
)
def test_an_existing_celery_app(text: str, make: Make) -> None:
    assert discover(str(make({"shop/celery_app.py": text}))).celery_app == {
        "module": "shop.celery_app",
        "variable": "app",
        "file": "shop/celery_app.py",
        "place": "shop/celery_app.py:2",
    }


@pytest.mark.parametrize(
    "files",
    [
        {"shop/tests/test_celery.py": "app = Celery('test')\n"},
        {"shop/x.py": "def f():\n    app = Celery('local')\n"},
        {"shop/x.py": "app = make(Celery('x'))\n# Celery('x')\n"},
    ],
)
def test_no_celery_app(files: dict[str, str], make: Make) -> None:
    assert discover(str(make(files))).celery_app is None


@pytest.fixture
def integrated(make: Make) -> Path:
    """The plain project with an integration of ours."""
    top = make({".env.example": "SECRET_KEY=x\nexport DEBUG=1\n# OTHER=1\n"})
    change = _integration.integrate(
        top,
        f"shop/{_integration.RECORD_PATH}",
        {"shop/celery.py": "from celery import Celery\napp = Celery('shop')\n"},
        {".env.example": {"lines": "CELERY_BROKER_URL=x"}},
        lambda path: path.read_bytes() if path.exists() else None,
    )
    for path, content in change.changed().items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content or b"")
    return top


def test_the_app_that_is_ours_is_not_the_projects(integrated: Path) -> None:
    found = discover(str(integrated))
    assert (found.integrated, found.celery_app) == (True, None)


def test_the_projects_app_beside_ours(integrated: Path) -> None:
    (integrated / "orders/celery.py").write_text("app = Celery('mine')\n")
    found = discover(str(integrated))
    assert found.celery_app
    assert (found.integrated, found.celery_app["module"]) == (True, "orders.celery")


def test_a_damaged_record_is_told(integrated: Path) -> None:
    (integrated / "shop" / _integration.RECORD_PATH).write_text("<<<<<<< HEAD\n")
    with pytest.raises(_discovery.DiscoveryError, match=r"integration\.json"):
        discover(str(integrated))


def test_names_that_the_project_documents_itself(integrated: Path) -> None:
    assert _block.has_block((integrated / ".env.example").read_bytes())
    assert discover(str(integrated)).documented == ["SECRET_KEY", "DEBUG"]


def test_no_names_are_documented(make: Make) -> None:
    assert discover(str(make())).documented == []


def test_the_owner_of_the_checkout(make: Make) -> None:
    top = make()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
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
    top = make({"orders/tasks.py": TASKS})
    before = snapshot(top)
    discover(str(top))
    assert snapshot(top) == before
