# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What manage.py and wsgi.py do before Django starts is found, followed or told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import entry_points
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import Module
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import EntryLine
from ansible_collections.celeriac.django.plugins.module_utils._discovery.source import parse

Write = Callable[[Path, Mapping[str, str]], Path]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("load_dotenv()", EntryLine("", "file", "")),
        ("dotenv.load_dotenv('.env.live', override=True)", EntryLine("", "file", ".env.live")),
        ("environ.Env.read_env(BASE / 'conf' / '.env')", EntryLine("", "file", ".env")),
        ("dotenv.read_dotenv(dotenv_path='prod.env')", EntryLine("", "file", "prod.env")),
        ("os.environ.setdefault('SHOP', 'live')", EntryLine("", "variable", "SHOP", "live", known=True)),
        ("os.environ['SHOP'] = 'live'", EntryLine("", "variable", "SHOP", "live", known=True, replaces=True)),
        ("environ['SHOP'] = find()", EntryLine("", "variable", "SHOP", replaces=True)),
        ("os.environ.update({'X': '1'})", EntryLine("", "variable", "X", "1", known=True, replaces=True)),
    ],
)
def test_lines_that_change_the_environment(
    text: str, line: EntryLine, tmp_path: Path, write_tree: Write
) -> None:
    write_tree(tmp_path, {"wsgi.py": f"\ndef main():\n    {text}\n", "manage.py": ""})
    found = entry_points.find(tmp_path / "manage.py", [tmp_path / "wsgi.py"], tmp_path)
    assert found == [replace(line, place="wsgi.py:3")]


@pytest.mark.parametrize(
    "text",
    [
        "def application(environ, start):\n    environ['SCRIPT_NAME'] = environ.get('HTTP_X')\n",
        "def application(environ, start):\n    if environ:\n        environ['wsgi.url_scheme'] = find()\n",
        "class Proxy:\n    def __call__(self, environ, start):\n        environ.setdefault('A', find())\n",
        "async def app(environ, /):\n    environ.update({'A': find()})\n",
    ],
)
def test_the_environ_of_a_request_is_not_that_of_the_process(
    text: str, tmp_path: Path, write_tree: Write
) -> None:
    write_tree(tmp_path, {"wsgi.py": text, "manage.py": ""})
    assert entry_points.find(tmp_path / "manage.py", [tmp_path / "wsgi.py"], tmp_path) == []


def test_what_a_request_gives_the_process_is_told(tmp_path: Path, write_tree: Write) -> None:
    text = "import os\ndef application(environ, start):\n    os.environ['SHOP'] = environ['SHOP']\n"
    write_tree(tmp_path, {"wsgi.py": text, "manage.py": ""})
    found = entry_points.find(tmp_path / "manage.py", [tmp_path / "wsgi.py"], tmp_path)
    assert found == [EntryLine("wsgi.py:3", "variable", "SHOP", replaces=True)]


def test_variables_of_manage_py_count_where_there_is_no_server_file(
    tmp_path: Path, write_tree: Write
) -> None:
    text = "load_dotenv()\nos.environ.setdefault('SHOP', 'dev')\n"
    write_tree(tmp_path, {"wsgi.py": "", "manage.py": text})
    kinds = [
        [line.kind for line in entry_points.find(tmp_path / "manage.py", servers, tmp_path)]
        for servers in ([], [tmp_path / "wsgi.py"])
    ]
    assert kinds == [["file", "variable"], ["file"]]


@pytest.mark.parametrize(
    "text",
    [
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')",
        "os.environ['DJANGO_CONFIGURATION'] = 'Live'",
        "values['SHOP'] = 'live'",
        "os.environ.get('SHOP', 'live')",
    ],
)
def test_other_lines_are_no_matter(text: str, tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"wsgi.py": f"{text}\n", "manage.py": ""})
    assert entry_points.find(tmp_path / "manage.py", [tmp_path / "wsgi.py"], tmp_path) == []


@pytest.mark.parametrize(
    ("text", "loader", "file", "replaces"),
    [
        ("from dotenv import load_dotenv\nload_dotenv()\n", "dotenv.load_dotenv", ".env", False),
        ("import dotenv\ndotenv.load_dotenv(override=True)\n", "dotenv.load_dotenv", ".env", True),
        (
            "import dotenv\ndotenv.load_dotenv(dotenv.find_dotenv())\n",
            "dotenv.load_dotenv",
            ".env",
            False,
        ),
        (
            "from dotenv import load_dotenv as load\nfrom dotenv import load_dotenv\n"
            "if os.path.exists(FILE):\n    load_dotenv(BASE_DIR / 'conf' / 'live.env')\n",
            "dotenv.load_dotenv",
            "conf/live.env",
            False,
        ),
        (
            "import environ\nenv = environ.Env()\nenv.read_env(os.path.join(ROOT, '.env'), overwrite=True)\n",
            "environ.Env.read_env",
            ".env",
            True,
        ),
        ("from environs import Env\nenv = Env()\nenv.read_env()\n", "environs.Env.read_env", ".env", False),
        # What is not certain is told, and not followed.
        ("from dotenv import load_dotenv\nif DEBUG:\n    load_dotenv()\n", "", "", False),
        ("from shop.tools import load_dotenv\nload_dotenv()\n", "", "", False),
        ("from dotenv import load_dotenv\nload_dotenv(os.environ.get('FILE', '.env'))\n", "", "", False),
        ("from dotenv import load_dotenv\nload_dotenv(override=LIVE)\n", "", "", False),
        ("import environ\nenviron.Env.read_env()\n", "", "", False),  # beside wsgi.py, where none is
    ],
)
def test_a_file_that_is_loaded_by_a_package_is_followed(
    text: str, loader: str, file: str, replaces: bool, tmp_path: Path, write_tree: Write
) -> None:
    tree = {"shop/wsgi.py": text, "manage.py": "", ".env": "A=1\n", "conf/live.env": "A=2\n"}
    write_tree(tmp_path, tree)
    lines = entry_points.find(tmp_path / "manage.py", [tmp_path / "shop/wsgi.py"], tmp_path)
    (line,) = [line for line in lines if line.kind == "file"]
    assert (line.loader, line.replaces) == (loader, replaces)
    assert line.file == (str(tmp_path / file) if file else "")
    assert entry_points.followed(lines, []) == ([line] if file else [])
    assert bool(entry_points.tell(lines, [], [tmp_path], tmp_path)) is not bool(file)


def test_what_manage_py_alone_loads_is_followed_where_there_is_no_server_file(
    tmp_path: Path, write_tree: Write
) -> None:
    text = "from dotenv import load_dotenv\nload_dotenv()\n"
    write_tree(tmp_path, {"wsgi.py": "", "manage.py": text, ".env": "A=1\n"})
    alone = entry_points.find(tmp_path / "manage.py", [], tmp_path)
    assert entry_points.followed(alone, [], served=False) == alone
    beside = entry_points.find(tmp_path / "manage.py", [tmp_path / "wsgi.py"], tmp_path)
    assert entry_points.followed(beside, []) == []


FILE = [EntryLine("manage.py:4", "file", ""), EntryLine("shop/wsgi.py:3", "file", ".env")]


def test_a_file_that_the_web_loads_alone_is_refused_with_its_names(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {".env": "# ours\nexport DB=x\nKEY = secret\n"})
    (finding,) = entry_points.tell(FILE, [], [tmp_path], tmp_path)
    assert finding.refuses
    (by_manage,) = entry_points.tell(FILE[:1], [], [tmp_path], tmp_path)
    assert not by_manage.refuses
    assert finding.variables == ["DB", "KEY"]
    assert "manage.py:4, shop/wsgi.py:3: .env is loaded" in finding.text
    assert "secret" not in finding.text.replace("celery_secrets", "")


def test_a_file_that_the_settings_load_too_is_fine(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {".env": "DB=x\n", "settings.py": "env.read_env('.env')\n"})
    settings = [Module("settings", tmp_path / "settings.py", parse(tmp_path / "settings.py"))]
    assert entry_points.tell(FILE, settings, [tmp_path], tmp_path) == []
    assert entry_points.tell(FILE, [], [tmp_path / "elsewhere"], tmp_path) == []


def test_a_variable_that_is_computed_is_refused_until_it_is_given(tmp_path: Path) -> None:
    lines = [
        EntryLine("wsgi.py:3", "variable", "SHOP"),
        EntryLine("wsgi.py:4", "variable", "X", "1", known=True),
    ]
    (finding,) = entry_points.tell(lines, [], [tmp_path], tmp_path)
    assert (finding.refuses, finding.variable) == (True, "SHOP")
