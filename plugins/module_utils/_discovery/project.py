# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found in a checkout, for the host that looks and the controller that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import _data


@dataclass(frozen=True)
class SettingsPlace:
    """A settings file that gets a block."""

    file: str
    #: Why this one.
    why: str
    #: Whether a reader of the file alone, such as a linter, can see INSTALLED_APPS in it.
    names_apps: bool


@dataclass(frozen=True)
class App:
    """A Celery app in the source."""

    module: str
    variable: str
    #: The file, relative to the folder of manage.py.
    file: str
    place: str
    #: Where the app reads its configuration, as ``file:line``; empty where it does not.
    configured: str = ""
    #: Where a base class of its own for all tasks is named, as ``file:line``.
    task_class: str = ""
    #: Whether what it reads are Django's settings.
    reads_django: bool = False
    #: The settings module that its own module names, and where; empty where it names none.
    settings: str = ""
    settings_place: str = ""

    @property
    def address(self) -> str:
        """What ``celery -A`` takes for it."""
        return ":".join(filter(None, (self.module, self.variable)))


@dataclass(frozen=True)
class Finding:
    """A line of the project's that makes a deployment other than it seems."""

    text: str
    #: Whether nothing may be changed before it is settled.
    refuses: bool = False
    #: What it matters to: empty, ``integration``, ``own app`` for one of the project's own, or
    #: ``database scheduler``, where the integration has that.
    concerns: str = ""
    #: A variable of the environment that settles it where it is given; ``+X``: only then does it matter.
    variable: str = ""
    #: Variables of the environment that settle it together, where all are given.
    variables: list[str] = field(default_factory=list)
    #: A variable of the inventory that settles it.
    option: str = ""
    #: Whether it matters only where something is to run, and not to the checkout alone.
    running: bool = False


@dataclass(frozen=True)
class EntryLine:
    """What manage.py or a server file does to the environment before Django starts, and Celery does not."""

    #: ``file:line``, relative to the folder of manage.py.
    place: str
    #: ``file``: it loads a file such as .env; ``variable``: it sets a variable.
    kind: str
    #: The variable, or the file relative to the checkout; empty where the file is searched for.
    name: str
    #: The text that the variable gets, empty where it is computed.
    value: str = ""
    #: Whether the value is known from here.
    known: bool = False
    #: Whether it replaces what the environment has.
    replaces: bool = False
    #: The file itself, absolute, and the dotted function that loads it, where both are known.
    file: str = ""
    loader: str = ""


@dataclass(frozen=True)
class SamplePlace:
    """What the sample tasks of an app would be written for, and where to."""

    #: The first model and its manager, both empty where there is none.
    model: str
    manager: str
    #: The files to write, relative to the checkout.
    tasks: str
    tests: str
    #: The file of the project's that is in the way, empty where there is none.
    taken: str


@dataclass
class Project:
    """What was found. Paths are absolute on the host, modules are dotted names."""

    path: str
    #: The folder of manage.py: what Python imports the project from.
    base: str
    #: Empty where the settings are a module beside manage.py.
    package: str
    #: The folder that gets our files: the package's, or that of the settings.
    package_path: str
    settings: str
    settings_file: str
    #: What named the settings module, as ``file:line`` or as the variable.
    settings_source: str
    #: The class of django-configurations, empty where settings are a plain module.
    configuration: str = ""
    #: The settings files that get a block.
    settings_places: list[SettingsPlace] = field(default_factory=list)
    #: Why there is no such file, in a project that has a Celery app of its own.
    settings_problem: str = ""
    #: Further folders that it imports from, and that only manage.py or a server file names.
    import_paths: list[str] = field(default_factory=list)
    package_is_namespace: bool = False
    #: Whether the package's ``__init__.py`` has imports of its own.
    package_imports: bool = False
    #: The line in it that gives the name ``celery_app`` a value, 0 where none does.
    package_line: int = 0
    installed_apps: list[str] = field(default_factory=list)
    #: The project's own apps: dotted name and folder.
    apps: dict[str, str] = field(default_factory=dict)
    #: ``postgresql``, ``mysql``, ``sqlite3``, ``oracle``; ``url`` where the environment decides.
    database: str = ""
    #: What says that it has others than the SQLite of startproject: ``file:line``, or a text.
    own_databases: str = ""
    #: The caches of the settings: alias and class, empty where it is computed.
    caches: dict[str, str] = field(default_factory=dict)
    #: Variables that the settings want from the environment without a default: name and place.
    environment: dict[str, str] = field(default_factory=dict)
    #: Whether a file .env stands there, which the settings may read.
    has_env_file: bool = False
    #: The project's own settings of Celery: name and place.
    celery_settings: dict[str, str] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    #: The lock file whose versions are installed, relative to the checkout; empty where there is none.
    lock: str = ""
    requires_python: str = ""
    #: The names of the packages that these files ask for.
    required: list[str] = field(default_factory=list)
    #: The Celery app that the project has of its own.
    celery_app: App | None = None
    #: The places of further ones.
    other_celery_apps: list[str] = field(default_factory=list)
    #: Whether this collection's integration is in the checkout.
    integrated: bool = False
    #: The deployment's name by the record of the integration, empty without one.
    recorded_name: str = ""
    #: Tasks in the source: name, place.
    tasks: dict[str, str] = field(default_factory=dict)
    #: What may be a task, or may never be loaded in production: name to place and reason.
    doubtful_tasks: dict[str, str] = field(default_factory=dict)
    #: Lines that make a deployment other than it seems.
    findings: list[Finding] = field(default_factory=list)
    #: What manage.py and the server files do to the environment before Django starts.
    entry_lines: list[EntryLine] = field(default_factory=list)
    #: Those that load a file such as .env, which Celery's processes load as well.
    entry_files: list[EntryLine] = field(default_factory=list)
    #: The module that a server of the web loads (wsgi.py, asgi.py), empty where there is none, and its file.
    web: str = ""
    web_file: str = ""
    #: All modules of that kind.
    web_modules: list[str] = field(default_factory=list)
    #: Where the source reads results, and makes chords: place to what.
    results_read: dict[str, str] = field(default_factory=dict)
    chords: dict[str, str] = field(default_factory=dict)
    #: What sample tasks of each own app would be written for, and where to.
    samples: dict[str, SamplePlace] = field(default_factory=dict)
    #: What of the samples' tables somebody's own code is built on.
    records_used: str = ""
    #: Modules beside manage.py that have the name of a library which Celery needs: name and file.
    hiding: dict[str, str] = field(default_factory=dict)
    #: Files with Celery in them that are no valid Python for the one that looks.
    unread: list[str] = field(default_factory=list)
    #: Where there are no requirements of a known name, files that may be those of production.
    other_requirements: list[str] = field(default_factory=list)
    #: The requirements file that lines can be added to, empty where there is none of that kind.
    open_requirements: str = ""
    #: Names that the checkout's .env.example has already, not counting our own lines.
    documented: list[str] = field(default_factory=list)
    #: The checkout's .gitignore and .env.example, or where they go.
    gitignore: str = ""
    env_example: str = ""
    #: Settings of production that stand beside those that are named, where these are for development.
    production: str = ""
    #: Whether whoever looks may write to the package and the settings.
    writable: bool = True
    owner_uid: int = 0
    owner_gid: int = 0

    @property
    def own_app(self) -> App:
        """The project's own Celery app, for whoever knows that there is one.

        Raises:
            ValueError: there is none.
        """
        if self.celery_app is None:
            raise ValueError(f"There is no Celery app in {self.base}.")
        return self.celery_app

    def as_data(self) -> dict[str, Any]:
        """Return the same as plain data, for the wire."""
        return _data.as_data(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Project:
        """Return the project that the host has sent.

        Raises:
            TypeError: that is not what :meth:`as_data` returns.
        """
        return _data.from_data(cls, data)
