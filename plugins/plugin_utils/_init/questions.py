# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What init.yml asks, what it recommends, and how answers are read.

Nothing here prompts. The trade-offs behind the recommendations stand in docs/choosing.md.
"""

from __future__ import annotations

import os.path
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _names
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from .._decisions import broker as _broker

#: The host that is the controller itself.
THIS_MACHINE = "localhost"

#: The brokers that the group celery_broker sets up.
SERVERS = ("redis", "valkey", "rabbitmq")

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
_YES = ("y", "yes", "true", "on", "1")
_NO = ("n", "no", "none", "false", "off", "0")
_WIDTH = 100
#: What somebody types to answer the question before once more.
BACK = "<"
#: Where the trade-offs are explained.
CHOOSING = "https://github.com/celeriac/django/blob/main/docs/choosing.md"

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_RESERVED = re.compile(r"(all|ungrouped|celery_(worker|beat|broker|database))\Z")
_BACKEND = re.compile(r"django-cache\Z|[a-z][a-z0-9+.-]*://")
_CLASS = re.compile(r"redbeat\Z|[A-Za-z_]\w*(\.\w+)*[.:][A-Za-z_]\w*\Z")

Value = str | bool | list[str]
Values = Mapping[str, Value]


class AnswerError(ValueError):
    """An answer that cannot be. The text names the variable and what is allowed."""


class NoTerminalError(Exception):
    """There is nobody to ask."""


class BackError(Exception):
    """Somebody wants the question before once more."""


@dataclass(frozen=True)
class Found:
    """What is known before anything is asked."""

    #: The discovered project.
    project: Project
    #: The versions of Django and Celery, where there is a virtual environment.
    versions: Mapping[str, str] = field(default_factory=dict)
    #: The variables that are set already, by their full names.
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the deployment."""
        return name_of(self.given.get("celery_project_name") or "", self.project)

    @property
    def own_app(self) -> str:
        """The project's own Celery app, as ``celery -A`` takes it; empty where it gets one."""
        app = self.project.celery_app
        if not app or self.project.integrated or self.given.get("celery_project_integrate") == "always":
            return ""
        return app.address

    @property
    def has_admin(self) -> bool:
        """Whether Django's admin is installed."""
        entries = self.project.installed_apps
        return any(entry.split(".")[:3] == ["django", "contrib", "admin"] for entry in entries)

    @property
    def secrets(self) -> dict[str, str]:
        """What the settings need from the environment: the name, and where it is read."""
        names = self.project.environment
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
    #: The answer that an inventory has already, or that was given a moment ago.
    kept: Value | None = None

    @property
    def default(self) -> Value:
        """What Enter stands for."""
        return self.recommended if self.kept is None else self.kept

    def keeping(self, value: Value) -> Question:
        """Return the question with an answer to keep."""
        return replace(self, kept=value)

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
        enter = "Enter takes it" if self.default == self.recommended else f"Enter keeps {shown(self.default)}"
        return "\n".join(
            [
                "",
                f"{self.text}  ({self.variable})",
                *offered,
                textwrap.fill(advice, _WIDTH),
                f"{enter}{besides}; ? explains, {BACK} goes back:",
            ]
        )


@dataclass(frozen=True)
class Answer:
    """A question with its answer, and who gave it: given, answered, kept, recommended."""

    question: Question
    value: Value
    source: str
    #: The place of the question in QUESTIONS.
    place: int = 0


def name_of(given: str, project: Project) -> str:
    """Return the name of a deployment; where the checkout gives none, one from the folders above it."""
    recorded = project.recorded_name
    name = _names.project_name(given, project.package, project.path, recorded)
    if not (given or recorded) and _names.says_nothing(name, project.package):
        return _names.suggestion(project.path)
    return name


def shown(value: Value) -> str:
    """Return a value as it is shown and typed; a URL that may hold a password is not told."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return f"{value.partition('://')[0]}://…" if may_hold_password(value) else value


def may_hold_password(url: str) -> bool:
    """Tell whether a URL may hold a password."""
    return "://" in url and ("@" in url or "?" in url)


# How answers are read


def _one(question: Question, value: Any) -> Value:
    text = str(value).strip()
    for choice in question.choices:
        if text.lower() == choice.name:
            return choice.name
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
            user = (
                " Who logs in, and at which port, goes into ~/.ssh/config, or into the inventory afterwards "
                "(ansible_user, ansible_port)."
            )
            raise AnswerError(
                f"{question.variable}: {name!r} cannot name a host. Allowed: {question.allowed}."
                f"{user if '@' in name or ':' in name else ''}"
            )
    if THIS_MACHINE in names and len(names) > 1:
        raise AnswerError(
            f"{question.variable}: {THIS_MACHINE} is this machine, and stands alone. Among others, it needs "
            "a name that all of them know."
        )
    return names


def _path(question: Question, value: Any) -> Value:
    text = str(value).strip()
    return checked_path(question.variable, text)


def checked_path(variable: str, path: str) -> str:
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
    hosts = names_in(values, "celery_init_hosts")
    named = found.broker or found.given.get("celery_init_broker")
    if found.own_app and len(hosts) == 1 and not named:
        return None  # its own settings name it
    redis = Choice("redis", f"a Redis that is set up on {hosts[0]}, by the group celery_broker")
    valkey = Choice("valkey", "the same with a Valkey, which Debian has since 13")
    rabbitmq = Choice("rabbitmq", "the same with a RabbitMQ, where each message is on disk at once")
    servers = (redis, valkey, rabbitmq)
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
            "trying; redis, valkey and rabbitmq need root here.",
            choices=(embedded, url, *servers),
            read=_one,
        )
    return Question(
        variable="celery_init_broker",
        text="Where do tasks wait?",
        recommended="redis",
        reason="A server without further work, with a password, and kept through restarts. Take url if "
        "somebody runs one for you.",
        choices=(*servers, url) if len(hosts) > 1 else (*servers, url, embedded),
        read=_one,
    )


def _ask_database(found: Found, values: Values) -> Question | None:
    """Ask where the database is, unless the settings say so themselves."""
    project = found.project
    named = project.own_databases and project.database != "url"
    if found.own_app or named or project.database not in ("", "sqlite3", "url"):
        return None
    hosts = names_in(values, "celery_init_hosts")
    postgresql = Choice(
        "postgresql", f"a PostgreSQL that is set up on {hosts[0]}, by the group celery_database"
    )
    url = Choice("url", "a server that you have already; its URL, DATABASE_URL, goes into the vault")
    sqlite = Choice("sqlite", "the file that the settings name by themselves, on the one host")
    here = hosts == [THIS_MACHINE]
    by_url = "DATABASE_URL" in found.secrets
    choices = (postgresql, url, sqlite) if len(hosts) == 1 and not by_url else (postgresql, url)
    recommended, reason = (
        "postgresql",
        "A file cannot be shared by hosts, and locks out whoever writes beside it.",
    )
    if here and not by_url:
        recommended, reason = "sqlite", "Nothing has to be installed. Take another one for more than trying."
    elif by_url:
        recommended, reason = "url", "The settings read DATABASE_URL."
    return Question(
        variable="celery_init_database",
        text="Where is the project's database?",
        recommended=recommended,
        reason=reason,
        choices=choices,
        read=_one,
    )


def _ask_periodic(found: Found, values: Values) -> Question | None:
    host = names_in(values, "celery_init_hosts")[0]
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
    broker = values.get("celery_init_broker", "embedded")
    if broker in ("embedded", "rabbitmq") or (named and named.extra != "redis"):
        choices.pop(1)
    where = "They show in the admin, and no further server is needed." if found.has_admin else ""
    return Question(
        variable="celery_result_backend",
        text="Where do the results of tasks go?",
        recommended="django-db",
        reason=f"{where or 'No further server is needed.'} For many hundreds of results/s, take redis.",
        choices=tuple(choices),
        besides="django-cache, a URL",
        pattern=_BACKEND,
        read=_one,
    )


def _ask_sample_apps(found: Found, _values: Values) -> Question | None:
    project = found.project
    apps = [app for app in project.apps if app.rpartition(".")[2] != "celery_ops"]
    if found.own_app or not apps:
        return None
    return Question(
        variable="celery_project_sample_apps",
        text="Which apps get a sample tasks.py with its tests? Several are separated by spaces.",
        recommended=[],
        reason="The proof needs no task of yours. Take an app to have something to start from.",
        choices=(*(Choice(app, _tasks_of(app, project.tasks)) for app in apps), Choice("none", "")),
        read=_several,
    )


QUESTIONS: tuple[Callable[[Found, Values], Question | None], ...] = (
    _ask_hosts,
    _ask_host_path,
    _ask_broker,
    _ask_database,
    _ask_periodic,
    _ask_scheduler,
    _ask_results,
    _ask_sample_apps,
)


def settle(
    found: Found,
    ask: Callable[[str], str] | None,
    offer: Callable[[Question], Question] = lambda question: question,
    before: Sequence[Answer] = (),
) -> list[Answer]:
    """Answer every question: from the variables, by asking, or as recommended.

    Args:
        found: what is known.
        ask: shows a text and returns what was typed; None where nobody is to be asked.
        offer: gives a question the answer of an earlier inventory, if there is one.
        before: answers of a moment ago, the last of which somebody wants to change.

    Raises:
        AnswerError: the value of a variable cannot be.
    """
    given = dict(found.given)
    if found.broker and given.get("celery_init_broker") is None:
        given["celery_init_broker"] = "url"
    answers = {answer.place: answer for answer in before}
    #: What was said of questions that are asked once more.
    said: dict[str, Value] = {}
    place = _go_back(answers, said) if before else 0
    while place < len(QUESTIONS):
        question = QUESTIONS[place](found, values_of(answers.values()))
        value = given.get(question.variable) if question else None
        if question is None:
            pass
        elif value is not None:
            answers[place] = Answer(question, question.read(question, value), "given", place)
        else:
            question = _keeping(offer(question), said)
            answer = None
            if ask:
                try:
                    answer = _ask(question, ask, place, is_first=not _asked(answers))
                except NoTerminalError:
                    ask = None
                except BackError:
                    place = _go_back(answers, said)
                    continue
            answers[place] = answer or _taken(question, place)
        place += 1
    return list(answers.values())


def _asked(answers: Mapping[int, Answer]) -> list[int]:
    """Return the places of the questions that somebody was asked."""
    return [place for place, answer in answers.items() if answer.source != "given"]


def _go_back(answers: dict[int, Answer], said: dict[str, Value]) -> int:
    """Take back the answers from the last one on that somebody was asked for, and return its place."""
    place = max(_asked(answers), default=0)
    for later in [known for known in answers if known >= place]:
        answer = answers.pop(later)
        said[answer.question.variable] = answer.value
    return place


def _keeping(question: Question, said: Mapping[str, Value]) -> Question:
    """Return a question that offers what was said of it a moment ago, if it can still be."""
    try:
        value = said[question.variable]
        return question.keeping(question.read(question, value))
    except (KeyError, AnswerError):
        return question


def _taken(question: Question, place: int) -> Answer:
    """Return the answer that Enter stands for."""
    source = "recommended" if question.kept is None else "kept"
    return Answer(question, question.default, source, place)


def explained(question: Question) -> str:
    """Return what somebody reads who types a question mark."""
    offered = [f"  {choice.name}: {choice.meaning}" for choice in question.choices]
    return "\n".join(
        [
            *textwrap.wrap(f"{question.text} {question.reason}", _WIDTH),
            *(offered or [f"Allowed: {question.allowed}."]),
            f"Nothing is written before you agree. The trade-offs: {CHOOSING}",
            f"Enter takes {shown(question.default)}:",
        ]
    )


def _ask(question: Question, ask: Callable[[str], str], place: int, is_first: bool) -> Answer:
    text = question.prompt()
    while True:
        typed = ask(text).strip()
        if typed == BACK and not is_first:
            raise BackError
        if typed == BACK:
            text = f"This is the first question.\nEnter takes {shown(question.default)}:"
        elif typed == "?":
            text = explained(question)
        elif not typed:
            return _taken(question, place)
        else:
            try:
                return Answer(question, question.read(question, typed), "answered", place)
            except AnswerError as error:
                text = f"{error}\nEnter takes {shown(question.default)}:"


def agrees(typed: str, otherwise: bool) -> bool | None:
    """Read yes or no; nothing typed is *otherwise*, anything else None."""
    word = typed.strip().lower()
    if not word:
        return otherwise
    return word in _YES if word in _YES or word in _NO else None


def values_of(answers: Iterable[Answer]) -> dict[str, Value]:
    """Return the answers by their variables."""
    return {answer.question.variable: answer.value for answer in answers}


def names_in(values: Values, variable: str) -> list[str]:
    """Return an answer that is a list of names; empty where the question did not arise."""
    value = values.get(variable, [])
    return value if isinstance(value, list) else []


def unused(found: Found, answers: Sequence[Answer]) -> list[str]:
    """Return the variables of questions that were set, but whose question does not arise."""
    asked = values_of(answers)
    names = (
        "celery_init_host_path",
        "celery_init_database",
        "celery_beat_scheduler",
        "celery_result_backend",
    )
    return [
        name
        for name in (*names, "celery_project_sample_apps")
        if found.given.get(name) not in (None, "", []) and name not in asked
    ]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _tasks_of(app: str, tasks: Mapping[str, str]) -> str:
    count = sum(name.startswith(f"{app}.") for name in tasks)
    return f"has {count} {'task' if count == 1 else 'tasks'}" if count else "has no tasks"
