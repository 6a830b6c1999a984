# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules settings are made of, and who reads the environment in them."""

from __future__ import annotations

from ._parts import (
    DJANGO_APPS,
    INSTALLED_APPS,
    URLS,
    Layout,
    manage,
    own_app,
    package,
    settings,
    wsgi,
)

BASE = settings(levels=3)
DEVELOPMENT = "from .base import *\n\nDEBUG = True\n"
PRODUCTION = "from .base import *\n\nDEBUG = False\nSECURE_HSTS_SECONDS = 3600\n"
WITHOUT_APPS = settings("", levels=3)


def environments(**modules: str) -> dict[str, str | bytes]:
    """Return a project with a settings package of these modules; manage.py develops, wsgi.py serves."""
    return {
        **package(named="shop.settings.production"),
        "manage.py": manage("shop.settings.development"),
        **{f"shop/settings/{name.removesuffix('_')}.py": text for name, text in modules.items()},
    }


def chosen(init: str, **modules: str) -> dict[str, str | bytes]:
    """Return a project whose settings package chooses between its modules."""
    return {
        **package(),
        "shop/settings/__init__.py": init,
        **{f"shop/settings/{name}.py": text for name, text in modules.items()},
    }


BY_VARIABLE = (
    "import os\n\n"
    'if os.environ.get("SHOP_ENV", "production") == "production":\n'
    "    from .production import *\n"
    "else:\n"
    "    from .development import *\n"
)
OWN_APPS = f'from .base import *\n\nINSTALLED_APPS = [\n{DJANGO_APPS}    "orders",\n]\n'

LAYOUTS = [
    Layout("plain", package(settings()), "shop.settings", ("shop/settings.py",)),
    Layout(
        "base_development_production",
        environments(__init__="", base=BASE, development=DEVELOPMENT, production=PRODUCTION),
        "shop.settings.production",
        ("shop/settings/base.py",),
        others=("shop.settings.development",),
    ),
    Layout(
        "package_init_chooses_by_variable",
        chosen(BY_VARIABLE, base=BASE, development=DEVELOPMENT, production=PRODUCTION),
        "shop.settings",
        ("shop/settings/base.py",),
    ),
    Layout(
        "package_init_chooses_own_apps",
        chosen(BY_VARIABLE, base=WITHOUT_APPS, development=OWN_APPS, production=OWN_APPS),
        "shop.settings",
        ("shop/settings/__init__.py",),
    ),
    Layout(
        "package_init_tries",
        chosen(
            "try:\n    from .local import *\nexcept ImportError:\n    from .production import *\n",
            base=BASE,
            production=PRODUCTION,
        ),
        "shop.settings",
        ("shop/settings/base.py",),
    ),
    Layout(
        "package_init_tries_both_there",
        chosen(
            "from .base import *\n\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n",
            base=BASE,
            local='DEBUG = True\nINTERNAL_IPS = ["127.0.0.1"]\n',
        ),
        "shop.settings",
        ("shop/settings/base.py",),
    ),
    Layout(
        "package_init_at_run_time",
        chosen(
            "import importlib\nimport os\n\n"
            'name = os.environ.get("SHOP_ENV", "production")\n'
            'module = importlib.import_module(f"shop.settings.{name}")\n'
            "globals().update({key: getattr(module, key) for key in dir(module) if key.isupper()})\n",
            base=BASE,
            production=PRODUCTION,
        ),
        "shop.settings",
        ("shop/settings/__init__.py",),
    ),
    Layout(
        "local_settings_there",
        {
            **package(
                settings()
                + "\ntry:\n    from .local_settings import *  # noqa: F403\nexcept ImportError:\n    pass\n"
            ),
            "shop/local_settings.py": 'DEBUG = True\nEMAIL_HOST = "mail"\n',
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "local_settings_absent",
        package(settings() + "\ntry:\n    from .local_settings import *\nexcept ImportError:\n    pass\n"),
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "local_settings_adds_apps",
        {
            **package(
                settings() + "\ntry:\n    from shop.local_settings import *\nexcept ImportError: pass\n"
            ),
            "shop/local_settings.py": (
                "from shop import settings\n\n"
                'INSTALLED_APPS = settings.INSTALLED_APPS + ["django.contrib.sessions"]\n'
            ),
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "each_environment_has_its_apps",
        environments(__init__="", base=WITHOUT_APPS, development=OWN_APPS, production=OWN_APPS),
        "shop.settings.production",
        ("shop/settings/production.py", "shop/settings/development.py"),
        others=("shop.settings.development",),
    ),
    Layout(
        "production_alone_has_its_apps",
        environments(__init__="", base=BASE, development=DEVELOPMENT, production=OWN_APPS),
        "shop.settings.production",
        ("shop/settings/production.py", "shop/settings/base.py"),
        others=("shop.settings.development",),
    ),
    Layout(
        "tuple_extended_in_production",
        environments(
            __init__="",
            base=settings(
                'INSTALLED_APPS = (\n    "django.contrib.contenttypes",\n    "django.contrib.auth",\n)\n',
                levels=3,
            ),
            development='from .base import *\n\nINSTALLED_APPS += ("orders",)\n',
            production='from .base import *\n\nINSTALLED_APPS = INSTALLED_APPS + ("orders",)\n',
        ),
        "shop.settings.production",
        ("shop/settings/base.py",),
        others=("shop.settings.development",),
    ),
    Layout(
        "list_changed_in_production",
        environments(
            __init__="",
            base=BASE,
            development='from .base import *\n\nINSTALLED_APPS.insert(0, "django.contrib.sessions")\n',
            production='from .base import *\n\nINSTALLED_APPS.append("django.contrib.sessions")\n',
        ),
        "shop.settings.production",
        ("shop/settings/base.py",),
        others=("shop.settings.development",),
    ),
    Layout(
        "apps_filtered_in_production",
        environments(
            __init__="",
            base=BASE.replace('"orders",', '"orders",\n    "django.contrib.sessions",'),
            development=DEVELOPMENT,
            production="from .base import *\n\n"
            'INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "django.contrib.sessions"]\n',
        ),
        "shop.settings.production",
        ("shop/settings/base.py",),
        others=("shop.settings.development",),
    ),
    Layout(
        "base_says_what_it_exports",
        environments(
            __init__="",
            base=BASE + "\n__all__ = [name for name in dir() if name.isupper()]\n",
            development=DEVELOPMENT,
            production=PRODUCTION,
        ),
        "shop.settings.production",
        ("shop/settings/production.py", "shop/settings/development.py"),
        others=("shop.settings.development",),
    ),
    Layout(
        "production_in_steps",
        environments(
            __init__="",
            defaults=BASE,
            common="from .defaults import *\n\nLANGUAGE_CODE = 'de'\n",
            development="from .common import *\n\nDEBUG = True\n",
            production="from shop.settings.common import *\n",
        ),
        "shop.settings.production",
        ("shop/settings/defaults.py",),
        others=("shop.settings.development",),
    ),
    Layout(
        "settings_beside_each_other",
        {
            **package(settings()),
            "manage.py": manage("shop.settings_dev"),
            "shop/wsgi.py": wsgi("shop.settings_production"),
            "shop/settings_dev.py": "from .settings import *\n\nDEBUG = True\n",
            "shop/settings_production.py": "from shop.settings import *\n",
        },
        "shop.settings_production",
        ("shop/settings.py",),
        others=("shop.settings_dev",),
    ),
    Layout(
        "production_imports_by_module",
        {
            **package(named="shop.conf.live"),
            "shop/conf/__init__.py": "",
            "shop/conf/live.py": "from .base import *\nfrom .base import INSTALLED_APPS\n\nDEBUG = False\n",
            "shop/conf/base.py": BASE,
        },
        "shop.conf.live",
        ("shop/conf/base.py",),
    ),
    Layout(
        "split_settings",
        {
            **package(),
            "shop/settings/__init__.py": (
                "import os\n\nfrom split_settings.tools import include, optional\n\n"
                'os.environ.setdefault("SHOP_ENV", "production")\n'
                "include(\n"
                '    "components/common.py",\n'
                '    "components/apps.py",\n'
                "    f\"environments/{os.environ['SHOP_ENV']}.py\",\n"
                '    optional("environments/local.py"),\n'
                ")\n"
            ),
            "shop/settings/components/common.py": settings("", levels=4),
            "shop/settings/components/apps.py": INSTALLED_APPS,
            "shop/settings/environments/production.py": "DEBUG = False\n",
            "shop/settings/environments/development.py": "DEBUG = True\n",
        },
        "shop.settings",
        ("shop/settings/__init__.py",),
    ),
    Layout(
        "only_manage_names_them",
        {
            key: value
            for key, value in package(settings(), "shop.configuration").items()
            if key not in ("shop/wsgi.py", "shop/settings.py")
        }
        | {"shop/configuration.py": settings()},
        "shop.configuration",
        ("shop/configuration.py",),
        server="",
    ),
    Layout(
        "only_wsgi_names_them",
        {**package(settings()), "manage.py": manage("")},
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "only_asgi_names_them",
        {
            **{key: value for key, value in package(settings()).items() if key != "shop/wsgi.py"},
            "manage.py": manage(""),
            "shop/asgi.py": wsgi().replace("wsgi", "asgi"),
        },
        "shop.settings",
        ("shop/settings.py",),
        server="shop.asgi",
    ),
    Layout(
        "only_pyproject_names_them",
        {
            **{key: value for key, value in package(settings()).items() if key != "shop/wsgi.py"},
            "manage.py": manage(""),
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n\n'
            '[tool.django]\nsettings = "shop.settings"\n',
        },
        "shop.settings",
        ("shop/settings.py",),
        server="",
    ),
    Layout(
        "only_pytest_in_pyproject_names_them",
        {
            **{key: value for key, value in package(settings()).items() if key != "shop/wsgi.py"},
            "manage.py": manage(""),
            "pyproject.toml": '[tool.pytest.ini_options]\nDJANGO_SETTINGS_MODULE = "shop.settings"\n',
        },
        "shop.settings",
        ("shop/settings.py",),
        server="",
    ),
    Layout(
        "only_pytest_ini_names_them",
        {
            **{key: value for key, value in package(settings()).items() if key != "shop/wsgi.py"},
            "manage.py": manage(""),
            "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = shop.settings\npython_files = tests.py\n",
        },
        "shop.settings",
        ("shop/settings.py",),
        server="",
    ),
    Layout(
        "only_setup_cfg_names_them",
        {
            **{key: value for key, value in package(settings()).items() if key != "shop/wsgi.py"},
            "manage.py": manage(""),
            "setup.cfg": "[metadata]\nname = shop\n\n[tool:pytest]\nDJANGO_SETTINGS_MODULE=shop.settings\n",
        },
        "shop.settings",
        ("shop/settings.py",),
        server="",
    ),
    Layout(
        "default_of_another_variable",
        {
            **package(settings()),
            "manage.py": manage("").replace(
                "def main():\n",
                "def main():\n"
                '    name = os.getenv("SHOP_SETTINGS", "shop.settings")\n'
                '    os.environ["DJANGO_SETTINGS_MODULE"] = name\n',
            ),
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "environ_reads_the_environment",
        {
            **package(
                settings().replace(
                    'SECRET_KEY = os.environ.get("SECRET_KEY", "layout_test")\n',
                    "import environ\n\nenv = environ.Env(DEBUG=(bool, False))\n"
                    'environ.Env.read_env(BASE_DIR / ".env")\nSECRET_KEY = env("SECRET_KEY")\n',
                )
                + 'DATABASES = {"default": env.db("DATABASE_URL", default="sqlite:///db.sqlite3")}\n'
            ),
            "requirements.txt": "Django>=5.2\ndjango-environ\n",
        },
        "shop.settings",
        ("shop/settings.py",),
        environment={"SECRET_KEY": "layout_test"},
    ),
    Layout(
        "environs_reads_the_environment",
        package(
            settings().replace(
                'SECRET_KEY = os.environ.get("SECRET_KEY", "layout_test")\n',
                "from environs import Env\n\nenv = Env()\nenv.read_env()\n"
                'SECRET_KEY = env.str("SECRET_KEY")\nDEBUG = env.bool("DEBUG", default=False)\n',
            )
        ),
        "shop.settings",
        ("shop/settings.py",),
        environment={"SECRET_KEY": "layout_test"},
    ),
    Layout(
        "decouple_reads_the_environment",
        {
            **package(
                settings().replace(
                    'SECRET_KEY = os.environ.get("SECRET_KEY", "layout_test")\n',
                    "import dj_database_url\nfrom decouple import Csv, config\n\n"
                    'SECRET_KEY = config("SECRET_KEY")\n'
                    'ALLOWED_HOSTS = config("ALLOWED_HOSTS", default="a,b", cast=Csv())\n',
                )
                + 'DATABASES = {"default": dj_database_url.config(default="sqlite:///db.sqlite3")}\n'
            ),
            ".env": "SECRET_KEY=layout_test\n",
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "cookiecutter_without_celery",
        {
            "manage.py": manage(
                "config.settings.local",
                "from pathlib import Path\n\nHERE = Path(__file__).parent.resolve()\n"
                "sys.path.append(str(HERE / 'market'))\n",
            ),
            "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--ds=config.settings.test"\n',
            "requirements/base.txt": "django-environ\n",
            "requirements/production.txt": "# PRECAUTION: none of local.txt\n-r base.txt\n\nDjango",
            "requirements/local.txt": "-r production.txt\n",
            "config/__init__.py": "",
            "config/urls.py": URLS,
            "config/wsgi.py": wsgi(
                "config.settings.production",
                "from pathlib import Path\n\n"
                "BASE_DIR = Path(__file__).resolve(strict=True).parent.parent\n"
                'sys.path.append(str(BASE_DIR / "market"))\n',
            ),
            "config/settings/__init__.py": "",
            "config/settings/base.py": settings(
                "import environ\n\nenv = environ.Env()\n"
                f"DJANGO_APPS = [\n{DJANGO_APPS}]\nTHIRD_PARTY_APPS = []\n"
                'LOCAL_APPS = [\n    "market.orders",\n    # Your stuff: custom apps go here\n]\n'
                "INSTALLED_APPS = DJANGO_APPS + THIRD_PARTY_APPS + LOCAL_APPS\n",
                3,
                "config.urls",
            ),
            "config/settings/local.py": (
                "from .base import *  # noqa: F403\nfrom .base import INSTALLED_APPS\n\nDEBUG = True\n"
                'INSTALLED_APPS += ["django.contrib.sessions"]\n'
            ),
            "config/settings/production.py": (
                "from .base import *  # noqa: F403\nfrom .base import env\n\n"
                'ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["example.com"])\n'
            ),
            "config/settings/test.py": "from .base import *  # noqa: F403\n",
            "market/__init__.py": '__version__ = "0.1.0"\n',
            **own_app("market/orders"),
        },
        "config.settings.production",
        ("config/settings/base.py",),
        others=("config.settings.local", "config.settings.test"),
        app="config",
        server="config.wsgi",
        tasks=("market.orders.tasks.send",),
    ),
]
