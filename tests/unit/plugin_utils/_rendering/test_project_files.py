# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a checkout is clean Python, fits the decisions and holds no secret."""

from __future__ import annotations

import ast
import itertools
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block as _block
from ansible_collections.celeriac.django.plugins.module_utils._checkout import python_text
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project, SettingsPlace
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.broker import TRANSPORTS
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import project_files, templates

Data = dict[str, Any]
Rendered = tuple[dict[str, str], dict[str, dict[str, str]]]

TEMPLATES = templates.Templates("project")
SCHEDULERS = ["database", "file", "redbeat", f"shop.{'schedulers' * 6}:Own"]
BACKENDS = ["django-db", "none", "redis", "database", "shop.results:AQuiteLongNameOfABackend"]
TIMEZONES = ["", "America/Argentina/ComodRivadavia"]
EVERY = list(itertools.product(SCHEDULERS, BACKENDS, TIMEZONES))
#: Names and packages, from the shortest to the longest that somebody may have, and what is decided.
NAMES = [
    ("shop", "config.shop", EVERY),
    ("s", "s", EVERY[:1]),
    ("a" * 31, "a_rather_long_name_of_a_package_of_a_project", EVERY[:: len(BACKENDS) + 1]),
]


@pytest.fixture
def decided(decide_with: Any, options: Data, found: Data) -> Any:
    """Decides a deployment with other values than the plain ones."""

    def decide(**given: Any) -> Data:
        return decide_with({**options, **given}, found, ["worker", "beat"])

    return decide


@pytest.fixture
def render(decided: Any, project: Project) -> Any:
    """Renders for a deployment with other values than the plain ones."""

    def render(secret_names: tuple[str, ...] = (), **given: Any) -> Rendered:
        return project_files.render(TEMPLATES, decided(**given), project, secret_names)

    return render


def python_of(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields the Python among the files."""
    return ((name, text) for name, text in files.items() if name.endswith(".py"))


@pytest.fixture
def everything(render: Any, project: Project, tmp_path: Path) -> Path:
    """A folder with every different file that any combination of decisions gives."""
    seen = set()
    for name, package, decisions in NAMES:
        project.package = package
        project.package_path = f"/srv/shop/{package.replace('.', '/')}"
        project.settings = f"{package}.settings.production"
        for scheduler, backend, timezone in decisions:
            given = {"beat_scheduler": scheduler, "result_backend": backend, "timezone": timezone}
            files, _blocks = render(project_name=name, **given)
            for path, text in python_of(files):
                if (Path(path).name, text) not in seen:
                    seen.add((Path(path).name, text))
                    target = tmp_path / str(len(seen)) / path
                    target.parent.mkdir(parents=True)
                    target.write_text(text)
    assert len(seen) > len(EVERY)
    return tmp_path


def complaints(folder: Path, *commands: list[str]) -> str:
    """Returns what tools that check Python find in a folder."""
    found = []
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *command, "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "BLACK_CACHE_DIR": str(folder)},
        )
        if done.returncode:
            found.append(f"{command}\n{done.stdout}{done.stderr}")
    return "".join(found)


FORMAT = ["ruff", "format", "--check", "--isolated", "--no-cache", "--diff"]
BLACK = ["black", "--check", "--quiet", "--diff"]
LINT = ["ruff", "check", "--isolated", "--no-cache", "--quiet"]


def test_every_python_file_is_clean(everything: Path) -> None:
    assert complaints(everything, ["compileall", "-q", "-f"], LINT, FORMAT, BLACK) == ""


@pytest.mark.parametrize("package", ["s", "config.shop", "a_name_that_has_29_characters"])
def test_the_projects_files_stay_clean(package: str, render: Any, project: Project, tmp_path: Path) -> None:
    """As flake8 sees them, and so did ruff by default before 0.17."""
    project.package = package
    before = {"shop/settings/base.py": 'DEBUG = False\n\nINSTALLED_APPS = [\n    "orders",\n]\n'}
    for name, block in render(project_name="shop")[1].items():
        content = _block.put(before.get(name, "").encode(), block["lines"], block["hint"])
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert complaints(tmp_path, [*LINT, "--select=E4,E7,E9,F"], FORMAT, BLACK) == ""


def test_the_files_are_in_the_package(render: Any) -> None:
    files, _blocks = render()
    assert set(files) >= {
        "shop/celery.py",
        "shop/celery_settings.py",
        "shop/celery_ops/__init__.py",
        "shop/celery_ops/apps.py",
        "shop/celery_ops/tasks.py",
        "shop/celery_ops/management/__init__.py",
        "shop/celery_ops/management/commands/__init__.py",
        "shop/celery_ops/management/commands/celery.py",
    }
    assert all(name.startswith("shop/") for name in files)


def test_blocks_go_into_the_projects_own_files(render: Any) -> None:
    _files, blocks = render()
    assert set(blocks) == {
        "shop/__init__.py",
        "shop/settings/base.py",
        ".gitignore",
        ".env.example",
        "requirements.txt",
    }


def test_a_project_in_a_folder_of_the_checkout(render: Any, project: Project) -> None:
    vars(project).update(
        path="/srv/checkout",
        base="/srv/checkout/site",
        package_path="/srv/checkout/site/shop",
        gitignore="/srv/checkout/.gitignore",
        env_example="/srv/checkout/site/.env.example",
        settings_places=[SettingsPlace("/srv/checkout/site/shop/settings.py", "", True)],
    )
    files, blocks = render()
    assert all(name.startswith("site/shop/") for name in files)
    assert set(blocks) == {
        "site/shop/__init__.py",
        "site/shop/settings.py",
        ".gitignore",
        "site/.env.example",
        "requirements.txt",
    }


def test_requirements_name_what_the_package_imports(render: Any, project: Project) -> None:
    _files, blocks = render()
    assert "celery>=5.7,<6" in blocks["requirements.txt"]["lines"].splitlines()
    project.open_requirements = ""
    assert "requirements.txt" not in render()[1]


def test_every_block_can_be_put(render: Any) -> None:
    _files, blocks = render(("SECRET_KEY", "DATABASE_URL", "STRIPE_KEY"))
    for name, block in blocks.items():
        content = _block.put(b"", block["lines"], block["hint"])
        if name.endswith(".py"):
            ast.parse(content)


# Layouts


def test_settings_beside_manage_get_an_app_that_does_not_hide_the_library(
    render: Any, project: Project
) -> None:
    vars(project).update(
        package="",
        package_path="/srv/shop",
        settings="settings",
        settings_places=[SettingsPlace("/srv/shop/settings.py", "", True)],
    )
    files, blocks = render()
    assert {"celery_app.py", "celery_settings.py", "celery_ops/apps.py"} <= set(files)
    assert "celery.py" not in files
    assert "__init__.py" not in blocks
    assert "import celery_settings\n" in blocks["settings.py"]["lines"]
    assert '"celery_ops" not in INSTALLED_APPS' in blocks["settings.py"]["lines"]
    assert 'name = "celery_ops"' in files["celery_ops/apps.py"]
    assert "import celery_app  # noqa" in files["celery_ops/apps.py"]
    assert 'APP = "celery_app"' in files["celery_ops/management/commands/celery.py"]
    assert "parents[1]" in files["celery_ops/broker.py"]


def test_a_package_that_is_its_own_settings_does_not_load_the_app(render: Any, project: Project) -> None:
    vars(project).update(
        package="settings",
        package_path="/srv/shop/settings",
        settings="settings",
        settings_places=[SettingsPlace("/srv/shop/settings/__init__.py", "", True)],
    )
    files, blocks = render()
    assert "celery_settings.apply_to" in blocks["settings/__init__.py"]["lines"]
    assert "import settings.celery  # noqa" in files["settings/celery_ops/apps.py"]
    assert 'APP = "settings.celery"' in files["settings/celery_ops/management/commands/celery.py"]


def test_every_place_of_the_settings_gets_the_block(render: Any, project: Project) -> None:
    places = [
        SettingsPlace(f"/srv/shop/shop/settings/{name}.py", "", names)
        for name, names in (("production", True), ("dev", False))
    ]
    project.settings_places = places
    _files, blocks = render()
    assert "not in INSTALLED_APPS:" in blocks["shop/settings/production.py"]["lines"]
    assert 'not in globals()["INSTALLED_APPS"]:' in blocks["shop/settings/dev.py"]["lines"]
    assert "shop/settings/base.py" not in blocks


@pytest.mark.parametrize("imports", [False, True])
def test_the_app_stands_in_a_section_of_its_own_beside_other_imports(
    imports: bool, render: Any, project: Project
) -> None:
    project.package_imports = imports
    lines = render()[1]["shop/__init__.py"]["lines"]
    assert lines.startswith("# isort: split\n") == imports
    assert "from .celery import app as celery_app" in lines


# What formatters and linters make of it


@pytest.fixture(scope="module")
def relaid(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Lets a tool lay out the files of a folder, once for each."""

    def relay(files: dict[str, str], *commands: list[str]) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("relaid")
        for name, text in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        for command in commands:
            environ = {**os.environ, "BLACK_CACHE_DIR": str(folder)}
            subprocess.run(
                [sys.executable, "-m", *command, "."],
                cwd=folder,
                check=True,
                capture_output=True,
                env=environ,
            )
        return {name: (folder / name).read_bytes() for name in files}

    return relay


RUFF = ["ruff", "format", "--isolated", "--no-cache"]
SORT = ["ruff", "check", "--isolated", "--no-cache", "--select=I", "--fix"]
FORMATTERS = {
    "black, short lines": [["black", "--line-length=60", "--skip-magic-trailing-comma"]],
    "black, long lines": [["black", "--line-length=120", "--skip-magic-trailing-comma"]],
    "ruff, short lines": [[*RUFF, "--line-length=60"]],
    "ruff, long lines and single quotes": [
        [*RUFF, "--line-length=120", "--config=format.quote-style='single'"],
    ],
    "ruff, tabs and CRLF": [
        [*RUFF, "--config=format.indent-style='tab'", "--config=format.line-ending='cr-lf'"]
    ],
    "isort": [SORT],
    "isort, a line for each": [[*SORT, "--config=lint.isort.force-single-line=true"]],
    "isort, by length": [
        [*SORT, "--config=lint.isort.length-sort=true", "--config=lint.isort.force-sort-within-sections=true"]
    ],
}


@pytest.mark.parametrize("formatter", FORMATTERS.values(), ids=FORMATTERS)
def test_a_formatter_leaves_ours_ours(
    formatter: list[list[str]], render: Any, relaid: Any, project: Project
) -> None:
    project.package_imports = True
    rendered, blocks = render()
    files = dict(python_of(rendered))
    before = {
        "shop/settings/base.py": 'import os\n\nINSTALLED_APPS = [os.environ["A"]]\n',
        "shop/__init__.py": "import sys  # noqa: F401\n",
    }
    for name, text in before.items():
        block = blocks[name]
        before[name] = _block.put(text.encode(), block["lines"], block["hint"], python=True).decode()
    after = relaid({**files, **before}, *formatter)
    for name, text in files.items():
        assert python_text.digest(after[name]) == python_text.digest(text.encode())
    for name in before:
        lines, hint = blocks[name]["lines"], blocks[name]["hint"]
        assert _block.put(after[name], lines, hint, [lines], python=True) == after[name]
        assert b"celery" not in _block.without(after[name], known=[lines], python=True)


#: The Pythons of this clone other than the one that runs this.
OTHERS = [
    python
    for name in (".venv", ".venv-other")
    if (python := Path(__file__).resolve().parents[4] / name / "bin/python").exists()
    and python.parent.parent != Path(sys.prefix)
]
ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import python_text
print(json.dumps([python_text.digest(text.encode()) for text in json.load(sys.stdin)]))
"""


@pytest.mark.skipif(not OTHERS, reason="there is no other Python in this clone")
def test_every_python_knows_our_files_as_ours(render: Any) -> None:
    texts = [text for _name, text in python_of(render()[0])]
    folder = str(Path(python_text.__file__).parent)
    for python in OTHERS:
        done = subprocess.run(
            [python, "-I", "-c", ASK, folder],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == [python_text.digest(text.encode()) for text in texts]


APPS = 'INSTALLED_APPS = ["orders"]\n'
ENDS = {
    "an assignment": APPS,
    "no newline": APPS.removesuffix("\n"),
    "a comment": f"{APPS}# the end\n",
    "a condition": f"{APPS}if INSTALLED_APPS:\n    X = 1\n",
    "a try": f"{APPS}\ntry:\n    from .local import X\nexcept ImportError:\n    X = 1\n",
    "a text": f'{APPS}X = """\na\n"""\n',
    "a function": f"{APPS}\n\ndef f():\n    return 1\n",
    "a class": f"{APPS}\n\nclass C:\n    pass\n",
    "a function in a condition": f"{APPS}if INSTALLED_APPS:\n\n    def f():\n        return 1\n",
    "a function in a handler": f"{APPS}try:\n    X = 1\nexcept OSError:\n\n    def f():\n        return 1\n",
    "a function and a comment": f"{APPS}\n\ndef f():\n    return 1\n\n\n# the end\n",
    "a call of another's": "globals().update({})\n",
}
INITS = {
    "nothing": "",
    "a docstring": '"""The shop."""\n',
    "a comment": "# The shop.\n",
    "a version": '__version__ = "1"\n',
    "an import": "import os  # noqa: F401\n",
    "an import that is offered": 'from .x import y\n\n__all__ = ["y"]\n',
    "an import of the future": "from __future__ import annotations\n",
    "a docstring and an import": '"""The shop."""\n\nimport os  # noqa: F401\n',
    "an import and a comment": "import os  # noqa: F401\n\n# the end\n",
}
#: What pycodestyle and pyflakes find, and ruff by default before 0.17.
FLAKE8 = ["flake8", "--isolated", "--select=E4,E7,E9,F"]


def test_files_of_the_project_stay_clean_however_they_end(
    render: Any, project: Project, tmp_path: Path
) -> None:
    project.package_imports = True
    split = render()[1]["shop/__init__.py"]["lines"]
    project.package_imports = False
    plain = render()[1]
    project.settings_places = [replace(place, names_apps=False) for place in project.settings_places]
    hidden = render()[1]["shop/settings/base.py"]["lines"]
    texts = {f"end_{number}": text for number, text in enumerate(ENDS.values())}
    for name, text in {**texts, **{f"init_{n}": text for n, text in enumerate(INITS.values())}}.items():
        lines = plain["shop/settings/base.py"]["lines"] if text.startswith(APPS.strip()) else hidden
        if name.startswith("init_"):
            lines = split if "import" in text else plain["shop/__init__.py"]["lines"]
        file = tmp_path / name / ("shop/__init__.py" if name.startswith("init_") else "shop/settings.py")
        file.parent.mkdir(parents=True)
        (file.parent / "celery.py").touch()
        (file.parent / "celery_settings.py").touch()
        (file.parent / "__init__.py").touch()
        file.write_bytes(_block.put(text.encode(), lines, "A hint.", python=True))
    assert complaints(tmp_path, LINT, [*LINT, "--select=E4,E7,E9,F,I"], FORMAT, BLACK, FLAKE8) == ""


# The settings, as Django would load them


@pytest.fixture
def settings(render: Any, load_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads the rendered settings in an environment of their own."""

    def load(environment: dict[str, str], **given: Any) -> Data:
        for name in [name for name in os.environ if name.startswith(("CELERY_", "AWS_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("CELERY_STATE_PATH", str(tmp_path / "state"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        files = render(**given)[0]
        return load_settings(files, tmp_path / "base")

    return load


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("timezone", TIMEZONES)
def test_settings_get_every_setting_and_nothing_else(scheduler: str, timezone: str, settings: Any) -> None:
    values = settings({}, beat_scheduler=scheduler, timezone=timezone)
    own: Data = {"INSTALLED_APPS": [], "DEBUG": True, "CELERY_TASK_ACKS_LATE": "theirs"}
    values["apply_to"](own)
    defined = {name: value for name, value in values.items() if name.startswith("CELERY_")}
    assert {name: own[name] for name in defined} == defined
    assert set(own) == {*defined, "INSTALLED_APPS", "DEBUG"}


@pytest.mark.parametrize("scheme", sorted(TRANSPORTS))
def test_processes_know_of_a_broker_what_the_controller_knows(scheme: str, settings: Any) -> None:
    facts = TRANSPORTS[scheme]
    url = f"{scheme}://broker.example"
    values = settings({"CELERY_BROKER_URL": url, "CELERY_BROKER_MASTER": "queue"})
    broker = values["broker"]
    assert broker.kind(url)
    assert values["CELERY_WORKER_ENABLE_REMOTE_CONTROL"] is facts.has_control
    assert broker.has_quorum_queues(url) is facts.has_quorum
    assert (broker.tls(url) is not None) is facts.is_tls
    options = values["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert ("visibility_timeout" in options) is facts.counts_visibility
    assert ("confirm_publish" in options) is facts.counts_consumer
    if facts.with_tls:
        assert TRANSPORTS[facts.with_tls].is_tls
        assert broker.kind(f"{facts.with_tls}://x") == broker.kind(url)


def test_nothing_is_known_of_another_broker(settings: Any) -> None:
    broker = settings({})["broker"]
    assert not {broker.kind(url) for url in ("kafka://x", "", None, "x")} - {""}
    assert broker.transport_options("kafka://x") == {}


def test_without_a_broker_folders_stand_in(settings: Any, tmp_path: Path) -> None:
    values = settings({})
    assert values["CELERY_BROKER_URL"] == "filesystem://"
    options = values["CELERY_BROKER_TRANSPORT_OPTIONS"]
    for key in ("data_folder_in", "data_folder_out", "control_folder", "processed_folder"):
        assert Path(options[key]).is_relative_to(tmp_path / "state")
        assert not Path(options[key]).exists()  # a process that only loads settings may not write there
    assert options["data_folder_in"] == options["data_folder_out"]


def test_without_a_state_folder_it_is_in_the_checkout(settings: Any, tmp_path: Path) -> None:
    options = settings({"CELERY_STATE_PATH": ""})["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["data_folder_in"] == str(tmp_path / "base/.celery/broker/messages")


def test_no_folder_stands_in_where_no_worker_would_look(settings: Any) -> None:
    problem = settings({})["broker"].folder_problem
    assert not problem(True)
    for word in ("CELERY_BROKER_URL", "DEBUG is off", "filesystem://"):
        assert word in problem(False)


def test_a_folder_that_somebody_names_is_one(settings: Any) -> None:
    assert not settings({"CELERY_BROKER_URL": "filesystem://"})["broker"].folder_problem(False)


def test_no_folder_stands_in_beside_the_workers_of_this_checkout(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = settings({})["broker"]
    target = tmp_path / "shop-celery.target"
    monkeypatch.setattr(broker, "Path", lambda name: target if str(name).startswith("/etc/") else Path(name))
    target.write_text(f"[Unit]\nX-Checkout={(tmp_path / 'base').resolve()}\n")
    for word in ("CELERY_BROKER_URL", "shop-manage shell", "EnvironmentFile=/etc/shop-celery/environment"):
        assert word in broker.folder_problem(True)
    target.write_text("[Unit]\nX-Checkout=/srv/another\n")
    assert not broker.folder_problem(True)


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("redis://:pw@host:6379/0", "health_check_interval"),
        ("rediss://host", "socket_timeout"),
        ("sentinel://a;sentinel://b", "visibility_timeout"),
        ("amqp://u:p@host/vhost", "confirm_publish"),
        ("sqs://k:s@", "queue_name_prefix"),
        ("memory://", None),
    ],
)
def test_the_broker_comes_from_the_environment(
    url: str, option: str | None, settings: Any, tmp_path: Path
) -> None:
    values = settings({"CELERY_BROKER_URL": url})
    assert values["CELERY_BROKER_URL"] == url
    assert (option is None) == (values["CELERY_BROKER_TRANSPORT_OPTIONS"] == {})
    assert option is None or option in values["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert not (tmp_path / "state").exists()


SENTINELS = "sentinel://shop:p%40ss@a:1;sentinel://shop:p%40ss@b/2"


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_sentinels_are_named_to_all_who_use_them(scheduler: str, settings: Any) -> None:
    environment = {
        "CELERY_BROKER_URL": SENTINELS,
        "CELERY_RESULT_BACKEND": SENTINELS,
        "CELERY_BROKER_MASTER": "queue",
        "CELERY_BROKER_SENTINEL_PASSWORD": "guards",
    }
    values = settings(environment, beat_scheduler=scheduler)
    for name in ("CELERY_BROKER_TRANSPORT_OPTIONS", "CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS"):
        assert values[name]["master_name"] == "queue"
        assert (
            values[name]["sentinel_kwargs"].get("password") == environment["CELERY_BROKER_SENTINEL_PASSWORD"]
        )
        assert values[name]["global_keyprefix"] == "shop:"
    if scheduler == "redbeat":
        options = values["CELERY_REDBEAT_REDIS_OPTIONS"]
        assert options["sentinels"] == [("a", 1), ("b", 26379)]
        assert (options["service_name"], options["username"], options["password"]) == (
            "queue",
            "shop",
            "p@ss",
        )
        # RedBeat prints it with kombu, which takes no list.
        assert values["CELERY_REDBEAT_REDIS_URL"].startswith("redis-sentinel://")
        assert ";" not in values["CELERY_REDBEAT_REDIS_URL"]


@pytest.mark.parametrize(
    ("url", "authority", "tls", "checked"),
    [
        ("rediss://:pw@host:6379/0", "/etc/ca.crt", "", True),
        ("rediss://:pw@host:6379/0", "", "", True),
        ("redis://:pw@host:6379/0", "/etc/ca.crt", "", False),
        ("sentinel://a", "/etc/ca.crt", "", False),
        ("sentinel://a;sentinel://b", "/etc/ca.crt", "1", True),
        ("", "", "", False),
    ],
)
@pytest.mark.parametrize("scheduler", ["file", "redbeat"])
def test_a_redis_with_tls_has_to_prove_itself(
    scheduler: str, url: str, authority: str, tls: str, checked: bool, settings: Any
) -> None:
    environment = {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url, "CELERY_BROKER_CA": authority}
    environment["CELERY_BROKER_TLS"] = tls
    values = settings(environment, beat_scheduler=scheduler)
    names = ["CELERY_BROKER_USE_SSL", "CELERY_REDIS_BACKEND_USE_SSL"]
    names += ["CELERY_REDBEAT_REDIS_USE_SSL"] if scheduler == "redbeat" else []
    for name in names:
        if not checked:
            assert values[name] is None
            continue
        assert values[name]["ssl_cert_reqs"] == ssl.CERT_REQUIRED
        assert values[name]["ssl_check_hostname"] is True
        assert values[name]["ssl_ca_certs"] == (authority or None)


def test_sqs_waits_for_messages_and_asks_nobody(settings: Any) -> None:
    values = settings(
        {"CELERY_BROKER_URL": "sqs://k:s@", "CELERY_VISIBILITY_TIMEOUT": "90", "AWS_REGION": "eu-1"}
    )
    options = values["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert (options["visibility_timeout"], options["region"], options["wait_time_seconds"]) == (
        90,
        "eu-1",
        20,
    )
    assert values["CELERY_WORKER_ENABLE_REMOTE_CONTROL"] is False
    assert settings({"CELERY_BROKER_URL": "redis://a"})["CELERY_WORKER_ENABLE_REMOTE_CONTROL"] is True


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("sqs://", True),
        ("sqs://k:s@", True),
        ("sqs://k:s@sqs.eu-central-1.amazonaws.com", True),
        ("sqs://k:s@127.0.0.1:9324", False),
        ("sqs://k:s@localhost:4566", False),
    ],
)
def test_sqs_is_without_tls_on_loopback_alone(settings: Any, url: str, secure: bool) -> None:
    options = settings({"CELERY_BROKER_URL": url})["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["is_secure"] is secure


@pytest.mark.parametrize(
    ("wanted", "environment", "backend"),
    [
        ("django-db", {}, "shop.celery_ops.results.DatabaseBackend"),
        ("django-cache", {}, "django-cache"),
        ("database", {}, None),
        ("none", {}, None),
        ("redis://x", {}, None),
        ("redis://x", {"CELERY_RESULT_BACKEND": "redis://:pw@x"}, "redis://:pw@x"),
        ("django-db", {"CELERY_RESULT_BACKEND": "redis://:pw@x"}, "redis://:pw@x"),
        ("shop.results:Own", {}, "shop.results:Own"),
    ],
)
def test_the_result_backend(
    wanted: str, environment: dict[str, str], backend: str | None, settings: Any
) -> None:
    assert settings(environment, result_backend=wanted)["CELERY_RESULT_BACKEND"] == backend


@pytest.mark.parametrize(
    ("delivery", "environment", "late"),
    [
        ("at_most_once", {}, False),
        ("at_least_once", {}, True),
        ("at_most_once", {"CELERY_DELIVERY": "at_least_once"}, True),
        ("at_least_once", {"CELERY_DELIVERY": "at_most_once"}, False),
    ],
)
def test_the_delivery_of_a_pool_wins(
    delivery: str, environment: dict[str, str], late: bool, settings: Any
) -> None:
    values = settings(environment, delivery=delivery)
    assert values["CELERY_TASK_ACKS_LATE"] is late
    assert values["CELERY_TASK_REJECT_ON_WORKER_LOST"] is late


@pytest.mark.parametrize("timezone", TIMEZONES)
def test_the_timezone(timezone: str, settings: Any) -> None:
    assert settings({}, timezone=timezone).get("CELERY_TIMEZONE", "") == timezone


@pytest.mark.parametrize(
    ("scheduler", "cls"), [("database", "django_celery_beat.schedulers:DatabaseScheduler"), ("x.Y", "x.Y")]
)
def test_the_scheduler(scheduler: str, cls: str, settings: Any) -> None:
    values = settings({}, beat_scheduler=scheduler)
    assert values["CELERY_BEAT_SCHEDULER"] == cls
    assert "CELERY_BEAT_SCHEDULE_FILENAME" not in values


def test_the_file_of_the_schedule_is_in_the_state_folder(settings: Any, tmp_path: Path) -> None:
    values = settings({}, beat_scheduler="file")
    assert Path(values["CELERY_BEAT_SCHEDULE_FILENAME"]).parent == tmp_path / "state"
    assert "CELERY_BEAT_SCHEDULER" not in values


def test_the_canary_has_the_name_that_is_looked_for(settings: Any, decided: Any, render: Any) -> None:
    values = settings({})
    deployment = decided()
    (canary,) = values["CELERY_BEAT_SCHEDULE"].items()
    assert canary[0] == deployment.beat.canary
    assert canary[1]["task"] in deployment.tasks.expected
    assert canary[1]["schedule"] == deployment.beat.canary_interval
    constants: Data = {}
    for statement in ast.parse(render()[0]["shop/celery_ops/tasks.py"]).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            constants[statement.targets[0].id] = ast.literal_eval(statement.value)
    assert constants["CANARY_RESULT"] == deployment.beat.canary


@pytest.mark.parametrize(
    ("given", "apps"),
    [
        ({}, ["django_celery_results", "django_celery_beat", "shop.celery_ops"]),
        ({"beat_scheduler": "file"}, ["django_celery_results", "shop.celery_ops"]),
        ({"result_backend": "redis"}, ["django_celery_beat", "shop.celery_ops"]),
        ({"result_backend": "none", "beat_scheduler": "redbeat"}, ["shop.celery_ops"]),
    ],
)
def test_the_apps_that_celery_needs_are_there_once(given: Data, apps: list[str], settings: Any) -> None:
    apply_to = settings({}, **given)["apply_to"]

    def applied(installed: list[str] | tuple[str, ...]) -> list[str] | tuple[str, ...]:
        own: Data = {"INSTALLED_APPS": installed}
        apply_to(own)
        result: list[str] | tuple[str, ...] = own["INSTALLED_APPS"]
        return result

    assert applied(["orders"]) == ["orders", *apps]
    assert applied(("orders", apps[0])) == ("orders", apps[0], *apps[1:])
    assert applied(applied(["orders"])) == applied(["orders"])


# The example of an environment


def environment_of(blocks: dict[str, dict[str, str]]) -> dict[str, str]:
    """Returns the variables of .env.example."""
    lines = blocks.get(".env.example", {"lines": ""})["lines"].splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_names_what_production_needs(render: Any) -> None:
    _files, blocks = render(("STRIPE_KEY", "SECRET_KEY", "CELERY_BROKER_URL", "DATABASE_URL"))
    example = environment_of(blocks)
    assert list(example) == ["CELERY_BROKER_URL", "DATABASE_URL", "SECRET_KEY", "STRIPE_KEY"]
    assert all("shop_production_your_key_here" in value for value in example.values())


def test_every_name_of_the_example_says_where_its_value_comes_from(render: Any) -> None:
    lines = render(("STRIPE_KEY", "DATABASE_URL"))[1][".env.example"]["lines"].splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            assert len(lines[number - 1].removeprefix("# ")) > 20


def test_what_the_project_documents_itself_is_left_out(render: Any, project: Project) -> None:
    project.documented = ["SECRET_KEY"]
    assert list(environment_of(render(("SECRET_KEY",))[1])) == ["CELERY_BROKER_URL"]
    project.documented = ["SECRET_KEY", "CELERY_BROKER_URL"]
    assert ".env.example" not in render(("SECRET_KEY",))[1]


def test_the_state_folder_is_not_for_git(render: Any) -> None:
    assert ".celery/" in render()[1][".gitignore"]["lines"].splitlines()
