# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a setting is worth in production, and what follows for the proof, is read from its lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import findings
from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import Module, Modules
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Finding

Tell = Callable[..., list[Finding]]


@pytest.fixture
def tell(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]) -> Tell:
    """Returns the findings of settings of such texts, the nearest first."""

    def tell(*texts: str) -> list[Finding]:
        names = [f"s{number}" for number in range(len(texts))]
        write_tree(tmp_path, {f"{name}.py": text for name, text in zip(names, texts, strict=True)})
        files = [module for name in names if (module := Modules([tmp_path]).get(name))]
        return findings.of_settings(files, tmp_path)

    return tell


@pytest.mark.parametrize(
    "texts",
    [
        ["CELERY_TASK_ALWAYS_EAGER = True\n"],
        ["CELERY_ALWAYS_EAGER = True\n"],
        ["QUEUE_TASK_ALWAYS_EAGER: bool = True\n"],
        ["TESTING = True\nCELERY_TASK_ALWAYS_EAGER = TESTING\n"],
        ["", "CELERY_TASK_ALWAYS_EAGER = True\n"],
        ["DEBUG = False\nif not DEBUG:\n    CELERY_TASK_ALWAYS_EAGER = True\n"],
    ],
)
def test_eager_tasks_are_refused_with_their_line(texts: list[str], tell: Tell) -> None:
    refused = [finding for finding in tell(*texts) if finding.refuses]
    assert len(refused) == 1
    assert "EAGER is True" in refused[0].text


@pytest.mark.parametrize(
    "texts",
    [
        ["CELERY_TASK_ALWAYS_EAGER = False\n"],
        ["DEBUG = False\nCELERY_TASK_ALWAYS_EAGER = DEBUG\n"],
        ["DEBUG = False\nif DEBUG:\n    CELERY_TASK_ALWAYS_EAGER = True\n"],
        ["CELERY_TASK_ALWAYS_EAGER = False\n", "CELERY_TASK_ALWAYS_EAGER = True\n"],
        ["CELERY_TASK_ALWAYS_EAGER = True\nCELERY_TASK_ALWAYS_EAGER = False\n"],
        ["class Test:\n    CELERY_TASK_ALWAYS_EAGER = True\n"],
    ],
)
def test_what_is_not_eager_in_production_is_no_matter(texts: list[str], tell: Tell) -> None:
    assert tell(*texts) == []


@pytest.mark.parametrize(
    ("text", "refuses", "variable"),
    [
        ('env.bool("EAGER", default=True)', True, "EAGER"),
        ('bool(os.environ.get("EAGER", "1"))', True, "EAGER"),
        ('config("EAGER", default=True, cast=bool)', True, "EAGER"),
        ('env.bool("EAGER", default=False)', False, "+EAGER"),
        ('os.environ.get("EAGER") == "1"', False, "+EAGER"),
        ("is_test()", False, ""),
    ],
)
def test_the_environment_may_decide(text: str, refuses: bool, variable: str, tell: Tell) -> None:
    (finding,) = tell(f"CELERY_TASK_ALWAYS_EAGER = {text}\n")
    assert (finding.refuses, finding.variable) == (refuses, variable)


def test_eager_below_an_unknown_condition_is_told(tell: Tell) -> None:
    (finding,) = tell("if is_test():\n    CELERY_TASK_ALWAYS_EAGER = True\n")
    assert not finding.refuses
    assert "s0.py:2" in finding.text


def test_eager_unless_a_condition_says_otherwise_is_told(tell: Tell) -> None:
    (finding,) = tell(
        "if is_live():\n    CELERY_TASK_ALWAYS_EAGER = False\n", "CELERY_TASK_ALWAYS_EAGER = True\n"
    )
    assert not finding.refuses
    assert "s1.py:1" in finding.text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('CELERY_BROKER_URL = "memory://"\n', "memory of one process"),
        ('CELERY_BROKER_URL = env("BROKER", default="memory://")\n', "BROKER in celery_secrets"),
        ('CELERY_RESULT_BACKEND = "cache+memory://"\n', "memory of one process"),
        ('CELERY_RESULT_BACKEND = "rpc://"\n', "to the process alone that has sent"),
    ],
)
def test_brokers_and_backends_of_one_process_are_told(text: str, word: str, tell: Tell) -> None:
    (finding,) = tell(text)
    assert word in finding.text
    assert finding.concerns == "own app"


@pytest.mark.parametrize(
    "text",
    [
        "app.conf.task_always_eager = True\n",
        "app.conf.update(task_always_eager=True)\n",
        "app = Celery('x', task_always_eager=True)\n",
    ],
)
def test_an_app_that_is_eager_itself(
    text: str, tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    write_tree(tmp_path, {"tasking.py": text})
    module = Modules([tmp_path]).get("tasking")
    assert isinstance(module, Module)
    (finding,) = findings.of_the_app(module, "tasking.py")
    assert finding.refuses
    assert "tasking.py:1" in finding.text


# Conditions

EAGER = "    CELERY_TASK_ALWAYS_EAGER = True\n"


@pytest.mark.parametrize(
    "condition",
    [
        "'test' in sys.argv",
        "sys.argv[1:2] == ['test']",
        "len(sys.argv) > 1 and sys.argv[1] == 'test'",
        "'pytest' in sys.modules",
        "any(word in sys.argv for word in ('test', 'jenkins'))",
        "any('pytest' in word for word in sys.argv)",
        "not ('test' not in sys.argv)",
        "'test' in sys.argv or 'pytest' in sys.argv[0]",
    ],
)
@pytest.mark.parametrize("form", ["if {}:\n", "TESTING = {}\nif TESTING:\n", "T = {}\nif T and DEBUG:\n"])
def test_what_is_for_a_run_of_tests_alone_is_no_matter(condition: str, form: str, tell: Tell) -> None:
    lines = f"import sys\n{form.format(condition)}{EAGER}    CELERY_BROKER_URL = 'memory://'\n"
    assert tell(lines) == []


@pytest.mark.parametrize(
    "condition",
    ["'runserver' in sys.argv", "'test' not in sys.argv", "'test' in os.environ['HOME']", "ask('test')"],
)
def test_what_is_not_for_tests_alone_is_told(condition: str, tell: Tell) -> None:
    assert len(tell(f"import sys\nif {condition}:\n{EAGER}")) == 1


@pytest.mark.parametrize(
    ("lines", "refuses", "variable"),
    [
        ("if env.bool('DEVELOPMENT', default=True):\n", True, "DEVELOPMENT"),
        ("DEV = env.bool('DEVELOPMENT', default=True)\nif DEV:\n", True, "DEVELOPMENT"),
        ("if not os.environ.get('LIVE', False):\n", True, "LIVE"),
        ("if os.environ.get('TESTING', False) or sys.argv[1:2] == ['test']:\n", False, "+TESTING"),
        ("if config('DEBUG', default=False) and LOCAL:\n", False, "+DEBUG"),
        ("if os.environ['STAGE'] == 'dev':\n", False, "STAGE"),
        ("if here():\n", False, ""),
    ],
)
def test_eager_below_a_condition_names_it_and_its_variable(
    lines: str, refuses: bool, variable: str, tell: Tell
) -> None:
    (finding,) = tell(f"import os, sys\n{lines}{EAGER}")
    assert (finding.refuses, finding.variable) == (refuses, variable)
    line = 1 + lines.count("\n")
    assert f"s0.py:{line + 1}: CELERY_TASK_ALWAYS_EAGER" in finding.text
    assert f"(line {line})" in finding.text


def test_the_other_branch_of_a_condition_is_read_as_such(tell: Tell) -> None:
    (finding,) = tell(
        "import os\nif os.environ.get('LIVE', False):\n    CELERY_BROKER_URL = 'redis://x'\n"
        "else:\n    CELERY_BROKER_URL = 'memory://'\n"
    )
    assert "unless os.environ.get('LIVE', False) (line 2)" in finding.text
