# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was decided for a host, in parts. It crosses the wire as data, without any secret.

The controller decides (``plugin_utils/_decisions``), and renders; roles and modules read the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _data, _schedule


@dataclass(frozen=True)
class Code:
    """The project, and where its Celery app is."""

    #: The checkout, and the folder of manage.py: absolute.
    path: str
    base: str
    #: Empty where the settings are a module beside manage.py.
    package: str
    #: What the names of our modules begin with.
    prefix: str
    app_module: str
    #: Whether the package's ``__init__.py`` loads the app; the app celery_ops does otherwise.
    loads_in_package: bool
    settings: str
    #: Whether the app is ours; otherwise it is the project's own, and nothing is written.
    integrate: bool
    #: The file that remembers what was written, relative to the checkout.
    record: str
    #: What ``celery -A`` takes.
    app: str
    #: The project's own settings of Celery: name and place.
    celery_settings: dict[str, str]
    #: Whether our settings take the database from DATABASE_URL.
    database_from_url: bool
    #: The module that a server of the web loads, empty where there is none.
    web: str
    #: Whether the inventory names the settings, which the web then has by its environment too.
    settings_given: bool


@dataclass(frozen=True)
class Folder:
    """A folder that a deployment makes."""

    path: str
    owner: str
    group: str
    #: Octal digits.
    mode: str


@dataclass(frozen=True)
class Places:
    """Where things are on the host; all paths are absolute."""

    #: All that the deployment keeps, and what its processes keep while they run.
    state: str
    run: str
    #: The environment and the secrets.
    config: str
    tools: str
    venv: str
    python: str
    #: What the units' processes start from.
    launcher: str
    folders: tuple[Folder, ...]
    #: What goes with the deployment when it is removed, besides the virtual environment.
    own: tuple[str, ...]


@dataclass(frozen=True)
class Account:
    """As whom the services run, and who owns what they read."""

    name: str
    #: The same where there are units; empty where the checkout's owner runs everything.
    runs_as: str
    #: Whether the account is ours: made by a run, and removed with the deployment.
    is_ours: bool
    is_missing: bool
    #: By this comment (GECOS) an account is ours.
    comment: str
    #: Owner and group of the environment; empty: as whoever writes it.
    config_owner: str
    config_group: str


@dataclass(frozen=True)
class Units:
    """The units on this host."""

    target: str
    slice: str
    beat: str
    #: The socket of the site, and the template of what serves it.
    web_socket: str
    web: str
    #: The template of what tells Prometheus.
    metrics: str
    #: Of systemd; 0 where there is none.
    version: int
    #: Whether systemd hands over the secrets (systemd.exec(5), LoadCredential=).
    credentials: bool
    #: ``overlap`` or ``replace``: what a new generation does to the old one.
    restart: str
    self_check: bool
    keep_connections: bool
    share_memory: bool


@dataclass(frozen=True)
class PoolUnit:
    """A worker pool as its unit runs it."""

    name: str
    queues: tuple[str, ...]
    #: Celery's name of its kind, such as ``prefork``.
    pool: str
    #: None: the number of processors.
    concurrency: int | None
    #: The most and the least processes, empty where their number is fixed.
    autoscale: tuple[int, ...]
    #: Seconds; None: no limit.
    time_limit: int | None
    delivery: str
    #: Seconds.
    stop_timeout: int
    #: Seconds between two signs of life, 0 without a watchdog.
    watchdog: int
    #: Seconds after which a stop gives running tasks back to the broker, 0 where they are waited for.
    requeue_after: int
    nice: int | None
    #: As systemd takes them.
    memory_max: str
    cpu_quota: str
    environment: dict[str, str]
    #: Those of ``celery worker``, but for the node's name.
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Broker:
    """What the broker means for processes and proof."""

    #: Whether it is a folder on this host.
    embedded: bool
    #: Whether workers and beat can be asked.
    has_control: bool
    #: What its servers are called, and HOST:PORT of each; no password is in it.
    server: str
    addresses: tuple[str, ...]
    #: Whether a message that nobody has acknowledged comes back after the visibility timeout.
    counts_visibility: bool


@dataclass(frozen=True)
class Results:
    """Where results go."""

    #: As the settings have it.
    backend: str
    #: What was asked for, where it is a word: a URL may hold a password.
    word: str
    #: Seconds; 0: never.
    expires: int
    #: Whether workers of several hosts write them.
    several_hosts: bool


@dataclass(frozen=True)
class Beat:
    """The one scheduler."""

    #: ``file``, ``database``, ``redbeat``, or a class; and the class, empty for Celery's own.
    scheduler: str
    scheduler_class: str
    #: Empty where it is the project's.
    timezone: str
    #: Whether several may run, of which one sends.
    several: bool
    #: Seconds after which another one takes over, and how often it looks.
    takeover: int
    looks: int
    #: Those of ``celery beat``.
    arguments: tuple[str, ...]
    #: The name of the entry that proves beat, empty for an app of the project's own; seconds between two.
    canary: str
    canary_interval: int
    #: Whether this host writes the schedule into the tables of django-celery-beat.
    writes_schedule: bool


@dataclass(frozen=True)
class Web:
    """The site, where this host serves it."""

    #: ``wsgi`` or ``asgi``.
    interface: str
    #: What the server loads: MODULE:VARIABLE.
    application: str
    #: Where it listens, as ListenStream= takes it: a path, or ADDRESS:PORT.
    listen: str
    #: Processes, and threads in each.
    processes: int
    threads: int
    #: Seconds that a request may take.
    timeout: int
    #: What a new generation is asked before it gets requests; empty: ``/``, and any answer but an error
    #: of the server will do.
    health_path: str
    #: Further arguments of gunicorn.
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Metrics:
    """What Prometheus is told of this host."""

    #: Where it is told: ADDRESS:PORT.
    listen: str
    #: Where workers and beat leave what they count; empty where this host tells nothing.
    folder: str


@dataclass(frozen=True)
class Limits:
    """What must not be exceeded."""

    #: Seconds that the broker waits for a message that is held: Redis and SQS, RabbitMQ.
    visibility_timeout: int
    consumer_timeout: int
    #: Connections to the database: those of the web processes, and the server's most; 0: asked there.
    web_connections: int
    database_max_connections: int


#: Directives of a unit, each with the lines that it gets.
Overrides = list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Sandbox:
    """What the processes may do."""

    #: As ReadWritePaths= takes them.
    writable: tuple[str, ...]
    protect_home: str
    worker_overrides: Overrides
    beat_overrides: Overrides
    web_overrides: Overrides


@dataclass(frozen=True)
class Route:
    """Where the tasks of a name or a pattern go, and how."""

    pattern: str
    #: Empty, None and empty where nothing is said.
    queue: str = ""
    priority: int | None = None
    rate_limit: str = ""


@dataclass(frozen=True)
class SampleApp:
    """An app that gets sample tasks."""

    app: str
    label: str
    #: The model that they are about, and its manager; empty where the app has none.
    model: str
    manager: str
    #: Files, relative to the checkout.
    tasks: str
    tests: str


@dataclass(frozen=True)
class Samples:
    """The sample tasks that are written."""

    apps: tuple[SampleApp, ...] = ()
    #: The module with their tables, empty where none are needed.
    records: str = ""
    #: Whether there is a model that stands in where an app has none.
    has_item: bool = False


@dataclass(frozen=True)
class Tasks:
    """What is done, by which tasks, where and when."""

    #: The tasks that have to be registered: name and place.
    expected: dict[str, str]
    #: An exact name wins over a pattern, and of patterns the first that fits.
    routes: tuple[Route, ...]
    schedule: tuple[_schedule.Entry, ...]
    #: The same as the inventory has it, for the module that writes the tables.
    declared: list[dict[str, Any]]
    samples: Samples


@dataclass(frozen=True)
class Requirements:
    """What is installed."""

    #: Files, absolute.
    files: tuple[str, ...]
    specs: tuple[str, ...]
    #: Those of the specs that the integration needs, and the project does not name.
    own: tuple[str, ...]
    #: A lock file whose versions are kept, absolute; empty where there is none.
    lock: str = ""


@dataclass(frozen=True)
class Inside:
    """How the project's own Python is run: the argument ``project`` of the modules."""

    python: str
    base: str
    settings: str
    #: Empty: the owner of *base*.
    user: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Run:
    """What this host does, and with whom."""

    #: ``worker``, ``beat``, ``web``, ``metrics``.
    duties: tuple[str, ...]
    #: Whether units run it.
    systemd: bool
    #: Whether the host is a deployment of its own.
    alone: bool
    #: The queues that somebody serves.
    served: tuple[str, ...]
    delivery: str
    #: The pools whose tasks run in forked processes.
    prefork: tuple[str, ...]
    #: What was decided about the checkout, and why, for whoever reads the diff.
    notes: tuple[str, ...]
    #: Who has drained this host, and when; empty: nobody. Until it is resumed, its units start nothing.
    drained: str = ""


#: The servers through which workers write to themselves (runtime/celeriac_service/self_check.py).
_LETTERS = ("Redis", "RabbitMQ")


@dataclass(frozen=True)
class Deployment:
    """All that was decided for one host."""

    name: str
    code: Code
    places: Places
    account: Account
    units: Units
    pools: tuple[PoolUnit, ...]
    broker: Broker
    results: Results
    beat: Beat
    web: Web
    metrics: Metrics
    limits: Limits
    sandbox: Sandbox
    tasks: Tasks
    requirements: Requirements
    inside: Inside
    run: Run

    def as_data(self) -> dict[str, Any]:
        """Return the same as plain data, for the wire."""
        return _data.as_data(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Deployment:
        """Return the deployment that was sent.

        Raises:
            TypeError: that is not what :meth:`as_data` returns.
        """
        return _data.from_data(cls, data)

    @property
    def running_pools(self) -> tuple[PoolUnit, ...]:
        """The pools that this host runs."""
        return self.pools if "worker" in self.run.duties else ()

    @property
    def working_pools(self) -> tuple[PoolUnit, ...]:
        """Those whose workers run now: none on a host that is drained."""
        return () if self.run.drained else self.running_pools

    @property
    def has_beat(self) -> bool:
        """Whether this host runs beat."""
        return "beat" in self.run.duties

    @property
    def has_web(self) -> bool:
        """Whether this host serves the site."""
        return "web" in self.run.duties

    @property
    def letter_pools(self) -> tuple[str, ...]:
        """The pools of this host whose workers read messages to themselves alone, where systemd watches."""
        able = self.run.systemd and self.units.self_check and self.broker.server in _LETTERS
        return tuple(pool.name for pool in self.working_pools if able and pool.watchdog)
