# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules are found as the project's imports find them, and followed without running them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import source as _source
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import (
    Module,
    Modules,
    path_additions,
)

Write = Callable[[Path, Mapping[str, str]], Path]


@pytest.fixture
def modules(tmp_path: Path, write_tree: Write) -> Callable[[Mapping[str, str]], Modules]:
    """Makes a project of such files, imported from its top and from lib."""

    def make(files: Mapping[str, str]) -> Modules:
        write_tree(tmp_path, files)
        return Modules([tmp_path, tmp_path / "lib"])

    return make


Make = Callable[[Mapping[str, str]], Modules]


def module(found: Modules, name: str) -> Module:
    """Returns a module that is there."""
    there = found.get(name)
    assert there
    return there


def strings(found: Modules, name: str = "settings", variable: str = "X") -> list[str]:
    """Returns the texts that a variable of a module can have, each once."""
    source = module(found, name)
    values = [value for _statement, value in _source.assignments(source.tree, variable)]
    return list(dict.fromkeys(text for value in values for text in found.strings(source, value)))


# Files and names


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a", "a.py"),
        ("shop", "shop/__init__.py"),
        ("shop.urls", "shop/urls.py"),
        ("plain.x", "plain/x.py"),
        ("other", "lib/other.py"),
        ("both", "both/__init__.py"),
        ("plain", None),
        ("absent", None),
        ("shop.absent", None),
    ],
)
def test_a_module_has_the_file_that_python_would_import(name: str, file: str | None, modules: Make) -> None:
    found = modules(
        dict.fromkeys(
            [
                "a.py",
                "lib/a.py",
                "shop/__init__.py",
                "shop/urls.py",
                "plain/x.py",
                "lib/other.py",
                "both.py",
                "both/__init__.py",
            ],
            "",
        )
    )
    assert found.file(name) == (found.roots[0] / file if file else None)


def test_a_package_goes_before_a_folder_of_the_same_name(modules: Make) -> None:
    found = modules({"shop/notes.txt": "", "lib/shop/__init__.py": "", "web/x.txt": ""})
    assert found.folder("shop") == found.roots[1] / "shop"
    assert found.folder("web") == found.roots[0] / "web"
    assert found.folder("absent") is None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("shop/__init__.py", "shop"),
        ("shop/settings/base.py", "shop.settings.base"),
        ("manage.py", "manage"),
        ("lib/orders/tasks.py", "orders.tasks"),
        ("lib/tool.py", "tool"),
        ("apps/stock/tasks.py", "apps.stock.tasks"),
    ],
)
def test_a_file_has_the_name_that_it_is_imported_by(file: str, name: str, modules: Make) -> None:
    packages = ("shop", "shop/settings", "lib/orders")
    found = modules({file: "", **{f"{folder}/__init__.py": "" for folder in packages}})
    assert found.name_of(found.roots[0] / file) == name


def test_the_name_of_an_app_decides_over_that_of_its_folder(modules: Make) -> None:
    found = modules({"lib/x/billing/tasks/__init__.py": "", "lib/x/billing/jobs.py": ""})
    folder = found.roots[1] / "x/billing"
    found.packages = {folder: "billing"}
    assert found.name_of(folder / "tasks/__init__.py") == "billing.tasks"
    assert found.name_of(folder / "jobs.py") == "billing.jobs"


@pytest.mark.parametrize(
    ("name", "statement", "absolute"),
    [
        ("shop.settings.live", "from .base import *", "shop.settings.base"),
        ("shop.settings.live", "from ..settings.base import *", "shop.settings.base"),
        ("shop.settings.live", "from . import *", "shop.settings"),
        ("shop.settings", "from .base import *", "shop.settings.base"),
        ("shop.settings", "from ..common import *", "shop.common"),
        ("shop.settings", "from elsewhere.x import *", "elsewhere.x"),
    ],
)
def test_relative_imports(name: str, statement: str, absolute: str, modules: Make) -> None:
    files = {"shop/settings/__init__.py": "", "shop/settings/live.py": ""}
    file = "shop/settings/live.py" if name.endswith("live") else "shop/settings/__init__.py"
    found = modules({**files, file: statement})
    assert module(found, name).star_imports() == [(absolute, 1)]


def test_star_imports_are_found_everywhere_the_last_one_first(modules: Make) -> None:
    text = "from a import *\nif A:\n  from b import *\nelse:\n  try:\n    from c import *\n  finally: ...\n"
    assert module(modules({"s.py": text}), "s").star_imports() == [("c", 6), ("b", 3), ("a", 1)]


def test_a_name_is_followed_to_where_it_is_imported_from(modules: Make) -> None:
    found = module(modules({"s.py": "from a.b import C as D, E\n"}), "s")
    assert found.imports("D") == ("a.b", "C", 1)
    assert found.imports("E") == ("a.b", "E", 1)
    assert found.imports("C") is None


def test_a_module_is_parsed_once(modules: Make) -> None:
    found = modules({"s.py": ""})
    assert found.get("s") is found.get("s")
    assert found.get("absent") is None
    assert found.get("") is None


def test_a_syntax_error_is_told_with_its_file(modules: Make) -> None:
    with pytest.raises(_source.SourceError, match=r"s\.py:1"):
        modules({"s.py": "X = ("}).get("s")


# Texts


@pytest.mark.parametrize(
    "text",
    [
        "X = ['a', 'b', 'c']",
        "X = ('a', 'b', 'c')",
        "X = ['a'] + ['b'] + ['c']",
        "X = ['a', *['b', 'c']]",
        "X = list_of(1) + ['a', 'b', name(), 'c']",
        "OWN = ['b', 'c']\nX = ['a'] + OWN",
        "OWN = ['b', 'c']\nX = ['a', *OWN]",
        "A = ['a']\nB = A + ['b']\nX = B + ['c']",
        "X = ['a', 'b']\nX += ['c']",
        "X = ['a', 'b']\nX = X + ['c']",
        "X = list(('a', 'b', 'c'))",
        "X = tuple(['a', 'b']) + ('c',)",
        "X = ['a'] + (['b'] if DEBUG else ['c'])",
        "X = ['a', 'b', *(['c'] if DEBUG else [])]",
        "def apps():\n    return ['a', 'b', 'c']\nX = apps()",
        "def apps():\n    found = ['a', 'b']\n    found += ['c']\n    return found\nX = apps()",
        "def apps():\n  if DEBUG:\n    return ['a', 'b']\n  else:\n    return ['c']\nX = [*apps()]",
        "B = ['b']\ndef apps():\n    return ['a', *B] + more()\ndef more():\n    return ['c']\nX = apps()",
        "from other import NAMES\nX = ['a', *NAMES]",
        "from other import NAMES as N\nX = ['a'] + N",
        "from other import *\nX = ['a'] + NAMES",
        "from other import names\nX = ['a'] + names()",
        "from again import names\nX = ['a'] + names()",
        "from settings import Y\nX = ['a', 'b', 'c', *Y]",
    ],
)
def test_strings_are_collected(text: str, modules: Make) -> None:
    files = {
        "settings.py": text,
        "other.py": "NAMES = ['b', 'c']\ndef names():\n    return NAMES\n",
        "again.py": "from other import names\n",
    }
    assert strings(modules(files)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    ["X = ['a'] * 2", "X = {'a', 'b'} - {'b'}", "X = make(['a'])", "X = [a.b for a in ['a']]", "X = absent"],
)
def test_what_is_computed_is_passed_over(text: str, modules: Make) -> None:
    assert strings(modules({"settings.py": text})) == []


@pytest.mark.parametrize(
    "text",
    [
        "X = Y\nY = X + ['x']",
        "def X():\n    return X()\nX = X()",
        "from other import X\nX = X + ['x']",
    ],
)
def test_names_that_go_round_come_to_an_end(text: str, modules: Make) -> None:
    files = {"settings.py": text, "other.py": "from settings import X\n"}
    assert set(strings(modules(files))) <= {"x"}


def test_a_long_concatenation_loses_nothing(modules: Make) -> None:
    names = [f"L{number}" for number in range(20)]
    lists = "".join(f"{name} = ['{name}']\n" for name in names)
    assert strings(modules({"settings.py": f"{lists}X = {' + '.join(names)}\n"})) == names
    literals = " + ".join(f"['{name}']" for name in names)
    assert strings(modules({"lib/settings2.py": f"X = {literals}\n"}), "settings2") == names


def test_a_list_that_grows_in_many_steps_is_read_fast(modules: Make) -> None:
    grows = "".join(f"X = X + ['{number}']\n" for number in range(20))
    begun = time.process_time()
    assert len(strings(modules({"settings.py": f"X = []\n{grows}"}))) == 20
    assert time.process_time() - begun < 1


# Folders on the import path


@pytest.mark.parametrize(
    "statement",
    [
        "sys.path.insert(0, 'apps')",
        "sys.path.append(os.path.join(ROOT, 'apps'))",
        "sys.path.append(str(ROOT / 'apps'))",
        "sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(__file__), '..', 'apps')))",
        "sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../apps'))",
        "sys.path += [str(ROOT / 'apps')]",
        "def main():\n    sys.path.append(os.path.join(ROOT, 'apps'))",
    ],
)
def test_folders_that_a_file_puts_on_the_path(statement: str, tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"apps/x.py": "", "shop/wsgi.py": f"import sys\n{statement}\n"})
    assert path_additions(tmp_path, [tmp_path / "shop/wsgi.py"]) == [tmp_path / "apps"]


@pytest.mark.parametrize(
    "statement",
    [
        "sys.path.append(os.path.dirname(os.path.dirname(__file__)))",
        "sys.path.append(os.path.join(os.path.dirname(__file__), '..'))",
        "sys.path.append('/usr/share/pyshared')",
        "sys.path.append('../elsewhere')",
        "sys.path.append('absent')",
        "sys.path.append('manage.py')",
        "other.path.append('apps')",
        "sys.path.remove('apps')",
    ],
)
def test_other_folders_do_not_count(statement: str, tmp_path: Path, write_tree: Write) -> None:
    top = write_tree(tmp_path / "top", {"apps/x.py": "", "manage.py": "", "shop/wsgi.py": statement})
    (tmp_path / "elsewhere").mkdir()
    assert path_additions(top, [top / "shop/wsgi.py"]) == []


def test_the_folders_are_in_the_order_of_the_files(tmp_path: Path, write_tree: Write) -> None:
    write_tree(
        tmp_path,
        {
            "a/x.py": "",
            "b/x.py": "",
            "one.py": "import sys\nsys.path.append('b')\n",
            "two.py": "import sys\nsys.path.append('a')\nsys.path.append('b')\n",
        },
    )
    files = [tmp_path / "one.py", tmp_path / "two.py"]
    assert path_additions(tmp_path, files) == [tmp_path / "b", tmp_path / "a"]
