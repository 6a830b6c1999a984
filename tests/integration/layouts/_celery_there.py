# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects that have Celery already: it is found, deployed, and left alone byte for byte."""

from __future__ import annotations

from dataclasses import replace

from ._parts import (
    DJANGO_APPS,
    REQUIREMENTS,
    TASK,
    URLS,
    Layout,
    manage,
    own_app,
    package,
    settings,
    wsgi,
)

CONFIGURED = 'CELERY_BROKER_URL = "filesystem://"\nCELERY_RESULT_BACKEND = "cache+memory://"\n'
DEFAULT = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
CONFIGURE = '{0}.config_from_object("django.conf:settings", namespace="CELERY")\n{0}.autodiscover_tasks()\n'
STANDARD = f'import os\n\nfrom celery import Celery\n\n{DEFAULT}\napp = Celery("shop")\n' + CONFIGURE.format(
    "app"
)


def there(name: str, app: str, text: str, init: str = "", more: dict[str, str] | None = None) -> Layout:
    """Return a plain project with a Celery app.

    Args:
        name: of the layout.
        app: what ``celery -A`` takes.
        text: the module of the app.
        init: what the package's ``__init__.py`` says.
        more: further files.
    """
    module = app.partition(":")[0].replace(".", "/")
    files = {**package(settings() + CONFIGURED, init=init), f"{module}.py": text, **(more or {})}
    return Layout(f"celery_{name}", files, "shop.settings", (), app=app, existing=True)


DEBUG_TASK = (
    "\n\n@app.task(bind=True, ignore_result=True)\ndef debug_task(self):\n"
    '    print(f"Request: {self.request!r}")\n'
)

LAYOUTS = [
    replace(
        there(
            "as_in_its_manual",
            "shop.celery:app",
            STANDARD + DEBUG_TASK,
            "from .celery import app as celery_app\n\n__all__ = ('celery_app',)\n",
            {
                "orders/tasks.py": TASK
                + "\n\nfrom shop.celery import app\n\n\n@app.task\ndef total():\n    return 1\n"
            },
        ),
        tasks=("orders.tasks.send", "orders.tasks.total", "shop.celery.debug_task"),
    ),
    Layout(
        "celery_in_the_package_itself",
        package(settings() + CONFIGURED, init=STANDARD),
        "shop.settings",
        (),
        app="shop:app",
        existing=True,
    ),
    Layout(
        "celery_in_tests_alone",
        {
            **package(settings()),
            "requirements.txt": "Django>=5.2\ncelery==5.7.0\n",
            "orders/tests/__init__.py": "",
            "orders/tests/test_tasks.py": 'from celery import Celery\n\napp = Celery("test")\n',
            "docs/notes.py": '"""Write app = Celery("shop")."""\n# app = Celery("shop")\n',
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "celery_with_little",
        {
            **package(
                settings() + 'CELERY_BROKER_URL = "filesystem://"\nCELERY_RESULT_BACKENT = "django-db"\n',
                init="from .celery import app as celery_app\n",
            ),
            "shop/celery.py": STANDARD,
        },
        "shop.settings",
        (),
        app="shop.celery:app",
        existing=True,
    ),
    there("not_imported_by_the_package", "shop.celery:app", STANDARD),
    there(
        "of_another_module_and_variable",
        "shop.celery_app:queue",
        STANDARD.replace("app =", "queue =").replace("\napp.", "\nqueue."),
        "from .celery_app import queue\n\n__all__ = ['queue']\n",
    ),
    there(
        "by_another_name",
        "shop.worker:app",
        STANDARD.replace("import Celery", "import Celery as Queue").replace("= Celery(", "= Queue("),
        "from .worker import app\n",
    ),
    there(
        "by_its_module",
        "shop.worker:app",
        STANDARD.replace("from celery import Celery", "import celery as machine").replace(
            "= Celery(", "= machine.Celery("
        ),
        "from .worker import app\n",
    ),
    there(
        "by_a_factory",
        "shop.celery:celery_app",
        f"import os\n\nfrom celery import Celery\n\n\ndef make_celery(name):\n    {DEFAULT}"
        "    made = Celery(name)\n"
        '    made.config_from_object("django.conf:settings", namespace="CELERY")\n'
        "    made.autodiscover_tasks()\n    return made\n\n\n"
        'celery_app = make_celery("shop")\n',
        "from .celery import celery_app\n",
    ),
    there(
        "of_its_own_class",
        "shop.celery:app",
        STANDARD.replace(
            "\napp = Celery(",
            '\n\nclass Shop(Celery):\n    """Ours."""\n\n\napp: Celery = Shop(',
        ),
        "from .celery import app\n",
    ),
    there(
        "with_a_task_class",
        "shop.celery:app",
        STANDARD.replace('Celery("shop")', 'Celery("shop", task_cls="shop.base:ShopTask")'),
        "from .celery import app\n",
        {"shop/base.py": "from celery import Task\n\n\nclass ShopTask(Task):\n    max_retries = 5\n"},
    ),
    there(
        "in_a_package_below",
        "shop.core.queue:app",
        STANDARD,
        "from .core.queue import app\n",
        {"shop/core/__init__.py": ""},
    ),
    there(
        "beside_manage",
        "tasks_app:app",
        STANDARD,
    ),
    Layout(
        "celery_without_namespace",
        {
            **package(
                settings() + 'BROKER_URL = "filesystem://"\nCELERY_RESULT_BACKEND = "cache+memory://"\n',
                init="from .celery import app as celery_app\n",
            ),
            "shop/celery.py": STANDARD.replace(', namespace="CELERY"', ""),
        },
        "shop.settings",
        (),
        app="shop.celery:app",
        existing=True,
    ),
    Layout(
        "celery_of_cookiecutter",
        {
            "manage.py": manage("config.settings.local"),
            "requirements/base.txt": "celery\ndjango-environ\n",
            "requirements/production.txt": "-r base.txt\n",
            "config/__init__.py": (
                "# This will make sure the app is always imported when Django starts\n"
                'from .celery_app import app as celery_app\n\n__all__ = ("celery_app",)\n'
            ),
            "config/celery_app.py": (
                "import os\n\nfrom celery import Celery\nfrom celery.signals import setup_logging\n\n"
                'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")\n\n'
                'app = Celery("market")\n\n'
                'app.config_from_object("django.conf:settings", namespace="CELERY")\n\n\n'
                "@setup_logging.connect\ndef config_loggers(*args, **kwargs):\n    pass\n\n\n"
                "app.autodiscover_tasks()\n"
            ),
            "config/urls.py": URLS,
            "config/wsgi.py": wsgi("config.settings.production"),
            "config/settings/__init__.py": "",
            "config/settings/base.py": settings(
                "import environ\n\nenv = environ.Env()\n"
                f'DJANGO_APPS = [\n{DJANGO_APPS}]\nLOCAL_APPS = ["market.orders"]\n'
                "INSTALLED_APPS = DJANGO_APPS + LOCAL_APPS\n"
                'CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="filesystem://")\n'
                'CELERY_RESULT_BACKEND = "cache+memory://"\nCELERY_TASK_TIME_LIMIT = 5 * 60\n',
                3,
                "config.urls",
            ),
            "config/settings/local.py": "from .base import *  # noqa: F403\n\nDEBUG = True\n",
            "config/settings/production.py": "from .base import *  # noqa: F403\n",
            "market/__init__.py": "",
            **own_app("market/orders"),
        },
        "config.settings.production",
        (),
        others=("config.settings.local",),
        app="config.celery_app:app",
        server="config.wsgi",
        tasks=("market.orders.tasks.send",),
        existing=True,
    ),
    replace(
        there(
            "chosen_by_the_variable",
            "shop.queues:second",
            STANDARD.replace("app =", "first =").replace("app.", "first.")
            + '\nsecond = Celery("second")\n'
            + CONFIGURE.format("second"),
            "from . import queues\n",
        ),
        options={"project_app": "shop.queues:second"},
    ),
    Layout(
        "celery_of_several",
        {
            **package(settings() + CONFIGURED, init="from .celery import app\n"),
            "shop/celery.py": STANDARD,
            "tools/__init__.py": "",
            "tools/load.py": 'from celery import Celery\n\nclient = Celery("load", broker="filesystem://")\n',
            "requirements.txt": REQUIREMENTS + "celery\n",
        },
        "shop.settings",
        (),
        app="shop.celery:app",
        existing=True,
    ),
]
