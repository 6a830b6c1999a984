# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every layout of the corpus, with real Django: found, integrated, proven, and given back to the byte."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout.change import CheckoutError
from ansible_collections.celeriac.django.plugins.module_utils._discovery.source import DiscoveryError
from ansible_collections.celeriac.django.plugins.module_utils._project.works import WorksError
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.deployment import DeploymentError

from .conftest import Deployment
from .layouts import BY_NAME, LAYOUTS, OF_CLASSES, REFUSED, STRANGER, Layout, Refused
from .layouts.checkout import Checkout, differences, snapshot
from .layouts.virtualenvs import virtualenv

#: The task of beat that shows that everything works.
CANARY = "celery_ops.tasks.canary"


@pytest.fixture(scope="session", params=["5.2", "6.0"])
def django(request: pytest.FixtureRequest) -> Path:
    """The Python of a virtualenv with this series of Django."""
    if request.param == "5.2":
        oldest = shutil.which("python3.11")
        return virtualenv(request.param, Path(oldest or sys.executable))
    return virtualenv(request.param, request.getfixturevalue("newest_python"))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layout(layout: Layout, django: Path, tmp_path: Path) -> None:
    """Found without being told; integrated, it works; a second run changes nothing; removal is exact."""
    checkout = Checkout(layout, layout.build(tmp_path), django)
    if layout.existing:
        assert_works_as_it_is(checkout)
    else:
        assert_integrates(checkout, tmp_path)


def assert_works_as_it_is(checkout: Checkout) -> None:
    """See that a project's own app is deployed, and nothing of it changed."""
    before = snapshot(checkout.path)
    checkout.look()
    problems = found_as_it_is(checkout)
    checkout.see([])
    problems += works(checkout) + differences(before, snapshot(checkout.path))
    assert not problems, "\n".join(problems)


def assert_integrates(checkout: Checkout, folder: Path) -> None:
    """See that a checkout is integrated as predicted, works, stays so, and is given back to the byte."""
    before = snapshot(checkout.path)
    checkout.look()
    problems = found_as_it_is(checkout)
    predicted = checkout.integrate(check=True)
    problems += differences(before, snapshot(checkout.path))
    copy = shutil.copytree(checkout.path, folder / "copy", symlinks=True)
    outcome = checkout.integrate()
    if predicted != outcome:
        problems.append(f"predicted:\n{predicted}\ndone:\n{outcome}")
    if is_patchable(checkout.layout):
        problems += checkout.patched(outcome.diff, copy)
    problems += works(checkout)
    integrated = snapshot(checkout.path)
    checkout.look()
    again = checkout.integrate()
    if again.diff or again.kept or again.recovered:
        problems.append(f"the second run: {again}")
    problems += differences(integrated, snapshot(checkout.path))
    checkout.look()
    checkout.remove()
    problems += differences(before, snapshot(checkout.path))
    assert not problems, "\n".join(problems)


def is_patchable(layout: Layout) -> bool:
    """Tell whether a patch can hold the change: it is text, and git does not write through links."""
    if layout.links:
        return False
    try:
        return all(isinstance(text, str) or text.decode() for text in layout.files.values() if text)
    except UnicodeDecodeError:
        return False


def found_as_it_is(checkout: Checkout) -> list[str]:
    """Return what was not found as the layout has it."""
    layout, project, deployment = checkout.layout, checkout.project, checkout.deployment
    places = {os.path.relpath(place.file, checkout.path) for place in project.settings_places}
    expected = {
        "base": (project.base, os.path.normpath(checkout.base())),
        "settings": (project.settings, layout.settings),
        # Those of a project that has an app are of use to nobody.
        "places": (sorted(places) if deployment.code.integrate else [], sorted(layout.places)),
        "app": (deployment.code.app, layout.app),
        "name": (deployment.name, layout.called),
        "integrate": (deployment.code.integrate, not layout.existing),
        "tasks": (set(project.tasks), set(layout.tasks)),
    }
    problems = [
        f"{what}: found {found}, is {there}" for what, (found, there) in expected.items() if found != there
    ]
    without_reason = [place.file for place in project.settings_places if not place.why]
    return problems + [f"{file}: no reason is given" for file in without_reason]


def works(checkout: Checkout) -> list[str]:
    """Return what does not work, asked of the project as developers, services and web servers run it."""
    layout, deployment = checkout.layout, checkout.deployment
    developer = {**layout.environment, **layout.developer}
    if "PYTHONPATH" in developer:
        developer["PYTHONPATH"] = str(checkout.base() / developer["PYTHONPATH"])
    modules = [layout.settings, *layout.others]
    questions: list[dict[str, Any]] = [
        {"kind": "manage", "environment": {**developer, "DJANGO_SETTINGS_MODULE": name}} for name in modules
    ]
    questions.append(
        {"kind": "app", "app": deployment.code.app, "environment": deployment.inside.environment}
    )
    if layout.server:
        environment = {
            name: value
            for name, value in deployment.inside.environment.items()
            if name not in ("CELERY_STATE_PATH", "DJANGO_SETTINGS_MODULE")
        }
        questions.append({"kind": "server", "module": layout.server, "environment": environment})
    problems = []
    answers = checkout.ask(*questions)
    for question, answer in zip(questions, answers, strict=True):
        of = [question["kind"], question["environment"].get("DJANGO_SETTINGS_MODULE", "")]
        problems += [f"{' '.join(of)}: {problem}" for problem in wrong(checkout, question["kind"], answer)]
    return problems


def wrong(checkout: Checkout, kind: str, answer: dict[str, Any]) -> list[str]:
    """Return what is wrong in an answer."""
    if "error" in answer:
        return [answer["error"] + answer["output"]]
    deployment = checkout.deployment
    problems = []
    if kind == "manage" and answer["code"]:
        problems.append(f"manage.py check exits with {answer['code']}: {answer['output']}")
    if kind == "app":
        missing = {*deployment.tasks.expected, *checkout.layout.tasks} - set(answer["tasks"])
        problems += [f"{task} is not registered" for task in sorted(missing)]
        problems += [message for message in answer["messages"] if "celery_ops" in message]
    if not checkout.layout.existing:
        problems += wrong_in_ours(deployment, kind, answer)
    return problems


def wrong_in_ours(deployment: dict[str, Any], kind: str, answer: dict[str, Any]) -> list[str]:
    """Return what is wrong in an answer of a project that has our app."""
    folder = os.path.realpath(Path(deployment.places.state, "broker", "messages"))
    expected: dict[str, tuple[object, object]] = {
        # All of a project's processes have the same app and the same place for messages.
        "the app of shared tasks": (answer["current"], deployment.name),
        "the folder of messages": (answer["folder"], folder),
    }
    if kind == "manage":
        content = "System check identified no issues (0 silenced).\n"
        expected["Django's checks"] = (answer["output"], content)
    if kind == "app":
        expected["the app"] = (answer["main"], deployment.name)
        expected["beat's tasks"] = (answer["schedule"], [f"{deployment.code.prefix}{CANARY}"])
    for name in ("django_celery_results", "django_celery_beat", f"{deployment.code.prefix}celery_ops"):
        expected[f"times of {name} in INSTALLED_APPS"] = (answer["installed"].count(name), 1)
    return [
        f"{what}: {found!r}, not {right!r}" for what, (found, right) in expected.items() if found != right
    ]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.layout.name)
def test_what_cannot_be_told_is_refused(refused: Refused, tmp_path: Path) -> None:
    """The message has the files, the lines, and the variable that says it; nothing changes."""
    checkout = Checkout(refused.layout, refused.layout.build(tmp_path))
    before = snapshot(checkout.path)
    with pytest.raises(DiscoveryError) as caught:
        checkout.look()
    message = str(caught.value)
    assert [text for text in refused.texts if text not in message] == [], message
    assert snapshot(checkout.path) == before


def test_the_variable_chooses_between_several_manage(tmp_path: Path) -> None:
    """celery_project_path names the one that is meant, as the message says."""
    layout = next(refused.layout for refused in REFUSED if refused.layout.name == "several_manage")
    checkout = Checkout(layout, layout.build(tmp_path))
    checkout.path /= "shop-api"
    checkout.look()
    assert checkout.project.settings == "shop.settings"
    assert checkout.integrate().files
    assert not (checkout.path.parent / "shop-site/shop/celery.py").exists()


def test_the_variable_names_computed_settings(django: Path, tmp_path: Path) -> None:
    """celery_project_settings names production's, as the message says, and the project works."""
    layout = next(refused.layout for refused in REFUSED if refused.layout.name == "computed_settings_module")
    named = replace(
        layout,
        settings="shop.settings.production",
        places=("shop/settings/production.py",),
        options={"project_settings": "shop.settings.production"},
        environment={"SHOP_ENV": "production"},
    )
    assert_integrates(Checkout(named, named.build(tmp_path), django), tmp_path)


@pytest.mark.parametrize("layout", OF_CLASSES, ids=lambda layout: layout.name)
def test_settings_in_classes(layout: Layout, django: Path, tmp_path: Path) -> None:
    """Refused with file, line, and lines to add; once they are there, the project's app is deployed."""
    checkout = Checkout(layout, layout.build(tmp_path), django)
    before = snapshot(checkout.path)
    with pytest.raises(DiscoveryError) as caught:
        checkout.look()
    message = str(caught.value)
    assert snapshot(checkout.path) == before
    settings = checkout.path / "shop/settings.py"
    line = next(n for n, text in enumerate(settings.read_text().splitlines(), 1) if "INSTALLED_APPS" in text)
    assert f"{settings}:{line}" in message
    follow(message, checkout.path)
    checkout.look()
    problems = found_as_it_is(checkout)
    assert checkout.deployment.inside.environment["DJANGO_CONFIGURATION"] == "Production"
    checkout.see([])
    problems += works(checkout)
    assert not problems, "\n".join(problems)


def follow(message: str, top: Path) -> None:
    """Do by hand what a message says: lines into a class, apps into a list, files, requirements."""
    steps = re.split(r"^(?=\S|  (?=\w))", message, flags=re.MULTILINE)
    for step in steps:
        head, _newline, code = step.partition("\n")
        if into := re.search(r"Add to (\w+) by hand:$", head):
            settings = top / "shop/settings.py"
            text = settings.read_text()
            start = text.index(f"class {into.group(1)}(")
            at = text.find("\n\n\n", start) + 1 or len(text)
            settings.write_text(text[:at] + code + text[at:])
        elif "to its INSTALLED_APPS" in head:
            settings = top / "shop/settings.py"
            apps = re.findall(r"'(\w+)'", head)
            added = "".join(f'        "{app}",\n' for app in apps)
            settings.write_text(settings.read_text().replace('"orders",\n', f'"orders",\n{added}'))
            with (top / "requirements.txt").open("a") as requirements:
                requirements.writelines(f"{name}\n" for name in [*apps, "celery"])
        elif file := re.search(r"(?:write|into) (\S+\.py):$", head):
            with (top / file.group(1)).open("a") as output:
                output.write(textwrap.dedent(code))
        elif code.strip():
            above = re.search(r"above .*?:$|at the top.*?:$", head)
            assert above, f"a step that nobody can follow: {step}"
            settings = top / "shop/settings.py"
            settings.write_text(textwrap.dedent(code) + settings.read_text())


@pytest.mark.parametrize(
    ("name", "clash"),
    [
        ("celery_as_in_its_manual", "shop/__init__.py:1: celery_app"),
        ("celery_not_imported_by_the_package", "shop/celery.py exists already"),
    ],
)
def test_a_clash_of_names_is_refused(name: str, clash: str, tmp_path: Path) -> None:
    """With always, ours would take the place of something of the project's: it is named, nothing changes."""
    layout = BY_NAME[name]
    checkout = Checkout(layout, layout.build(tmp_path))
    before = snapshot(checkout.path)
    with pytest.raises((CheckoutError, DeploymentError)) as caught:
        integrate_always(checkout)
    assert f"{checkout.path}/{clash}" in str(caught.value)
    assert differences(before, snapshot(checkout.path)) == []


def integrate_always(checkout: Checkout) -> None:
    """Ask for our app whatever is there."""
    checkout.look(project_integrate="always")
    checkout.integrate()


def test_ours_beside_an_app_that_is_there(django: Path, tmp_path: Path) -> None:
    """With always, ours comes beside it in one run, and the project's tasks are sent by ours."""
    layout = replace(
        BY_NAME["celery_of_another_module_and_variable"],
        existing=False,
        app="shop",
        places=("shop/settings.py",),
        options={"project_integrate": "always"},
    )
    assert_integrates(Checkout(layout, layout.build(tmp_path), django), tmp_path)


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A folder that every user gets through to; those of pytest are for who runs it alone."""
    with tempfile.TemporaryDirectory(prefix="celeriac-test-") as path:
        os.chmod(path, 0o755)  # noqa: S103 - that is what it is for
        yield Path(path)


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that are others'")
def test_a_checkout_of_somebody_else(public_path: Path) -> None:
    """It is changed as its owner: what is made belongs to the owner, and what is given back too."""
    layout = BY_NAME["base_development_production"]
    checkout = Checkout(layout, layout.build(public_path))
    for path in [checkout.path, *checkout.path.rglob("*")]:
        os.lchown(path, STRANGER, STRANGER)
    before = snapshot(checkout.path)
    checkout.look()
    checkout.integrate()
    owners = {path: path.lstat().st_uid for path in checkout.path.rglob("*")}
    assert [path for path, owner in owners.items() if owner != STRANGER] == []
    checkout.remove()
    assert differences(before, snapshot(checkout.path)) == []


#: What the review says of an app: the file and a part of its line, and a part of the warning.
LACKS = [
    ("celery_without_namespace", "shop/celery.py", "config_from_object", "namespace="),
    ("celery_with_a_task_class", "shop/celery.py", "task_cls=", "DjangoTask"),
    ("celery_with_little", "shop/celery.py", "app = Celery", "no result backend"),
    ("celery_with_little", "shop/settings.py", "RESULT_BACKENT", "CELERY_RESULT_BACKENT"),
]


@pytest.mark.parametrize("lack", LACKS, ids=lambda lack: f"{lack[0]}-{lack[3]}")
def test_what_an_app_lacks_is_told(lack: tuple[str, str, str, str], django: Path, tmp_path: Path) -> None:
    """A warning with file and line, and no edit."""
    name, file, line, text = lack
    layout = BY_NAME[name]
    checkout = Checkout(layout, layout.build(tmp_path), django)
    before = snapshot(checkout.path)
    checkout.look()
    lines = enumerate((checkout.path / file).read_text().splitlines(), 1)
    number = next(number for number, content in lines if line in content)
    lacks = checkout.review()
    assert [found for found in lacks if found.startswith(f"{file}:{number}: ") and text in found], lacks
    assert snapshot(checkout.path) == before


def test_a_proof_that_fails_undoes_everything(django: Path, tmp_path: Path) -> None:
    """Settings that raise once Celery's are in them: Django's words with file and line, all as before."""
    layout = replace(
        BY_NAME["bytes_modes"],
        files={
            **BY_NAME["bytes_modes"].files,
            "orders/apps.py": (
                "from django.apps import AppConfig, apps\n\n\n"
                "class OrdersConfig(AppConfig):\n"
                '    name = "orders"\n\n'
                "    def ready(self):\n"
                '        if apps.is_installed("django_celery_beat"):\n'
                '            raise LookupError("no stock beside beat")\n'
            ),
        },
    )
    checkout = Checkout(layout, layout.build(tmp_path), django)
    before = snapshot(checkout.path)
    checkout.look()
    with pytest.raises(WorksError) as caught:
        checkout.integrate()
    assert f"{checkout.path}/orders/apps.py:9: LookupError: no stock beside beat" in str(caught.value)
    assert differences(before, snapshot(checkout.path)) == []


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", ["namespace_package", "link_to_settings_in_the_checkout"])
def test_killed_at_random_moments(name: str, tmp_path: Path) -> None:
    """The next run finishes or undoes: the same as one undisturbed run, and removal is exact."""
    layout = BY_NAME[name]
    checkout = Checkout(layout, layout.build(tmp_path))
    before = snapshot(checkout.path)
    checkout.look()
    started = time.monotonic()
    checkout.integrate()
    lasts = time.monotonic() - started
    undisturbed = snapshot(checkout.path)
    checkout.remove()
    assert differences(before, snapshot(checkout.path)) == []
    chance = random.Random(name)  # noqa: S311 - for a moment, not for a secret
    for number in range(12):
        act = checkout.integrate if number % 3 < 2 else checkout.remove
        killed_after(act, chance.uniform(0, lasts * 1.2))
    checkout.look()
    checkout.integrate()
    assert differences(undisturbed, snapshot(checkout.path)) == []
    killed_after(checkout.remove, chance.uniform(0, lasts))
    checkout.remove()
    assert differences(before, snapshot(checkout.path)) == []


def killed_after(act: Callable[[], object], seconds: float) -> None:
    """Begin something in another process, and kill that at some moment."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("django", "name"),
    [
        ("5.2", "cookiecutter_without_celery"),
        ("6.0", "top_level_settings"),
        ("5.2", "src_installed"),
        ("6.0", "celery_of_cookiecutter"),
    ],
    indirect=["django"],
)
def test_playbooks(name: str, django: Path, tmp_path: Path) -> None:
    """integrate.yml twice and remove.yml, as a user runs them, with a proof in the virtualenv."""
    layout = BY_NAME[name]
    deployment = played(layout, tmp_path, django)
    before = snapshot(deployment.path)
    run = deployment.integrate("--tags", "project")
    assert run.returncode == 0, run.stdout
    assert (run.changed() == 0) == layout.existing, run.stdout
    integrated = snapshot(deployment.path)
    run = deployment.integrate("--tags", "project")
    assert run.returncode == 0, run.stdout
    assert run.changed() == 0, run.stdout
    assert differences(integrated, snapshot(deployment.path)) == []
    run = deployment.play("remove", "--tags", "project")
    assert run.returncode == 0, run.stdout
    assert differences(before, snapshot(deployment.path)) == []


@pytest.mark.parametrize("django", ["6.0"], indirect=True)
def test_playbook_whose_proof_fails(django: Path, tmp_path: Path) -> None:
    """Settings that raise: all is undone, and the output has Django's message with file and line."""
    plain = BY_NAME["plain"]
    failing = "\nfrom django.core.exceptions import ImproperlyConfigured\n\n"
    text = f'{plain.files["shop/settings.py"]!s}{failing}raise ImproperlyConfigured("no stock is set")\n'
    layout = replace(plain, files={**plain.files, "shop/settings.py": text})
    deployment = played(layout, tmp_path, django)
    before = snapshot(deployment.path)
    run = deployment.integrate("--tags", "project")
    assert run.returncode != 0, run.stdout
    line = text.count("\n")
    assert (
        f"{deployment.path}/shop/settings.py:{line}: ImproperlyConfigured: no stock is set" in run.message()
    )
    assert "Traceback" not in run.stdout
    assert differences(before, snapshot(deployment.path)) == []


def played(layout: Layout, folder: Path, python: Path) -> Deployment:
    """Return a layout that playbooks are run on, with a virtualenv that is there."""
    variables: dict[str, object] = {
        "celery_service_manager": "none",
        "celery_venv_path": str(python.parents[1]),
        "celery_environment": dict(layout.environment),
    }
    return Deployment(layout.build(folder), folder, variables=variables)
