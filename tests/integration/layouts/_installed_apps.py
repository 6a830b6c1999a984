# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All the ways in which INSTALLED_APPS gets its value."""

from __future__ import annotations

from collections.abc import Mapping

from ._parts import DJANGO_APPS, INSTALLED_APPS, Layout, package, settings

CONTENT = '"django.contrib.contenttypes", "django.contrib.auth"'


def form(name: str, installed: str, files: Mapping[str, str] | None = None, place: str = "") -> Layout:
    """Return a plain project whose settings have these lines for INSTALLED_APPS."""
    return Layout(
        f"apps_{name}",
        {**package(settings(installed)), **(files or {})},
        "shop.settings",
        (place or "shop/settings.py",),
    )


LAYOUTS = [
    form("tuple", f'INSTALLED_APPS = (\n{DJANGO_APPS}    "orders.apps.OrdersConfig",\n)\n'),
    form("annotated", f'INSTALLED_APPS: list[str] = [{CONTENT}, "orders"]\n'),
    form(
        "concatenation",
        f'DJANGO_APPS = [{CONTENT}]\nOWN_APPS = ["orders"]\nINSTALLED_APPS = DJANGO_APPS + OWN_APPS\n',
    ),
    form("added_below", f'INSTALLED_APPS = [{CONTENT}]\nif not DEBUG:\n    INSTALLED_APPS += ["orders"]\n'),
    form("tuple_added_below", f'INSTALLED_APPS = ({CONTENT})\nINSTALLED_APPS += ("orders",)\n'),
    form(
        "unpacking",
        f'DJANGO_APPS = ({CONTENT})\nINSTALLED_APPS = [*DJANGO_APPS, "orders", *(["x"] if DEBUG else [])]\n',
    ),
    form(
        "function",
        f'def own_apps():\n    """Return ours."""\n    apps = [{CONTENT}]\n'
        '    apps.append("orders")\n    return apps + ["orders"][:0]\n\n\n'
        'INSTALLED_APPS = own_apps() + [name for name in ("django.contrib.sessions",)]\n',
    ),
    form(
        "function_of_another_module",
        "from shop.helpers import find_apps\n\nINSTALLED_APPS = list(find_apps())\n",
        {"shop/helpers.py": f'def find_apps():\n    return ({CONTENT}, "orders")\n'},
    ),
    form("import", "from shop.registry import INSTALLED_APPS\n", {"shop/registry.py": INSTALLED_APPS}),
    form(
        "import_under_another_name",
        "from .registry import APPS as INSTALLED_APPS\n",
        {"shop/registry.py": f'APPS = [{CONTENT}, "orders"]\n'},
    ),
    form(
        "import_of_parts",
        "from .registry import FOREIGN, OWN\n\nINSTALLED_APPS = FOREIGN + OWN\n",
        {"shop/registry.py": f'FOREIGN = [{CONTENT}]\nOWN = ["orders"]\n'},
    ),
    form("chained", f'INSTALLED_APPS = APPS = [{CONTENT}, "orders"]\n'),
    form("without_doubles", f'INSTALLED_APPS = list(dict.fromkeys([{CONTENT}, "orders", "orders"]))\n'),
    form(
        "in_both_branches",
        f'if DEBUG:\n    INSTALLED_APPS = [{CONTENT}]\nelse:\n    INSTALLED_APPS = [{CONTENT}, "orders"]\n',
    ),
    form("with_filter", f'INSTALLED_APPS = [name for name in [{CONTENT}, "orders"] if name != "none"]\n'),
    form("split_text", 'INSTALLED_APPS = "django.contrib.contenttypes django.contrib.auth orders".split()\n'),
    form(
        "only_appended",
        f'INSTALLED_APPS = []\nfor name in ({CONTENT}, "orders"):\n    INSTALLED_APPS.append(name)\n',
    ),
    form(
        "in_with",
        "import contextlib\n\nwith contextlib.suppress(ImportError):\n"
        f'    INSTALLED_APPS = [{CONTENT}, "orders"]\n',
    ),
]
