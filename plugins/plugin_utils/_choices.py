# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What init.yml asks, what it recommends, and the inventory that follows from the answers.

Nothing here prompts, reads or writes. The trade-offs behind the recommendations stand in docs/choosing.md.
"""

from __future__ import annotations

import json
import os.path
import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _names
from ansible_collections.celeriac.django.plugins.plugin_utils import _broker, _project_files

#: The host that is the controller itself.
THIS_MACHINE = "localhost"
#: The files, relative to the folder of the inventory.
INVENTORY = "inventory.yml"
SETTINGS = "group_vars/all/celery.yml"
VAULT = "group_vars/all/vault.yml"
VAULT_EXAMPLE = f"{VAULT}.example"

#: Variables that the collection gives the processes itself.
_OWN_VARIABLES = (
    "CELERY_BROKER_URL",
    "CELERY_DELIVERY",
    "CELERY_RESULT_BACKEND",
    "CELERY_STATE_PATH",
    "DJANGO_SETTINGS_MODULE",
)
#: The first Django that django-celery-beat 2.9 does not work with.
_TOO_NEW_FOR_BEAT = (6, 1)
_SOURCES = {"given": "given", "answered": "your answer", "recommended": "recommended"}
_YES = ("y", "yes", "true", "on", "1")
_NO = ("n", "no", "none", "false", "off", "0")
_WIDTH = 100

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_RESERVED = re.compile(r"(all|ungrouped|celery_(worker|beat|broker|database))\Z")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
_CLASS = re.compile(r"redbeat\Z|[A-Za-z_]\w*(\.\w+)*[.:][A-Za-z_]\w*\Z")
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z/][\w./+-]*\Z", re.IGNORECASE)

Value = str | bool | list[str]
Values = Mapping[str, Value]


class AnswerError(ValueError):
    """An answer that cannot be. The text names the variable and what is allowed."""


class NoTerminalError(Exception):
    """There is nobody to ask."""


@dataclass(frozen=True)
class Found:
    """What is known before anything is asked."""

    #: The discovered project, as the module celery_deployment returns it.
    project: Mapping[str, Any]
    #: The versions of Django and Celery, where there is a virtual environment.
    versions: Mapping[str, str] = field(default_factory=dict)
    #: The variables that are set already, by their full names.
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the deployment."""
        return _names.project_name(
            self.given.get("celery_project_name") or "", self.project["package"], self.project["path"]
        )

    @property
    def own_app(self) -> str:
        """The project's own Celery app, as ``celery -A`` takes it; empty where it gets one."""
        app = self.project["celery_app"]
        if not app or self.project["integrated"] or self.given.get("celery_project_integrate") == "always":
            return ""
        return f"{app['module']}:{app['variable']}"

    @property
    def has_admin(self) -> bool:
        """Whether Django's admin is installed."""
        entries = self.project["installed_apps"]
        return any(entry.split(".")[:3] == ["django", "contrib", "admin"] for entry in entries)

    @property
    def secrets(self) -> dict[str, str]:
        """What the settings need from the environment: the name, and where it is read."""
        names = self.project.get("environment", {})
        return {name: names[name] for name in sorted(names) if name not in _OWN_VARIABLES}

    @property
    def broker(self) -> _broker.Broker | None:
        """The broker whose URL was given.

        Raises:
            AnswerError: it does not parse.
        """
        url = self.given.get("celery_broker_url")
        try:
            return _broker.parse(url) if url else None
        except ValueError as error:
            raise AnswerError(str(error)) from None


@dataclass(frozen=True)
class Choice:
    """One of the answers that a question offers."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Question:
    """A question that the checkout does not answer."""

    variable: str
    text: str
    recommended: Value
    reason: str
    #: Reads an answer: a text that was typed, or the value of a variable.
    read: Callable[[Question, Any], Value] = field(repr=False)
    choices: tuple[Choice, ...] = ()
    #: What may be said besides the choices.
    besides: str = ""
    pattern: re.Pattern[str] | None = None

    @property
    def allowed(self) -> str:
        """What an answer can be, in words."""
        names = ", ".join(choice.name for choice in self.choices)
        return f"{names}, {self.besides}" if names and self.besides else names or self.besides

    def prompt(self) -> str:
        """Return what is shown before somebody answers."""
        width = max((len(choice.name) for choice in self.choices), default=0)
        offered = [f"  {choice.name:{width}}  {choice.meaning}" for choice in self.choices]
        advice = f"Recommended: {shown(self.recommended)}. {self.reason}"
        besides = f", or type {'another' if self.choices else self.besides}"
        return "\n".join(
            [
                "",
                f"{self.text}  ({self.variable})",
                *offered,
                textwrap.fill(advice, _WIDTH),
                f"Enter takes it{besides}:",
            ]
        )


@dataclass(frozen=True)
class Answer:
    """A question with its answer, and who gave it: given, answered, recommended."""

    question: Question
    value: Value
    source: str


def shown(value: Value) -> str:
    """Return a value as it is shown and typed; a URL that may hold a password is not told."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return f"{value.partition('://')[0]}://…" if _is_secret(value) else value


# How answers are read


def _one(question: Question, value: Any) -> Value:
    text = str(value).strip()
    if any(text == choice.name for choice in question.choices):
        return text
    if question.pattern and question.pattern.match(text):
        return text
    # What looks like a URL may hold a password.
    told = "a URL" if "://" in text else repr(text)
    raise AnswerError(f"{question.variable} cannot be {told} here. Allowed: {question.allowed}.")


def _several(question: Question, value: Any) -> Value:
    names = _words(value)
    if names == ["none"]:
        return []
    known = [choice.name for choice in question.choices]
    for name in names:
        if name not in known:
            raise AnswerError(
                f"{question.variable}: {name!r} is no app of this project. Allowed: {question.allowed}."
            )
    return [name for name in known if name in names]


def _truth(question: Question, value: Any) -> Value:
    text = str(value).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise AnswerError(f"{question.variable}: {text!r} is neither yes nor no.")


def _hosts(question: Question, value: Any) -> Value:
    names = _words(value)
    if not names:
        raise AnswerError(f"{question.variable} is empty. Allowed: {question.allowed}.")
    for name in names:
        if not _HOST.match(name) or _RESERVED.match(name):
            raise AnswerError(
                f"{question.variable}: {name!r} cannot name a host. Allowed: {question.allowed}."
            )
    if THIS_MACHINE in names and len(names) > 1:
        raise AnswerError(
            f"{question.variable}: {THIS_MACHINE} is this machine, and stands alone. Among others, it needs "
            "a name that all of them know."
        )
    return names


def _path(question: Question, value: Any) -> Value:
    text = str(value).strip()
    return _checked_path(question.variable, text)


def _checked_path(variable: str, path: str) -> str:
    if not os.path.isabs(path):
        raise AnswerError(f"{variable} has to be an absolute path, not {path!r}.")
    if any(mark in path for mark in ("{{", "{%", "{#", "\n")):
        raise AnswerError(f"{variable}: {path!r} would be an expression for Ansible. Move the checkout.")
    return os.path.normpath(path)


def _words(value: Any) -> list[str]:
    words = value if isinstance(value, list) else re.split(r"[\s,]+", str(value))
    return list(dict.fromkeys(str(word).strip() for word in words if str(word).strip()))


# The questions, in their order. Each gets what was found and the answers so far,
# and is None where the answer follows from these.


def _ask_hosts(_found: Found, _values: Values) -> Question | None:
    return Question(
        variable="celery_init_hosts",
        text="Which hosts run the workers?",
        recommended=[THIS_MACHINE],
        reason="This machine: try it here first. Servers can be named by running this again.",
        besides="the names of the hosts as SSH knows them, such as app1.example app2.example",
        read=_hosts,
    )


def _ask_host_path(found: Found, values: Values) -> Question | None:
    if values["celery_init_hosts"] == [THIS_MACHINE]:
        return None
    return Question(
        variable="celery_init_host_path",
        text="Where is the checkout on these hosts?",
        recommended=f"/srv/{found.name}",
        reason="It has to be there before integrate runs, in a place that every user can read.",
        besides="another absolute path",
        read=_path,
    )


def _ask_broker(found: Found, values: Values) -> Question | None:
    hosts = _list(values, "celery_init_hosts")
    named = found.broker or found.given.get("celery_init_broker")
    if found.own_app and len(hosts) == 1 and not named:
        return None  # its own settings name it
    redis = Choice("redis", f"a Redis that is set up on {hosts[0]}, by the group celery_broker")
    url = Choice("url", "a Redis or RabbitMQ that you have already; its URL goes into the vault")
    embedded = Choice("embedded", "a folder on this host stands in for a server; for trying, on one host")
    if found.broker:
        return Question(
            variable="celery_init_broker",
            text="Where do tasks wait?",
            recommended="url",
            reason="celery_broker_url is set.",
            choices=(url,),
            read=_one,
        )
    if hosts == [THIS_MACHINE]:
        return Question(
            variable="celery_init_broker",
            text="Where do tasks wait?",
            recommended="embedded",
            reason="Nothing has to be installed. A kill can lose messages, so take another one for more than "
            "trying; redis needs root here.",
            choices=(embedded, url, redis),
            read=_one,
        )
    return Question(
        variable="celery_init_broker",
        text="Where do tasks wait?",
        recommended="redis",
        reason="A server without further work, with a password, and kept through restarts. Take url if "
        "somebody runs one for you.",
        choices=(redis, url) if len(hosts) > 1 else (redis, url, embedded),
        read=_one,
    )


def _ask_periodic(found: Found, values: Values) -> Question | None:
    host = _list(values, "celery_init_hosts")[0]
    old = "" if found.own_app else " It also deletes old results."
    return Question(
        variable="celery_init_periodic",
        text="Are there periodic tasks, or will there be?",
        recommended=True,
        reason=f"Beat, which sends them, is one small process.{old}",
        choices=(
            Choice("yes", f"beat runs on {'this machine' if host == THIS_MACHINE else host}"),
            Choice("no", "no host runs beat"),
        ),
        read=_truth,
    )


def _ask_scheduler(found: Found, values: Values) -> Question | None:
    if found.own_app or not values["celery_init_periodic"]:
        return None
    recommended, reason = "database", "Who may use the admin can change a schedule without a deploy."
    if not found.has_admin:
        recommended, reason = "file", "The project has no admin to change schedules in."
    if _version(found.versions.get("django", "")) >= _TOO_NEW_FOR_BEAT:
        recommended = "file"
        reason = (
            f"Django {found.versions['django']} is installed, and django-celery-beat needs one below 6.1."
        )
    return Question(
        variable="celery_beat_scheduler",
        text="Where are the schedules of periodic tasks?",
        recommended=recommended,
        reason=reason,
        choices=(
            Choice("database", "in the project's database, to be changed in the admin (django-celery-beat)"),
            Choice("file", "in the code, to be reviewed and deployed with it"),
        ),
        besides="redbeat, or the dotted name of a class",
        pattern=_CLASS,
        read=_one,
    )


def _ask_results(found: Found, values: Values) -> Question | None:
    if found.own_app:
        return None
    choices = [
        Choice("django-db", "the project's database (django-celery-results)"),
        Choice("redis", "the broker's Redis"),
        Choice("database", "another database, through SQLAlchemy; its URL goes into the vault"),
        Choice("none", "nowhere: no task is asked for its result"),
    ]
    named = found.broker
    if values.get("celery_init_broker", "embedded") == "embedded" or (named and named.extra != "redis"):
        choices.pop(1)
    where = "They show in the admin, and no further server is needed." if found.has_admin else ""
    return Question(
        variable="celery_result_backend",
        text="Where do the results of tasks go?",
        recommended="django-db",
        reason=f"{where or 'No further server is needed.'} For more than about 100 results/s, take redis.",
        choices=tuple(choices),
        besides="a URL",
        pattern=_URL,
        read=_one,
    )


def _ask_sample_apps(found: Found, _values: Values) -> Question | None:
    project = found.project
    apps = [app for app in project["apps"] if app.rpartition(".")[2] != "celery_ops"]
    if found.own_app or not apps:
        return None
    return Question(
        variable="celery_project_sample_apps",
        text="Which apps get a sample tasks.py with its tests? Several are separated by spaces.",
        recommended=[],
        reason="The proof needs no task of yours. Take an app to have something to start from.",
        choices=(*(Choice(app, _tasks_of(app, project["tasks"])) for app in apps), Choice("none", "")),
        read=_several,
    )


QUESTIONS: tuple[Callable[[Found, Values], Question | None], ...] = (
    _ask_hosts,
    _ask_host_path,
    _ask_broker,
    _ask_periodic,
    _ask_scheduler,
    _ask_results,
    _ask_sample_apps,
)


def settle(found: Found, ask: Callable[[str], str] | None) -> list[Answer]:
    """Answer every question: from the variables, by asking, or as recommended.

    Args:
        found: what is known.
        ask: shows a text and returns what was typed; None where nobody is to be asked.

    Raises:
        AnswerError: the value of a variable cannot be.
    """
    given = dict(found.given)
    if found.broker and given.get("celery_init_broker") is None:
        given["celery_init_broker"] = "url"
    answers: list[Answer] = []
    for find in QUESTIONS:
        question = find(found, values_of(answers))
        if question is None:
            continue
        value = given.get(question.variable)
        if value is not None:
            answers.append(Answer(question, question.read(question, value), "given"))
            continue
        answer = None
        if ask:
            try:
                answer = _ask(question, ask)
            except NoTerminalError:
                ask = None
        answers.append(answer or Answer(question, question.recommended, "recommended"))
    return answers


def _ask(question: Question, ask: Callable[[str], str]) -> Answer:
    text = question.prompt()
    while True:
        typed = ask(text).strip()
        if not typed:
            return Answer(question, question.recommended, "recommended")
        try:
            return Answer(question, question.read(question, typed), "answered")
        except AnswerError as error:
            text = f"{error}\nEnter takes {shown(question.recommended)}:"


def agrees(typed: str, otherwise: bool) -> bool | None:
    """Read yes or no; nothing typed is *otherwise*, anything else None."""
    word = typed.strip().lower()
    if not word:
        return otherwise
    return word in _YES if word in _YES or word in _NO else None


def values_of(answers: Iterable[Answer]) -> dict[str, Value]:
    """Return the answers by their variables."""
    return {answer.question.variable: answer.value for answer in answers}


def unused(found: Found, answers: Sequence[Answer]) -> list[str]:
    """Return the variables of questions that were set, but whose question does not arise."""
    asked = values_of(answers)
    names = ("celery_init_host_path", "celery_beat_scheduler", "celery_result_backend")
    return [
        name
        for name in (*names, "celery_project_sample_apps")
        if found.given.get(name) not in (None, "", []) and name not in asked
    ]


# What is shown


def describe(found: Found) -> list[str]:
    """Return the lines that tell what was discovered."""
    project = found.project
    celery = "none so far"
    if found.own_app:
        celery = f"{found.own_app} ({project['celery_app']['place']}), which is deployed as it is"
    elif project["integrated"]:
        celery = "this collection's"
    tasks = project["tasks"]
    rows = {
        "settings": f"{project['settings']}, named by {project['settings_source']}",
        "gets a block": ", ".join(
            os.path.relpath(place["file"], project["path"]) for place in project["settings_places"]
        ),
        "apps": ", ".join(project["apps"]) or "none of its own",
        "database": {"url": "by a URL in the environment"}.get(project["database"], project["database"]),
        "requirements": ", ".join(project["requirements"]) or "no file",
        "installed": ", ".join(f"{key} {value}" for key, value in sorted(found.versions.items())),
        "Celery app": celery,
        "tasks": ", ".join(f"{name} ({place})" for name, place in list(tasks.items())[:3])
        + (f" and {len(tasks) - 3} more" if len(tasks) > 3 else ""),
        "environment": ", ".join(f"{name} ({place})" for name, place in found.secrets.items()),
    }
    return [
        f"Found in {project['path']}:",
        *(f"  {name:{14}}  {text}" for name, text in rows.items() if text),
    ]


def summary(answers: Sequence[Answer], asked: bool) -> list[str]:
    """Return the lines that tell the answers, and whose they are."""
    head = "The answers:"
    if not asked:
        head = (
            "There is no terminal to ask at. What is not given by a variable is as recommended; "
            "the variable changes it:"
        )
    rows = [(answer.question.variable, shown(answer.value), answer) for answer in answers]
    names = max(len(name) for name, _text, _answer in rows)
    texts = max(len(text) for _name, text, _answer in rows)
    return [
        head,
        *(
            f"  {name:{names}}  {text:{texts}}  {_SOURCES[answer.source]}"
            + (f": {answer.question.reason}" if answer.source == "recommended" and not asked else "")
            for name, text, answer in rows
        ),
    ]


def integrate_playbook(playbooks: Sequence[str]) -> str:
    """Return how integrate.yml is called, in the way in which init.yml was."""
    for playbook in playbooks:
        match = re.fullmatch(r"((?:.*[./])?)init((?:\.ya?ml)?)", playbook)
        if match:
            return f"{match[1]}integrate{match[2]}"
    return "celeriac.django.integrate"


def in_the_way(paths: Sequence[str]) -> str:
    """Return the error about files that would be replaced."""
    return (
        f"{' and '.join(paths)}: there already, and different from what would be written, which --diff "
        "shows. Nothing was written. To replace what is there, set celery_init_overwrite to true; to keep "
        "it, name another folder in celery_init_path."
    )


def commands(playbook: str, folder: str, values: Values, vault: bool, has_vault: bool) -> list[str]:
    """Return the commands that come next.

    Args:
        playbook: integrate.yml, as it is called.
        folder: the folder of the inventory, as it is typed.
        values: the answers.
        vault: whether there are secrets.
        has_vault: whether a vault is there already.
    """

    def place(name: str) -> str:
        return shlex.quote(os.path.normpath(os.path.join(folder, name)))

    run = f"ansible-playbook {shlex.quote(playbook)} -i {place(INVENTORY)}"
    if values["celery_init_hosts"] != [THIS_MACHINE] or values.get("celery_init_broker") == "redis":
        run += " -b"
    lines = []
    if vault:
        run += " --ask-vault-pass"
        if not has_vault:
            lines = [
                f"ansible-vault encrypt --output {place(VAULT)} {place(VAULT_EXAMPLE)}",
                f"ansible-vault edit {place(VAULT)}",
            ]
    return [*lines, f"{run} --check --diff", run]


# What is written


def render(found: Found, values: Values) -> dict[str, str]:
    """Return the files, by path relative to the folder of the inventory.

    Raises:
        AnswerError: the path of the checkout cannot be in an inventory.
    """
    vault = _vault(found, values)
    files = {
        INVENTORY: _inventory(values),
        SETTINGS: _settings(found, values),
    }
    if vault:
        files[VAULT_EXAMPLE] = vault
    return files


def _inventory(values: Values) -> str:
    hosts = _list(values, "celery_init_hosts")
    lines = [
        "---",
        "# Which host does what. Made by celeriac.django.init, and yours from here on.",
        "all:",
    ]
    if hosts == [THIS_MACHINE]:
        lines += [
            "  hosts:",
            "    # This machine, without SSH.",
            f"    {THIS_MACHINE}:",
            "      ansible_connection: local",
            '      ansible_python_interpreter: "{{ ansible_playbook_python }}"',
        ]
    if not values["celery_init_periodic"]:
        lines += ["  # No host is in the group celery_beat: nothing sends periodic tasks."]
    lines += ["  children:", *_group("celery_worker", "Run the worker pools.", hosts)]
    if values["celery_init_periodic"]:
        lines += _group("celery_beat", "Runs beat, which sends periodic tasks: one host.", hosts[:1])
    if values.get("celery_init_broker") == "redis":
        lines += _group(
            "celery_broker", "Gets a Redis from the distribution's packages: one host.", hosts[:1]
        )
    return "\n".join([*lines, ""])


def _group(name: str, comment: str, hosts: Sequence[str]) -> list[str]:
    return [
        f"    # {comment}",
        f"    {name}:",
        "      hosts:",
        *(f"        {_scalar(host)}:" for host in hosts),
    ]


def _settings(found: Found, values: Values) -> str:
    head = [
        f"# Celery of {found.name}. Made by celeriac.django.init, and yours from here on.",
        "# Every variable: ansible-doc -t role celeriac.django.celery",
        "# What to choose: docs/choosing.md of the collection",
        "",
    ]
    remote = values["celery_init_hosts"] != [THIS_MACHINE]
    path = values["celery_init_host_path"] if remote else found.project["path"]
    where = " on each host" if remote else ""
    sections = [
        _section(
            f"The checkout{where}; manage.py is in it or below it.",
            f"celery_project_path: {_scalar(_checked_path('celery_project_path', str(path)))}",
        ),
        *_given_sections(found, str(path)),
        _broker_section(found, values),
    ]
    if found.own_app:
        sections.append(
            _section(
                f"The project's own app {found.own_app} is deployed as it is: its settings decide about "
                "results, scheduler and schedules."
            )
        )
    else:
        sections += [_results_section(values), _scheduler_section(values)]
    sections += [
        _section(
            "The worker pools, each a unit on each worker host. Further keys are queues, concurrency, pool, "
            "time_limit and others.",
            "celery_workers:",
            "  - name: default",
        ),
        _section(
            "A task whose worker is killed: at_most_once loses it, at_least_once runs it again, so tasks "
            "have to bear running twice.",
            "# celery_delivery: at_most_once" if found.own_app else "celery_delivery: at_most_once",
        ),
        _section(*_service_manager(remote)),
    ]
    apps = _list(values, "celery_project_sample_apps")
    if apps:
        sections.append(
            _section(
                "Apps that get a sample tasks.py with its tests.",
                "celery_project_sample_apps:",
                *(f"  - {_scalar(app)}" for app in apps),
            )
        )
    sections.append(_secrets_section(found))
    return "\n".join(["---", *head, *sections])


def _service_manager(remote: bool) -> tuple[str, str]:
    if remote:
        return "What starts workers and beat. With systemd, a forgotten -b is an error.", (
            "celery_service_manager: systemd"
        )
    return (
        "What starts workers and beat. auto is systemd where the play is root; otherwise nothing is started "
        "but for the time of the proof.",
        "celery_service_manager: auto",
    )


def _given_sections(found: Found, path: str) -> list[str]:
    """What discovery was told, it has to be told again."""
    names = ("name", "package", "settings", "integrate")
    given = {f"celery_project_{name}": found.given.get(f"celery_project_{name}") for name in names}
    if _names.project_name(given["celery_project_name"] or "", found.project["package"], path) != found.name:
        # It comes from the checkout's folder, and that is another one on the hosts.
        given["celery_project_name"] = found.name
    lines = [f"{name}: {_scalar(value)}" for name, value in given.items() if value]
    return [_section("Not left to discovery.", *lines)] if lines else []


def _broker_section(found: Found, values: Values) -> str:
    kind = values.get("celery_init_broker", "own")
    url = found.given.get("celery_broker_url") or ""
    if kind == "redis":
        return _section(
            "Tasks wait in the Redis of the group celery_broker, which gets this password.",
            'celery_broker_password: "{{ vault_celery_broker_password }}"',
        )
    if kind == "url":
        value = "{{ vault_celery_broker_url }}" if _is_secret(url) or not url else url
        return _section(
            "Where tasks wait: the URL of a Redis or RabbitMQ.", f"celery_broker_url: {_scalar(value)}"
        )
    text = (
        "Where tasks wait. Without a URL, a folder on the one host stands in for a server. That is for "
        "trying: a kill can lose messages."
    )
    if found.own_app:
        text = "Where tasks wait. With a URL, the processes have CELERY_BROKER_URL in their environment."
    return _section(text, '# celery_broker_url: "{{ vault_celery_broker_url }}"')


def _results_section(values: Values) -> str:
    backend = str(values["celery_result_backend"])
    text = {
        "django-db": "Where results go: the project's database, with its tables in the admin.",
        "redis": "Where results go: the broker's Redis.",
        "none": "Results go nowhere.",
    }.get(backend, "Where results go: the URL of a server.")
    if backend == "database" or _is_secret(backend):
        backend = "{{ vault_celery_result_backend }}"
    return _section(
        f"{text} Others: django-db, redis, none, a URL.", f"celery_result_backend: {_scalar(backend)}"
    )


def _scheduler_section(values: Values) -> str:
    if not values["celery_init_periodic"]:
        return _section(
            "No host runs beat. file is the scheduler that needs no package and no tables.",
            "celery_beat_scheduler: file",
        )
    return _section(
        "What keeps the schedules: database (to be changed in the admin) or file (in the code).",
        f"celery_beat_scheduler: {_scalar(str(values['celery_beat_scheduler']))}",
    )


def _secrets_section(found: Found) -> str:
    needed = [
        f'  {name}: "{{{{ {_vault_name(name)} }}}}"  # {place}' for name, place in found.secrets.items()
    ]
    optional = [f'  {name}: "{{{{ {_vault_name(name)} }}}}"' for name in _optional_secrets(found)]
    text = "In the environment of all processes, from the vault"
    if needed:
        return _section(
            f"{text}.", "celery_secrets:", *needed, *(f"  # {line.lstrip()}" for line in optional)
        )
    return _section(
        f"{text}. The settings were not seen to need anything.",
        "# celery_secrets:",
        *(f"# {line}" for line in optional or ['  SECRET_KEY: "{{ vault_secret_key }}"']),
    )


def _optional_secrets(found: Found) -> list[str]:
    """Return what the settings can take from the environment, and do without."""
    named = found.project["database"] == "url" and "DATABASE_URL" not in found.secrets
    return ["DATABASE_URL"] if named else []


def _vault(found: Found, values: Values) -> str:
    """Return the guidance for the vault; empty where nothing is secret."""
    key = f"{found.name}_production_your_key_here"
    lines: list[str] = []
    kind = values.get("celery_init_broker")
    url = found.given.get("celery_broker_url") or ""
    if kind == "redis":
        lines += _entry(
            "vault_celery_broker_password", key, "The password that Redis gets: openssl rand -hex 32"
        )
    if kind == "url" and (not url or _is_secret(url)):
        comment = "Where tasks wait: the URL of a Redis or RabbitMQ, from whoever runs it."
        lines += _entry("vault_celery_broker_url", _broker_placeholder(found, values, key), comment)
    backend = str(values.get("celery_result_backend", ""))
    if backend == "database" or _is_secret(backend):
        comment = "Where results go: the URL of a server, from whoever runs it."
        lines += _entry("vault_celery_result_backend", _results_placeholder(found, backend, key), comment)
    optional = _optional_secrets(found)
    names = [*found.secrets, *optional]
    for example in _project_files.environment_example(found.name, names):
        if example["name"] in names:
            mark = "# " if example["name"] in optional else ""
            name = f"{mark}{_vault_name(example['name'])}"
            lines += _entry(name, example["value"], example["comment"])
    if all(line.startswith("#") or not line for line in lines):
        return ""
    head = [
        f"# The secrets of {found.name}, with placeholders. To make the vault from this, beside {INVENTORY}:",
        f"#   ansible-vault encrypt --output {VAULT} {VAULT_EXAMPLE}",
        f"#   ansible-vault edit {VAULT}",
        "# Ansible does not read this file.",
        "",
    ]
    return "\n".join(["---", *head, *lines])


def _entry(name: str, value: str, comment: str) -> list[str]:
    # In one line: some are commands.
    return [f"# {comment}", f"{name}: {json.dumps(value)}", ""]


def _broker_placeholder(found: Found, values: Values, key: str) -> str:
    broker = found.broker
    if not broker or not broker.addresses:
        host = "localhost" if values["celery_init_hosts"] == [THIS_MACHINE] else "redis.example"
        return f"redis://:{key}@{host}:6379/0"
    host, port = broker.addresses[0]
    if broker.extra == "redis":
        return f"{broker.transport}://:{key}@{host}:{port}/0"
    return f"{broker.transport}://{found.name}:{key}@{host}:{port}/{found.name}"


def _results_placeholder(found: Found, backend: str, key: str) -> str:
    scheme = "db+postgresql+psycopg" if backend == "database" else backend.partition("://")[0]
    if scheme.startswith("redis"):
        return f"{scheme}://:{key}@localhost:6379/1"
    return f"{scheme}://{found.name}:{key}@localhost/{found.name}"


# Small things


def _list(values: Values, variable: str) -> list[str]:
    value = values.get(variable, [])
    return value if isinstance(value, list) else []


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _tasks_of(app: str, tasks: Mapping[str, str]) -> str:
    count = sum(name.startswith(f"{app}.") for name in tasks)
    return f"has {count} {'task' if count == 1 else 'tasks'}" if count else "has no tasks"


def _is_secret(url: str) -> bool:
    """Whether a URL may hold a password."""
    return "://" in url and ("@" in url or "?" in url)


def _vault_name(variable: str) -> str:
    return f"vault_{variable.lower()}"


def _scalar(text: str) -> str:
    """Return a text as YAML."""
    return text if _PLAIN.match(text) else json.dumps(text, ensure_ascii=False)


def _section(comment: str, *lines: str) -> str:
    wrapped = textwrap.wrap(comment, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*(f"# {line}" for line in wrapped), *lines, ""])
