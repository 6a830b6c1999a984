# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and Celery apps are found in the source, in all ways of writing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import celery_code
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import Modules
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App

Find = Callable[[Mapping[str, str]], celery_code.Found]


@pytest.fixture
def find(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]) -> Find:
    """Finds tasks and apps in a project of such files."""

    def find(files: Mapping[str, str]) -> celery_code.Found:
        write_tree(tmp_path, {"shop/__init__.py": "", "orders/__init__.py": "", **files})
        return celery_code.find_celery(tmp_path, Modules([tmp_path]))

    return find


# Apps


@pytest.mark.parametrize(
    "text",
    [
        "import os\napp = Celery('shop')\n",
        "import celery\napp = celery.Celery('shop')\n",
        "import celery as c\napp = c.Celery('shop')\n",
        "from celery import Celery\napp: Celery = Celery('shop')\n",
        "from celery import Celery as Tasks\napp = Tasks('shop')\n",
        "from celery.app.base import Celery as Tasks\napp = Tasks('shop')\n",
        "class Own(Celery): ...\napp = Own('shop')\n",
        "def make(): return Celery('shop')\napp = make()\n",
        "if True:\n    app = Celery('shop')\n",
        "try:\n    app = Celery('shop')\nexcept Exception: ...\n",
        "import x\napp = other = Celery('shop')\n",
    ],
)
def test_an_app_in_all_ways_of_writing(text: str, find: Find) -> None:
    (app,) = find({"shop/tasking.py": text}).apps
    assert app == App("shop.tasking", "app", "shop/tasking.py", "shop/tasking.py:2")


def test_a_factory_that_names_what_it_makes_first(find: Find) -> None:
    text = "def make():\n    found = Celery('shop')\n    found.conf.x = 1\n    return found\nqueue = make()\n"
    (app,) = find({"shop/tasking.py": text}).apps
    assert (app.variable, app.place) == ("queue", "shop/tasking.py:5")


@pytest.mark.parametrize(
    ("maker", "app"),
    [
        (
            "def make_celery():\n    return Celery('shop')\n",
            "from shop.make import make_celery\napp = make_celery()\n",
        ),
        ("class ShopCelery(Celery): ...\n", "from .make import ShopCelery\napp = ShopCelery('shop')\n"),
    ],
)
def test_an_app_whose_maker_is_in_another_module(maker: str, app: str, find: Find) -> None:
    files = {"shop/make.py": f"from celery import Celery\n{maker}", "shop/celery.py": app}
    assert [found.place for found in find(files).apps] == ["shop/celery.py:2"]


@pytest.mark.parametrize(
    "files",
    [
        {"shop/tests/test_celery.py": "app = Celery('test')\n"},
        {"shop/conftest.py": "app = Celery('test')\n"},
        {"shop/x.py": "def f():\n    app = Celery('local')\n"},
        {"shop/x.py": "def f():\n    Celery('local')\napp = f()\n"},
        {"shop/x.py": "app = make(Celery('x'))\n# Celery('x')\n"},
        {"shop/x.py": "from celery import Celery\nclass Own(Celery): ...\n"},
        {"shop/x.py": "self.app = Celery('x')\n"},
        {"shop/x.py": "Celery = (\n"},
        {"shop/x.txt": "app = Celery('x')\n"},
    ],
)
def test_no_app(files: dict[str, str], find: Find) -> None:
    assert find(files).apps == []


@pytest.mark.parametrize(
    ("text", "configured", "task_class"),
    [
        ("app = Celery('x')\napp.config_from_object('django.conf:settings')\n", 2, 0),
        ("app = Celery('x',\n    task_cls='shop.tasks:Own')\n", 0, 2),
        ("class Own(Celery):\n    task_cls = 'shop:Own'\napp = Own()\n", 0, 2),
        ("class Own(Celery):\n    task_cls: str = 'shop:Own'\napp = Own()\n", 0, 2),
        ("app = Celery('x')\napp.Task = Own\n", 0, 2),
    ],
)
def test_what_an_app_is_made_with(text: str, configured: int, task_class: int, find: Find) -> None:
    (app,) = find({"shop/celery.py": text}).apps
    assert app.configured == (f"shop/celery.py:{configured}" if configured else "")
    assert app.task_class == (f"shop/celery.py:{task_class}" if task_class else "")


CONFIGURED = "app.config_from_object('django.conf:settings')\n"


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"a/x.py": "", "shop/celery.py": ""}, "shop.celery"),
        ({"a/celery.py": "", "shop/x.py": ""}, "shop.x"),
        ({"a/x.py": CONFIGURED, "shop/celery.py": ""}, "a.x"),
        ({"shop/a.py": CONFIGURED, "shop/celery_app.py": CONFIGURED}, "shop.celery_app"),
        ({"a/celery.py": CONFIGURED, "b/celery.py": CONFIGURED, "shop/z.py": CONFIGURED}, "shop.z"),
        ({"shop2/celery.py": "", "shop/z.py": ""}, "shop.z"),
    ],
)
def test_of_several_apps_the_one_that_the_project_runs(
    files: dict[str, str], chosen: str, find: Find
) -> None:
    apps = find({name: f"app = Celery('x')\n{text}" for name, text in files.items()}).apps
    assert len(apps) == len(files)
    found = celery_code.choose_app(apps, "shop")
    assert found
    assert found.module == chosen


def test_of_no_app_none_is_chosen() -> None:
    assert celery_code.choose_app([], "shop") is None


def test_a_project_without_a_package_chooses_too(find: Find) -> None:
    app = "app = Celery('x')\n"
    found = celery_code.choose_app(find({"orders/a.py": app, "celery_app.py": app}).apps, "")
    assert found
    assert found.module == "celery_app"


def test_an_ignored_file_has_neither_tasks_nor_apps(tmp_path: Path, find: Find) -> None:
    text = "app = Celery('x')\n@app.task\ndef send(): ...\n"
    assert find({"old/celery.py": text}).apps
    ignored = [str(tmp_path / "old")]
    found = celery_code.find_celery(tmp_path, Modules([tmp_path]), ignored)
    assert (found.tasks, found.apps) == ({}, [])


@pytest.mark.parametrize(
    "text",
    [
        "from tenant.app import App\napp = App('x')\napp.config_from_object('django.conf:settings')\n",
        "from company import queue as app\n\napp.autodiscover_tasks()\n",
        "from company.queues import build\napp = build()\napp.autodiscover_tasks()\n",
        "def build():\n    made = X()\n    made.autodiscover_tasks()\n    return made\napp = build()\n",
        "from .make import again as build\napp = build()\n",
        "from shop import make\napp = make.again()\n",
    ],
)
def test_an_app_is_what_is_treated_as_one(text: str, find: Find) -> None:
    make = "from shop.base import build as again\n"
    base = "from celery import Celery\ndef build() -> Celery:\n    return CACHE['x']\n"
    (app,) = find({"shop/tasking.py": f"# celery\n{text}", "shop/make.py": make, "shop/base.py": base}).apps
    assert (app.module, app.variable) == ("shop.tasking", "app")


def test_a_module_is_parsed_only_if_a_name_leads_to_it(find: Find, tmp_path: Path) -> None:
    """A project's imports lead everywhere: what makes no app of a module is not followed."""
    (tmp_path / "orders").mkdir()
    broken = "import nothing\nclass Broken(\n"
    files = {
        "shop/celery.py": "# celery\nfrom shop.make import build\nfrom orders.far import x\napp = build()\n",
        "shop/make.py": "from shop.base import Own\ndef build():\n    made = Own()\n    return made\n",
        "shop/base.py": "from celery import Celery\nclass Own(Celery): ...\n",
        "orders/far.py": broken,
    }
    modules = Modules([tmp_path])
    assert [app.module for app in find(files).apps] == ["shop.celery"]
    assert [app.module for app in celery_code.find_celery(tmp_path, modules).apps] == ["shop.celery"]
    assert "orders.far" not in modules._known


@pytest.mark.parametrize(
    "line",
    [
        "from celery import Celery as Queue, chain\napp = Queue('x')",
        "from celery import (\n    Celery as Queue,\n)\napp = Queue('x')",
        "from celery import chain; import celery as c; app = c.Celery('x')",
        "from celery.app.base import Celery\napp = Celery('x')",
        "import celery as queue\napp = queue.Celery('x')",
    ],
)
def test_an_app_is_found_by_any_import(line: str, find: Find) -> None:
    assert [app.variable for app in find({"shop/celery.py": f"{line}\n"}).apps] == ["app"]


@pytest.mark.parametrize(
    "text",
    [
        "from shop.lib import report\nreport = report()\n",  # it uses an app, and returns something else
        "from shop.lib import stats as app\napp = app()\n",
    ],
)
def test_what_a_function_returns_counts_and_not_what_it_calls(text: str, find: Find) -> None:
    lib = (
        "from celery import Celery\ndef report():\n    app = Celery('x')\n    return 'sent'\n"
        "def stats():\n    return list(Celery('x').tasks)\n"
    )
    assert find({"shop/a.py": f"# celery\n{text}", "shop/lib.py": lib}).apps == []


def test_imports_that_lead_far_are_followed_all_the_same(find: Find) -> None:
    """Each module takes the maker from the next one, further than Python lets functions call each other."""
    files = {
        f"shop/m{number}.py": f"from shop.m{number + 1} import make as n\ndef make():\n    return n()\n"
        for number in range(1500)
    }
    files["shop/m1500.py"] = "from celery import Celery\ndef make():\n    return Celery('x')\n"
    files["shop/m0.py"] = "# celery\nfrom shop.m1 import make\napp = make()\n"
    files |= {"shop/circle.py": "# celery\nfrom shop.back import make\nx = make()\n"}
    files |= {"shop/back.py": "from shop.circle import x\ndef make():\n    return x\n"}
    assert [app.module for app in find(files).apps] == ["shop.m0"]


PRODUCTION = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.{}')\n"


def test_of_apps_of_environments_the_one_with_productions_settings_is_chosen(find: Find) -> None:
    files = {
        f"shop/celery/{name}.py": f"{PRODUCTION.format(name)}app = Celery('x')\n{CONFIGURED}"
        for name in ("debug", "live", "uat")
    }
    apps = find({"shop/celery/__init__.py": "", **files}).apps
    found = celery_code.choose_app(apps, "shop", "shop.settings.live")
    assert found
    assert found.module == "shop.celery.live"
    assert celery_code.equal_apps(apps, "shop", "shop.settings.live") == []
    assert len(celery_code.equal_apps(apps, "shop", "shop.settings")) == 3


def test_an_app_that_reads_django_comes_before_one_with_a_file_of_its_own(find: Find) -> None:
    other = "app.config_from_object('celeryconfig')\n"
    apps = find(
        {"shop/a.py": f"app = Celery('x')\n{other}", "zoo/b.py": f"app = Celery('x')\n{CONFIGURED}"}
    ).apps
    found = celery_code.choose_app(apps, "shop")
    assert found
    assert found.module == "zoo.b"


# Tasks

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


def test_tasks_are_found_with_file_and_line(find: Find) -> None:
    names = {
        "plain": 8,
        "bound": 11,
        "of_the_app": 17,
        "of_another_app": 20,
        "by_its_module": 23,
        "among_others": 28,
    }
    places = {f"orders.tasks.{name}": f"orders/tasks.py:{line}" for name, line in names.items()}
    found = find({"orders/tasks.py": TASKS})
    assert found.tasks == {"billing.charge": "orders/tasks.py:14", **places}
    assert found.doubtful == {
        "orders.tasks.inner": "orders/tasks.py:32: it is made when factory() is called",
        "orders.tasks.named_at_run_time": "orders/tasks.py:41: its name is computed",
    }


@pytest.mark.parametrize(
    "text",
    [
        "from procrastinate.contrib.django import app\n@app.task\ndef send(): ...\n",
        "from huey import RedisHuey\napp = RedisHuey('shop')\n@app.task()\ndef send(): ...\n",
        "from fastapi import FastAPI\napp = FastAPI()\n@app.task\ndef send(): ...\n",
        "class Queue: ...\napp = Queue()\n@app.task\ndef send(): ...\n",
        "from orders.other import app\n@app.task\ndef send(): ...\n",
        "from .other import make\napp = make()\n@app.task\ndef send(): ...\n",
        "from orders import other\n@other.app.task\ndef send(): ...\n",
        "from dramatiq import shared_task\n@shared_task\ndef send(): ...\n",
    ],
)
def test_tasks_of_another_queue_are_none_of_celerys(text: str, find: Find) -> None:
    other = "class App: ...\ndef make(): return App()\napp = make()\n"
    found = find({"orders/tasks.py": f"# Not Celery's.\n{text}", "orders/other.py": other})
    assert (found.tasks, found.doubtful) == ({}, {})


@pytest.mark.parametrize(
    "text",
    [
        "from celery import Celery\ncelery = app = Celery('x')\n@app.task\ndef send(): ...\n",
        "from celery import current_app\napp = current_app\n@app.task\ndef send(): ...\n",
        "from company.celery import app\n@app.task\ndef send(): ...\n",
        "from shop.tasking import queue\n@queue.task\ndef send(): ...\n",
        "from shop import tasking\n@tasking.queue.task\ndef send(): ...\n",
        "import shop.tasking\n@shop.tasking.queue.task\ndef send(): ...\n",
        "from orders.again import queue\n@queue.task\ndef send(): ...\n",
    ],
)
def test_tasks_of_an_app_wherever_its_name_comes_from(text: str, find: Find) -> None:
    tasking = "from celery import Celery\nqueue = Celery('shop')\n"
    again = "from shop.tasking import queue\n"
    found = find({"orders/tasks.py": text, "shop/tasking.py": tasking, "orders/again.py": again})
    assert list(found.tasks) == ["orders.tasks.send"]


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("if DEBUG:\n    @shared_task\n    def send(): ...\n", "below a condition in line 2"),
        ("def register(app):\n    @app.task\n    def send(): ...\n", "made when register() is called"),
        ("from company import app\n@app.task\ndef send(): ...\n", "whether app.task is Celery's"),
        ("from company import build\napp = build()\n@app.task\ndef send(): ...\n", "whether app.task"),
        ("@shared_task(name=f'{X}.send')\ndef send(): ...\n", "its name is computed"),
    ],
)
def test_what_is_not_certain_is_in_doubt(text: str, doubt: str, find: Find) -> None:
    found = find({"orders/tasks.py": f"from celery import shared_task\n{text}"})
    assert found.tasks == {}
    assert doubt in found.doubtful["orders.tasks.send"]


@pytest.mark.parametrize(
    "text",
    [
        "NAME = 'bill'\n@shared_task(name=NAME)\ndef send(): ...\n",
        "from orders.names import NAME\n@shared_task(name=NAME)\ndef send(): ...\n",
        "from orders import names\n@shared_task(name=names.NAME)\ndef send(): ...\n",
    ],
)
def test_a_task_that_is_named_by_a_constant(text: str, find: Find) -> None:
    files = {
        "orders/tasks.py": f"from celery import shared_task\n{text}",
        "orders/names.py": "NAME = 'bill'\n",
    }
    assert list(find(files).tasks) == ["bill"]


LOGGED = "def logged(function):\n    def inner(*args): ...\n    return inner\n"
TWO = "@shared_task\n@logged\ndef send(): ...\n@shared_task\n@logged\ndef cancel(): ...\n"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"orders/tasks.py": f"from celery import shared_task\n{LOGGED}{TWO}"}, "orders.tasks.inner"),
        (
            {
                "orders/logs.py": LOGGED,
                "orders/tasks.py": f"from celery import shared_task\nfrom .logs import logged\n{TWO}",
            },
            "orders.logs.inner",
        ),
    ],
)
def test_a_decorator_without_wraps_hides_the_name_of_tasks(
    files: dict[str, str], name: str, find: Find
) -> None:
    found = find(files)
    assert list(found.tasks) == [name]
    (clash,) = found.clashes
    assert name in clash
    assert "functools.wraps" in clash


def test_a_decorator_with_wraps_keeps_the_names(find: Find) -> None:
    wrapped = LOGGED.replace("    def inner", "    @functools.wraps(function)\n    def inner")
    found = find({"orders/tasks.py": f"from celery import shared_task\n{wrapped}{TWO}"})
    assert (sorted(found.tasks), found.clashes) == (["orders.tasks.cancel", "orders.tasks.send"], [])


TASK = "from celery import shared_task\n@shared_task\ndef send(): ...\n"


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("orders/tasks/__init__.py", "orders.tasks"),
        ("orders/tasks/emails.py", "orders.tasks.emails"),
        ("orders/jobs.py", "orders.jobs"),
    ],
)
def test_tasks_have_the_name_of_their_module(file: str, module: str, find: Find) -> None:
    assert list(find({file: TASK}).tasks) == [f"{module}.send"]


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
def test_tasks_elsewhere_do_not_count(file: str, find: Find) -> None:
    assert find({file: TASK, "env/pyvenv.cfg": ""}).tasks == {}


def test_a_syntax_error_is_for_django_to_tell(find: Find) -> None:
    found = find({"orders/tasks.py": f"{TASK}B = (\n", "orders/jobs.py": TASK})
    assert found.tasks == {"orders.jobs.send": "orders/jobs.py:3"}
    assert found.unread == ["orders/tasks.py"]


SEND = "def send(): ...\n"
OWN = {"shop/celery.py": "from celery import Celery\napp = Celery('shop')\n"}


@pytest.mark.parametrize(
    ("text", "lib"),
    [
        (f"from celery import shared_task as task\n@task\n{SEND}", ""),
        (f"from celery import shared_task as job\n@job(bind=True)\n{SEND}", ""),
        ("from celery import chain, shared_task as job\n@job\n" + SEND, ""),
        (
            "from functools import partial\nfrom celery import shared_task\n"
            f"job = partial(shared_task, bind=True)\n@job()\n{SEND}",
            "",
        ),
        (f"from celery import shared_task\nslow = shared_task(time_limit=9)\n@slow\n{SEND}", ""),
        (f"from celery import shared_task\n{SEND}send = shared_task(send)\n", ""),
        (f"from celery import shared_task\n{SEND}send = shared_task(bind=True)(send)\n", ""),
        (f"from shop.celery import app\n{SEND}send = app.task(send)\n", ""),
        (f"from shop.lib import a_task\n@a_task\n{SEND}", "from celery import shared_task as a_task\n"),
        (f"from shop.lib import a_task\n@a_task\n{SEND}", "from shop.celery import app\na_task = app.task\n"),
        (f"from tenant_schemas_celery.task import shared_task\n@shared_task\n{SEND}", ""),
    ],
)
def test_a_task_is_one_by_whatever_name_celery_has(text: str, lib: str, find: Find) -> None:
    found = find({**OWN, "orders/jobs.py": text, "shop/lib.py": lib})
    assert list(found.tasks) == ["orders.jobs.send"]
    assert found.doubtful == {}


def test_a_decorator_of_the_projects_that_makes_tasks_is_a_note(find: Find) -> None:
    lib = "from celery import shared_task\ndef a_task(**given):\n    return shared_task(base=Own, **given)\n"
    found = find({"orders/jobs.py": f"from shop.lib import a_task\n@a_task()\n{SEND}", "shop/lib.py": lib})
    assert found.tasks == {}
    assert "cannot be told" in found.doubtful["orders.jobs.send"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class Send(Task):\n    name = 'mail.send'\napp.register_task(Send())\n", "mail.send"),
        ("class Send(Task): ...\nsend = app.register_task(Send())\n", "orders.jobs.Send"),
    ],
)
def test_a_class_that_is_registered_is_a_task(text: str, name: str, find: Find) -> None:
    lines = "from celery import Task\nfrom shop.celery import app\n"
    assert list(find({**OWN, "orders/jobs.py": lines + text}).tasks) == [name]


@pytest.mark.parametrize(
    "text",
    [
        f"from django.tasks import task\n@task\n{SEND}",
        f"from huey.contrib.djhuey import task\n@task()\n{SEND}",
        f"from shop.lib import a_task\n@a_task\n{SEND}",
        f"from celery import chain as task\n@task\n{SEND}",
        f"from orders.jobs import a_task\n@a_task\n{SEND}",
        f"# celery\n{SEND}send = wrap(send)\n",
        "# celery\nclass Send: ...\nsite.register_task(Send())\n",
    ],
)
def test_what_is_called_like_a_task_is_none(text: str, find: Find) -> None:
    lib = (
        "# celery\nfrom shop.lib import a_task as again\ndef a_task(function):\n    return again(function)\n"
    )
    found = find({"orders/jobs.py": text, "shop/lib.py": lib})
    assert (found.tasks, found.doubtful) == ({}, {})
