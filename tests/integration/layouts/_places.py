# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where manage.py, the packages and the apps are."""

from __future__ import annotations

from ._parts import (
    DJANGO_APPS,
    INSTALLED_APPS,
    REQUIREMENTS,
    URLS,
    Layout,
    manage,
    own_app,
    package,
    settings,
    wsgi,
)


def below(folder: str, files: dict[str, str | bytes]) -> dict[str, str | bytes]:
    """Return the same files in a folder of the checkout."""
    return {f"{folder}/{name}": text for name, text in files.items()}


ON_PATH = 'sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "{}"))\n'
SRC = {
    "requirements.txt": REQUIREMENTS,
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
    "src/shop/__init__.py": "",
    "src/shop/settings.py": settings(INSTALLED_APPS.replace('"orders"', '"shop.orders"'), levels=3),
    "src/shop/urls.py": URLS,
    "src/shop/wsgi.py": wsgi(),
    **own_app("src/shop/orders", "shop.orders"),
}
APPS_SETTINGS = settings().replace(
    "SECRET_KEY =", 'import sys\n\nsys.path.insert(0, str(BASE_DIR / "apps"))\nSECRET_KEY =', 1
)
WITHOUT_INIT = {name: text for name, text in package(settings()).items() if name != "shop/__init__.py"}


def without_orders(text: str) -> dict[str, str | bytes]:
    """Return a project with these settings, and without an app."""
    return {name: content for name, content in package(text).items() if not name.startswith("orders/")}


def init(name: str, text: str | bytes) -> Layout:
    """Return a plain project whose package has something in its ``__init__.py``."""
    files = {**package(settings(), init=text), "shop/version.py": 'VERSION = "1.2"\n'}
    return Layout(f"init_{name}", files, "shop.settings", ("shop/settings.py",))


LAYOUTS = [
    Layout(
        "manage_in_src",
        {**below("src", package(settings())), "README.md": "The shop.\n"},
        "shop.settings",
        ("src/shop/settings.py",),
        base="src",
    ),
    Layout(
        "manage_in_backend",
        {
            **below("backend", package(settings())),
            "frontend/package.json": "{}\n",
            "frontend/node_modules/tool/manage.py": manage("tool.settings"),
            "frontend/manage.py": "print('another tool')\n",
            ".gitignore": "node_modules/\n",
        },
        "shop.settings",
        ("backend/shop/settings.py",),
        base="backend",
    ),
    Layout(
        "manage_in_backend_requirements_on_top",
        {
            **{f"backend/{n}": t for n, t in package(settings()).items() if n != "requirements.txt"},
            "requirements.txt": "Django>=5.2",
        },
        "shop.settings",
        ("backend/shop/settings.py",),
        base="backend",
    ),
    Layout(
        "src_on_the_path_by_manage",
        {**SRC, "manage.py": manage(before="\n" + ON_PATH.format("src"))},
        "shop.settings",
        ("src/shop/settings.py",),
        tasks=("shop.orders.tasks.send",),
    ),
    Layout(
        "src_installed",
        {**SRC, "manage.py": manage()},
        "shop.settings",
        ("src/shop/settings.py",),
        tasks=("shop.orders.tasks.send",),
        developer={"PYTHONPATH": "src"},
    ),
    Layout(
        "top_level_settings",
        {
            "manage.py": manage("settings"),
            "requirements.txt": REQUIREMENTS,
            "settings.py": settings(levels=1, urls="urls"),
            "urls.py": URLS,
            "wsgi.py": wsgi("settings"),
            **own_app(),
        },
        "settings",
        ("settings.py",),
        app="celery_app",
        server="wsgi",
    ),
    Layout(
        "top_level_settings_package",
        {
            **package(named="settings.production"),
            "manage.py": manage("settings.development"),
            "settings/__init__.py": "",
            "settings/base.py": settings(),
            "settings/development.py": "from .base import *\n\nDEBUG = True\n",
            "settings/production.py": "from settings.base import *\n",
        },
        "settings.production",
        ("settings/base.py",),
        others=("settings.development",),
    ),
    Layout(
        "namespace_package",
        WITHOUT_INIT,
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "namespace_settings_package",
        {
            **package(named="shop.settings.production"),
            "shop/settings/base.py": settings(levels=3),
            "shop/settings/production.py": "from .base import *\n",
        },
        "shop.settings.production",
        ("shop/settings/base.py",),
    ),
    Layout(
        "all_namespace_packages",
        {
            **{name: text for name, text in WITHOUT_INIT.items() if name != "orders/__init__.py"},
            "requirements/production.txt": "Django\n",
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    init("imports", "from .version import VERSION\n\n__version__ = VERSION\n"),
    init(
        "code_before",
        '"""The shop."""\n\n__version__ = "1.0"\n\nif not __version__:\n    raise RuntimeError\n',
    ),
    init("all", 'from .version import VERSION\n\n__all__ = ("VERSION",)\n'),
    init("docstring_without_newline", '"""The shop."""'),
    init(
        "future",
        "from __future__ import annotations\n\nimport logging\n\nlog = logging.getLogger(__name__)\n",
    ),
    init("crlf", b"# The shop.\r\nfrom .version import VERSION\r\n"),
    init("blank", "\n\n"),
    Layout(
        "apps_on_the_path_by_manage",
        {
            **without_orders(settings()),
            "manage.py": manage(before="\n" + ON_PATH.format("apps")),
            "shop/wsgi.py": wsgi(
                before='\nsys.path.append(os.path.join(os.path.dirname(__file__), "..", "apps"))\n'
            ),
            **own_app("apps/orders", "orders"),
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "apps_on_the_path_by_settings",
        {
            **without_orders(APPS_SETTINGS),
            **own_app("apps/orders", "orders"),
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    Layout(
        "apps_in_a_package",
        {
            **without_orders(settings(INSTALLED_APPS.replace('"orders"', '"apps.sales.apps.SalesConfig"'))),
            "apps/__init__.py": "",
            **own_app("apps/sales"),
        },
        "shop.settings",
        ("shop/settings.py",),
        tasks=("apps.sales.tasks.send",),
    ),
    Layout(
        "apps_in_the_package",
        {
            **without_orders(settings(INSTALLED_APPS.replace('"orders"', '"shop", "shop.apps.sales"'))),
            "shop/tasks/__init__.py": "from .mail import post\n",
            "shop/tasks/mail.py": (
                'from celery import shared_task\n\n\n@shared_task(name="mail.post", bind=True)\n'
                "def post(self):\n    pass\n"
            ),
            "shop/apps/__init__.py": "",
            **own_app("shop/apps/sales"),
        },
        "shop.settings",
        ("shop/settings.py",),
        tasks=("shop.apps.sales.tasks.send", "mail.post"),
    ),
    Layout(
        "names_that_are_common",
        {
            "manage.py": manage("core.settings"),
            "requirements.txt": "",
            "core/__init__.py": "",
            "core/settings.py": settings(urls="core.urls"),
            "core/urls.py": URLS,
            "core/wsgi.py": wsgi("core.settings"),
            **own_app(),
        },
        "core.settings",
        ("core/settings.py",),
        app="core",
        server="core.wsgi",
    ),
    Layout(
        "package_in_a_package",
        {
            "manage.py": manage("market.shop.settings"),
            "requirements.txt": REQUIREMENTS,
            "market/__init__.py": "",
            "market/shop/__init__.py": "",
            "market/shop/settings.py": settings(
                f'INSTALLED_APPS = [\n{DJANGO_APPS}    "market.orders",\n]\n', 3, "market.shop.urls"
            ),
            "market/shop/urls.py": URLS,
            "market/shop/wsgi.py": wsgi("market.shop.settings"),
            **own_app("market/orders"),
        },
        "market.shop.settings",
        ("market/shop/settings.py",),
        app="market.shop",
        called="market-shop",
        server="market.shop.wsgi",
        tasks=("market.orders.tasks.send",),
    ),
]
