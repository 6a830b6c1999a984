# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What settings say about databases, Celery and the environment is read, not run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import settings_values
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import (
    Module,
    Modules,
)

Read = Callable[..., list[Module]]


@pytest.fixture
def read(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]) -> Read:
    """Returns settings modules of such texts, the nearest first."""

    def read(*texts: str) -> list[Module]:
        names = [f"s{number}" for number in range(len(texts))]
        write_tree(tmp_path, {f"{name}.py": text for name, text in zip(names, texts, strict=True)})
        found = [Modules([tmp_path]).get(name) for name in names]
        return [module for module in found if module]

    return read


# The database


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
def test_the_database(databases: str, engine: str, read: Read) -> None:
    assert settings_values.find_database(read("", f"DATABASES = {databases}\n")) == engine


PLAIN = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}\n"


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ([PLAIN], ""),
        (["X = 1\n", PLAIN], ""),
        ([""], "no DATABASES"),
        (["X = 1\nDATABASES = {'default': dj_database_url.config()}\n"], ":2"),
        (["DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n"], ":1"),
        ([PLAIN.replace("}}", "}, 'logs': {}}")], ":1"),
        ([PLAIN + "DATABASES['logs'] = {}\n"], ":2"),
        ([PLAIN + "if X:\n    DATABASES = {}\n"], ":3"),
        (["DATABASES['default'] = {}\n", PLAIN], ":1"),
        ([PLAIN, PLAIN], ":1"),
        (["DATABASES = {'default': {}}\n"], ":1"),
    ],
)
def test_databases_of_the_projects_own(texts: list[str], place: str, read: Read) -> None:
    found = settings_values.find_own_databases(read(*texts), Path("/"))
    assert found.startswith("no DATABASES") if place.startswith("no") else found.endswith(place)
    assert bool(found) == bool(place)


def test_the_database_of_the_nearest_module_counts(read: Read) -> None:
    databases = "DATABASES = {'default': {'ENGINE': 'django.db.backends.%s'}}\n"
    assert settings_values.find_database(read(databases % "mysql", databases % "sqlite3")) == "mysql"


# Settings of Celery


def test_settings_of_celery_have_the_place_that_is_nearest(read: Read, tmp_path: Path) -> None:
    modules = read(
        "CELERY_BROKER_URL = 1\n\nif X:\n    CELERY_TIMEZONE: str = 'UTC'\n",
        "CELERY_BROKER_URL = 2\nCELERYD_CONCURRENCY = 3\nBROKER_URL = 4\nCELERY = 5\nX = CELERY_Y\n",
        "class C:\n    CELERY_IMPORTS = ()\n",
    )
    assert settings_values.find_celery_settings(modules, tmp_path) == {
        "CELERY_BROKER_URL": "s0.py:1",
        "CELERY_TIMEZONE": "s0.py:4",
        "CELERYD_CONCURRENCY": "s1.py:2",
        "BROKER_URL": "s1.py:3",
        "CELERY_IMPORTS": "s2.py:2",
    }


# The environment


@pytest.mark.parametrize(
    "text",
    [
        "X = os.environ['NAME']",
        "from os import environ\nX = environ['NAME']",
        "X = {'PASSWORD': os.environ['NAME']}",
        "env = environ.Env()\nX = env('NAME')",
        "env = environ.Env()\nX = env.str('NAME')",
        "env = environ.Env()\nX = env['NAME']",
        "env = environ.FileAwareEnv()\nX = env.list('NAME')",
        "env = environ.Env(OTHER=(bool, False))\nX = env.bool('NAME')",
        "read = environ.Env()\nX = read.int('NAME')",
        "env = environ.Env()\nX = {'default': env.db('NAME')}",
        "from environs import Env\nenv = Env()\nenv.read_env()\nX = env.int('NAME')",
        "env = Env()\nX = env.list('NAME', subcast=int)",
        "from decouple import config\nX = config('NAME')",
        "from decouple import config\nX = config('NAME', cast=bool)",
        "from decouple import config as read\nX = read('NAME')",
        "from decouple import AutoConfig\nconfig = AutoConfig(BASE)\nX = config('NAME')",
        "import decouple\nX = decouple.config('NAME')",
        "with env.prefixed('NA'):\n    X = env('ME')",
        "with env.prefixed('N'), env.prefixed('A'):\n    X = env('ME')",
        "with env.prefixed('N'):\n  with env.prefixed('A'):\n    X = env('ME')",
    ],
)
def test_a_variable_that_has_to_be_there(text: str, read: Read, tmp_path: Path) -> None:
    lines = text.count("\n") + 1
    assert settings_values.find_required_environment(read(text), tmp_path) == {"NAME": f"s0.py:{lines}"}


@pytest.mark.parametrize(
    "text",
    [
        "X = os.environ.get('NAME')",
        "X = os.getenv('NAME', 'x')",
        "os.environ['NAME'] = 'x'",
        "del os.environ['NAME']",
        "os.environ.setdefault('NAME', 'x')",
        "X = 'NAME' in os.environ",
        "X = os.environ[name]",
        "env = environ.Env()\nX = env('NAME', default='x')",
        "env = environ.Env()\nX = env.bool('NAME', False)",
        "env = environ.Env(NAME=(bool, False))\nX = env('NAME')",
        "env = environ.Env()\nenviron.Env.read_env('NAME')",
        "env = environ.Env()\nenv.read_env('NAME')",
        "from decouple import config\nX = config('NAME', default=None)",
        "from decouple import config\nX = config('NAME', 'x', cast=int)",
        "X = config('NAME')",
        "X = config['NAME']",
        "X = settings.environ.config('NAME')",
        "if 'NAME' in os.environ:\n    X = os.environ['NAME']",
        "try:\n    X = os.environ['NAME']\nexcept KeyError:\n    X = ''",
        "@env.parser_for('NAME')\ndef parse(value): ...",
    ],
)
def test_a_variable_that_may_be_missing(text: str, read: Read, tmp_path: Path) -> None:
    assert settings_values.find_required_environment(read(text), tmp_path) == {}


@pytest.mark.parametrize(
    ("call", "name"),
    [("db", "DATABASE_URL"), ("cache", "CACHE_URL"), ("email_url", "EMAIL_URL"), ("db_url", "DATABASE_URL")],
)
def test_urls_have_names_of_their_own(call: str, name: str, read: Read, tmp_path: Path) -> None:
    text = f"env = environ.Env()\nX = env.{call}()\n"
    assert settings_values.find_required_environment(read(text), tmp_path) == {name: "s0.py:2"}


def test_a_default_of_one_module_counts_for_all(read: Read, tmp_path: Path) -> None:
    modules = read("X = env('NAME')\nY = env('OTHER')\n", "env = environ.Env(NAME=(str, ''))\n")
    assert settings_values.find_required_environment(modules, tmp_path) == {"OTHER": "s0.py:2"}


def test_the_names_are_sorted(read: Read, tmp_path: Path) -> None:
    found = settings_values.find_required_environment(read("env('B')\nenv('A')\nenv('B')\n"), tmp_path)
    assert list(found.items()) == [("A", "s0.py:2"), ("B", "s0.py:1")]


REDIS = '{"default": {"BACKEND": "x.Redis", "LOCATION": "y"}}'


@pytest.mark.parametrize(
    ("texts", "caches"),
    [
        ((f"CACHES = {REDIS}\n",), {"default": "x.Redis"}),
        (("", f"CACHES = {REDIS}\n"), {"default": "x.Redis"}),
        ((f"CACHES = {REDIS}\n", 'CACHES = {"default": {"BACKEND": "y.Memory"}}\n'), {"default": "x.Redis"}),
        (('CACHES = {"default": env.cache()}\n',), {"default": ""}),
        (('CACHES = {"default": {**common, "TIMEOUT": 3}}\n',), {"default": ""}),
        (("CACHES = build()\n",), {}),
        ((f'CACHES = {REDIS}\nCACHES["default"]["BACKEND"] = "y"\n',), {}),
        ((f"CACHES = {REDIS}\nCACHES.update(other)\n",), {}),
        ((f'CACHES = {REDIS}\nif x:\n    CACHES = {{"default": {{"BACKEND": "y.M"}}}}\n',), {"default": ""}),
        (("",), {}),
    ],
)
def test_caches(texts: tuple[str, ...], caches: dict[str, str], read: Read) -> None:
    assert settings_values.find_caches(read(*texts)) == caches


@pytest.mark.parametrize(
    "text",
    [
        'if os.environ.get("X"):\n    H = os.environ["X"]\n',
        'if os.getenv("X") is not None:\n    H = os.environ["X"]\n',
        'H = os.environ["X"] if os.environ.get("X") else ""\n',
        'if "Y" in os.environ:\n    H = (os.environ["Y"], os.environ["X"])\n',
        'env = os.environ.copy()\nH = env.get("X")\n',
        'if USE_S3:\n    H = env("X")\n',
        'H = USE_S3 and env("X")\n',
        'def later():\n    return os.environ["X"]\n',
        'if DEBUG:\n    pass\nelse:\n    H = os.environ["X"]\n',
    ],
)
def test_what_is_read_below_a_condition_is_not_wanted(text: str, read: Read, tmp_path: Path) -> None:
    assert settings_values.find_required_environment(read(text), tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    ['if os.environ["X"]:\n    H = 1\n', 'with open("f") as f:\n    H = env("X")\n', 'H = [env("X")]\n'],
)
def test_what_is_always_read_is_wanted(text: str, read: Read, tmp_path: Path) -> None:
    assert list(settings_values.find_required_environment(read(text), tmp_path)) == ["X"]
