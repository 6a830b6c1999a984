# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A block goes where every environment gets it, and the reason is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block
from ansible_collections.celeriac.django.plugins.module_utils._discovery import settings_place
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import Modules
from ansible_collections.celeriac.django.plugins.module_utils._discovery.source import DiscoveryError

Write = Callable[[Path, Mapping[str, str]], Path]
Make = Callable[[Mapping[str, str]], Modules]

APPS = "INSTALLED_APPS = ['orders']\n"


@pytest.fixture
def make(tmp_path: Path, write_tree: Write) -> Make:
    """Makes a project of such files, in a settings package of the package shop."""

    def make(files: Mapping[str, str]) -> Modules:
        inits = {"shop/__init__.py": "", "shop/settings/__init__.py": ""}
        settings = {f"shop/settings/{name}": text for name, text in files.items()}
        return Modules([write_tree(tmp_path, {**inits, **settings})])

    return make


def place_of(modules: Modules, settings: str = "shop.settings") -> tuple[str, str]:
    """Returns the file of the block, and why."""
    place = settings_place.find_place(modules, settings)
    return str(place.module.file.relative_to(modules.roots[0] / "shop/settings")), place.why


def refusal(modules: Modules, settings: str = "shop.settings") -> str:
    """Returns why there is no place."""
    with pytest.raises(DiscoveryError) as caught:
        settings_place.find_place(modules, settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (APPS, 1),
        ("\nINSTALLED_APPS: list[str] = []\n", 2),
        ("INSTALLED_APPS = ()\nINSTALLED_APPS += ('a',)\n", 1),
        ("if A:\n    INSTALLED_APPS = []\nelse:\n    INSTALLED_APPS = ['a']\n", 2),
        ("try:\n    import x\nexcept ImportError:\n    INSTALLED_APPS = []\n", 4),
        ("INSTALLED_APPS = apps()\n", 1),
        ("from .base import *\nINSTALLED_APPS = ['own']\n", 2),
        ("from . import base\nINSTALLED_APPS = base.INSTALLED_APPS + ['own']\n", 2),
        ("from . import base\n\nINSTALLED_APPS = [*base.INSTALLED_APPS, 'own']\n", 3),
    ],
)
def test_apps_that_get_a_value_of_their_own(text: str, line: int, make: Make) -> None:
    file, why = place_of(make({"__init__.py": text, "base.py": APPS}))
    assert file == "__init__.py"
    assert f"line {line}" in why


@pytest.mark.parametrize(
    "text",
    [
        "from .base import *\n",
        "from .base import *\nINSTALLED_APPS += ['a']\n",
        "from .base import *\nINSTALLED_APPS = INSTALLED_APPS + ['a']\n",
        "from .base import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'a']\n",
        "from .base import *\nINSTALLED_APPS = [app for app in INSTALLED_APPS if app != 'x']\n",
        "from .base import *\nINSTALLED_APPS.append('a')\n",
        "from .base import *\nif DEBUG:\n    INSTALLED_APPS += ['toolbar']\n",
        "from .base import *\ntry:\n    from .absent import *\nexcept ImportError:\n    pass\n",
        "from .base import *\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n",
        "if A:\n    from .live import *\nelse:\n    from .dev import *\n",
    ],
)
def test_the_base_of_all_environments_is_the_place(text: str, make: Make) -> None:
    modules = make(
        {
            "__init__.py": text,
            "base.py": APPS,
            "live.py": "from .base import *\n",
            "dev.py": "from .base import *\nINSTALLED_APPS += ['toolbar']\n",
            "local.py": "DEBUG = True\n",
        }
    )
    assert place_of(modules)[0] == "base.py"


@pytest.mark.parametrize(
    "text",
    [
        "if os.environ.get('LIVE'):\n    from .live import *\nelse:\n    from .dev import *\n",
        "try:\n    from .live import *\nexcept ImportError:\n    from .dev import *\n",
        "match E:\n    case 'live':\n        from .live import *\n    case _:\n        from .dev import *\n",
    ],
)
def test_a_module_that_chooses_between_complete_ones_is_the_place(text: str, make: Make) -> None:
    modules = make({"__init__.py": text, "live.py": APPS, "dev.py": APPS})
    assert place_of(modules) == (
        "__init__.py",
        "it chooses between shop.settings.dev and shop.settings.live",
    )


def test_apps_that_are_imported_by_name(make: Make) -> None:
    modules = make({"__init__.py": "\nfrom .apps import INSTALLED_APPS\n", "apps.py": APPS})
    assert place_of(modules) == ("__init__.py", "INSTALLED_APPS is imported in line 2")


def test_apps_of_a_third_party_that_are_extended(make: Make) -> None:
    modules = make({"__init__.py": "from theirs.settings import *\nINSTALLED_APPS += ['own']\n"})
    file, why = place_of(modules)
    assert file == "__init__.py"
    assert "INSTALLED_APPS comes from theirs.settings" in why


@pytest.mark.parametrize("extends", ["", "INSTALLED_APPS += ['a']\n"])
def test_an_all_that_would_keep_the_settings_to_itself_is_seen(extends: str, make: Make) -> None:
    text = f"from .base import *\n{extends}"
    modules = make({"__init__.py": text, "base.py": f"{APPS}__all__ = ['INSTALLED_APPS']\n"})
    file, why = place_of(modules)
    assert file == "__init__.py"
    assert "shop.settings.base has an __all__" in why


@pytest.mark.parametrize(
    ("text", "names_it"),
    [
        (APPS, True),
        ("from .base import INSTALLED_APPS\n", True),
        ("include('base.py')\n", False),
        ("globals().update(read())\n", False),
        ("if A:\n    from .live import *\nelse:\n    from .dev import *\n", False),
    ],
)
def test_whether_a_linter_can_see_the_apps_in_the_place(text: str, names_it: bool, make: Make) -> None:
    modules = make({"__init__.py": text, "base.py": APPS, "live.py": APPS, "dev.py": APPS})
    place = settings_place.find_place(modules, "shop.settings")
    assert (place.module.name, place.names_apps) == ("shop.settings", names_it)


@pytest.mark.parametrize(
    "text",
    [
        "include('base.py', 'database.py')",
        "include('components/*.py')",
        "include(optional('local.py'), 'base.py')",
        "include(f'{ENVIRONMENT}.py')",
        "include('components/apps.py', scope=globals())",
        "split_settings.tools.include('base.py')",
        "include(f'{A}{B}.py')",
        "include('../common/base.py')",
    ],
)
def test_split_settings_are_put_together_where_they_are_included(text: str, make: Make) -> None:
    files = {"base.py": APPS, "components/apps.py": APPS, "../common/base.py": APPS}
    modules = make({"__init__.py": f"{text}\n", **files})
    assert place_of(modules) == ("__init__.py", "include() puts the settings together there")
    assert len(settings_place.chain(modules, "shop.settings")) > 1


@pytest.mark.parametrize(
    "text",
    [
        "include('/etc/shop.py')",
        "include('absent.py')",
        "include(names())",
        "include('base.txt')",
        "include('../../../../outside.py')",
    ],
)
def test_what_cannot_be_followed_is_not_included(text: str, make: Make) -> None:
    modules = make({"__init__.py": f"{text}\n", "base.txt": APPS})
    assert settings_place.included(modules, settings_place.chain(modules, "shop.settings")[0]) == []


@pytest.mark.parametrize("call", ["globals().update(read())", "exec(read())", "vars()['X'] = 1"])
def test_settings_that_are_made_at_run_time_get_it_at_their_end(call: str, make: Make) -> None:
    file, why = place_of(make({"__init__.py": f"{call}\n"}))
    assert file == "__init__.py"
    assert "at run time" in why


def test_a_block_that_is_there_already_stays_where_it_is(make: Make) -> None:
    text = block.put(b"from .base import *\n", "X = 1").decode()
    assert place_of(make({"__init__.py": text, "base.py": APPS}))[0] == "__init__.py"


def test_modules_that_import_each_other_come_to_an_end(make: Make) -> None:
    modules = make({"__init__.py": "from .a import *\n", "a.py": "from . import *\n"})
    assert "INSTALLED_APPS gets no value" in refusal(modules)


@pytest.mark.parametrize(
    "text", ["", "DEBUG = True\n", "from elsewhere import *\n", "from .other import X\n", "APPS = []\n"]
)
def test_settings_without_apps_are_told(text: str, make: Make) -> None:
    told = refusal(make({"__init__.py": text, "other.py": "X = 1\n"}))
    assert "INSTALLED_APPS gets no value" in told
    assert "shop/settings/__init__.py" in told


def test_the_chain_has_the_nearest_module_first(make: Make) -> None:
    modules = make(
        {
            "live.py": "from .common import *\nfrom .secrets import *\ninclude('extra.py')\n",
            "common.py": "from .base import *\nfrom .apps import INSTALLED_APPS\n",
            "base.py": "",
            "apps.py": APPS,
            "extra.py": "",
        }
    )
    found = [module.name.rpartition(".")[2] for module in settings_place.chain(modules, "shop.settings.live")]
    assert found == ["live", "common", "extra", "base", "apps"]


# Classes

CLASS = "class Base:\n    DEBUG = False\n    INSTALLED_APPS = []\n\n\nclass Live(Base):\n    pass\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (CLASS, 3),
        (CLASS.replace("APPS", "APPS: list[str]"), 3),
        (
            CLASS.replace(
                "INSTALLED_APPS = []", "@property\n    def INSTALLED_APPS(self):\n        return []"
            ),
            4,
        ),
    ],
)
def test_classes_are_refused_with_file_line_and_lines_to_add(text: str, line: int, make: Make) -> None:
    told = refusal(make({"__init__.py": text}))
    assert f"shop/settings/__init__.py:{line}: the settings are in the class Base" in told
    for needed in (
        "CELERY_BROKER_URL = values.SecretValue(environ_prefix=None)",
        "CELERY_RESULT_BACKEND = ",
        "write shop/celery.py:",
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")',
        "importer.install()",
        'app = Celery("shop")',
        "into shop/__init__.py:",
    ):
        assert needed in told


@pytest.mark.parametrize(
    "text",
    [
        "from .base import *\nclass Live(Base):\n    pass\n",
        "from .base import Base\nclass Live(Base):\n    pass\n",
        "from shop.settings import base\nclass Live(base.Base):\n    pass\n",
    ],
)
def test_classes_in_another_file_are_refused_too(text: str, make: Make) -> None:
    told = refusal(make({"__init__.py": text, "base.py": CLASS}))
    assert "shop/settings/base.py:3: the settings are in the class Base" in told


def test_the_lines_to_add_name_the_class_that_production_runs_with(make: Make) -> None:
    with pytest.raises(DiscoveryError) as caught:
        settings_place.find_place(make({"__init__.py": CLASS}), "shop.settings", "Live")
    assert 'setdefault("DJANGO_CONFIGURATION", "Live")' in str(caught.value)
    assert "Add to Base by hand" in str(caught.value)


def test_the_lines_to_add_are_valid_python(make: Make) -> None:
    told = refusal(make({"__init__.py": CLASS}))
    code = told.partition("write shop/celery.py:\n")[2].partition("and into")[0]
    compile("\n".join(line.removeprefix("    ") for line in code.splitlines()), "celery.py", "exec")
