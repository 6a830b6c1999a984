# SPDX-License-Identifier: 0BSD
"""``NAME-celery`` and ``NAME-manage``: Celery's and manage.py's commands as the services run them.

Installed by the Ansible collection celeriac.django under both names. It reads the environment and the
secrets of the deployment as root, becomes the user of the services for good, goes to the project's folder
and runs the command there. Whoever is not root is sent through sudo first.

``NAME-celery`` knows a few commands more than Celery. ``logs``, ``drain`` and its ``resume`` are root's, and
know nothing of the project. For ``queues``, ``dead``, ``pause``, ``resume POOL`` and ``run``, the file runs a
second time, with the Python of the project.

It ends with 0, with 1 if something is not as it should be, and with 2 if it was called in a wrong way; Celery
and manage.py end as they do.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NoReturn

#: Tells the second run, with the project's Python, from the first one.
_INSIDE = "CELERIAC_OPERATE"
#: Commands of ours, beside Celery's own: those that ask the project, and those of root. `resume` is of both.
OWN = ("queues", "dead", "pause", "resume", "run")
HELP = (
    ("queues", "messages, the oldest one and consumers of each queue, and dead letters"),
    ("dead list|retry|drop", "what no worker could do, and what to do with it"),
    ("pause POOL", "the workers of a pool take no more tasks"),
    ("resume POOL", "they take tasks again"),
    ("drain [HOST]", "this host runs no tasks until it is resumed: for maintenance"),
    ("resume", "it runs tasks again"),
    ("run TASK", "send a task, and print its result"),
    ("logs TASK-ID", "what the workers of this host have logged about a task"),
)
#: Beside the environment: who has drained the host, and when. While it is there, no unit of a worker starts.
DRAINED = "drained"
UNITS = "/etc/systemd/system"
#: What the caller's terminal says of itself; everything else of the caller's environment stays behind.
_TERMINAL = re.compile(r"(?:TERM|COLORTERM|NO_COLOR|COLUMNS|LINES|TZ|LANG|LC_\w+)\Z")
_LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)
#: Seconds that workers get to answer.
_PATIENCE = 3.0
#: Where dead letters are: a queue of RabbitMQ, and the name of a hash in Redis.
DEAD = "dead-letters"
#: As many dead letters are looked at.
_MOST = 1000
#: What RabbitMQ writes into the headers of a dead letter.
_DEATH = re.compile(r"x-(death|first-death-.*|last-death-.*|delivery-count|acquired-count|opt-.*)\Z")
#: prctl(2): neither this process nor what it starts gets more rights, whatever it executes.
_NO_NEW_PRIVS = 38


class OperateError(Exception):
    """The command cannot be run. The text says why, and what to do."""


class UsageError(OperateError):
    """The command was called in a wrong way."""


class Parser(argparse.ArgumentParser):
    """One whose messages are as short as the others."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.exit(2, f"error: {message}. See {self.prog} --help\n")


@dataclass(frozen=True)
class Setup:
    """What a deployment's commands are run with, from ``/etc/NAME-celery/operate.json``."""

    name: str
    user: str
    base: str
    manage: str
    python: str
    app: str
    #: Files with the environment and the secrets, later ones win.
    environment: tuple[str, ...]
    #: Name of each pool, and its queues.
    pools: dict[str, list[str]]
    #: The folder of the configuration.
    config: str

    @classmethod
    def read(cls, name: str, folder: str = "/etc") -> Setup:
        """Read the file of the deployment *name*.

        Raises:
            OperateError: there is none, or it cannot be read.
        """
        path = os.path.join(folder, f"{name}-celery", "operate.json")
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except FileNotFoundError:
            raise OperateError(f"{path} is not there: {name} is not deployed on this host") from None
        except OSError as error:
            raise OperateError(f"{path}: {error.strerror}") from None
        return cls(
            name=name,
            user=data["user"],
            base=data["base"],
            manage=data["manage"],
            python=data["python"],
            app=data["app"],
            environment=tuple(data["environment"]),
            pools=data["pools"],
            config=os.path.dirname(path),
        )


def load(path: str) -> dict[str, str]:
    """Read an environment file of the deployment.

    Raises:
        OperateError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as error:
        raise OperateError(f"{path}: {error.strerror}") from None
    return {
        found.group(1): re.sub(r"\\(.)", r"\1", found.group(2), flags=re.DOTALL)
        for found in _LINE.finditer(text)
    }


def environment(setup: Setup, caller: dict[str, str], home: str) -> dict[str, str]:
    """Return the environment of a command: that of the services, and what the terminal says of itself."""
    found = {name: value for name, value in caller.items() if _TERMINAL.match(name)}
    found.setdefault("LANG", "C.UTF-8")
    venv = os.path.dirname(setup.python)
    found |= {
        "PATH": f"{venv}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "USER": setup.user,
        "LOGNAME": setup.user,
    }
    for path in setup.environment:
        found |= load(path)
    return found


def become(user: str) -> None:
    """Become an unprivileged user for good, with the groups that it has.

    Raises:
        OperateError: there is no such user.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise OperateError(f"there is no user {user} on this host: run integrate again") from None
    if os.geteuid() == entry.pw_uid and os.getuid() == entry.pw_uid:
        return
    os.initgroups(entry.pw_name, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def gain_nothing() -> None:
    """Let neither this process nor what it starts become somebody else (prctl(2), PR_SET_NO_NEW_PRIVS)."""
    if ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OperateError(f"prctl: {os.strerror(ctypes.get_errno())}")


def _second(name: str) -> Setup | None:
    """Return the setup where this is the second run, that of the services' user.

    A variable that somebody else happens to have is no reason, nor is it for who may not read the setup.
    """
    if os.environ.get(_INSIDE) != name:
        return None
    try:
        setup = Setup.read(name)
        return setup if os.geteuid() == pwd.getpwnam(setup.user).pw_uid else None
    except (KeyError, OperateError):
        return None


def command(setup: Setup, kind: str, program: str, arguments: list[str], follows: bool = False) -> list[str]:
    """Return what is executed for ``NAME-KIND ARGUMENTS``.

    Args:
        setup: what the commands are run with.
        kind: `celery` or `manage`.
        program: this file.
        arguments: what was asked for.
        follows: whether a file such as .env is loaded first, which Celery's own command would not do.
    """
    if kind == "manage":
        return [setup.python, setup.manage, *arguments]
    if (arguments and arguments[0] in OWN) or follows:
        return [setup.python, program, *arguments]
    return [setup.python, "-m", "celery", "-A", setup.app, *arguments]


def journal(setup: Setup, arguments: Sequence[str]) -> list[str]:
    """Return the command that shows what the workers have logged about a task.

    Without a pager: it would be root's, and those know how to start a shell.
    """
    parser = Parser(prog=f"{setup.name}-celery logs", description=dict(HELP)["logs TASK-ID"])
    parser.add_argument("task", metavar="TASK-ID")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each entry")
    options = parser.parse_args(arguments)
    return [
        "journalctl",
        f"CELERY_TASK_ID={options.task}",
        "--no-pager",
        "--no-hostname",
        f"--output={'json' if options.json else 'short-iso'}",
        f"--unit={setup.name}-*",
    ]


def drained(setup: Setup) -> dict[str, str] | None:
    """Return who has drained this host, and when; None where nobody has."""
    try:
        with open(os.path.join(setup.config, DRAINED), encoding="utf-8") as file:
            found: dict[str, str] = json.load(file)
            return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {"since": "?", "by": "?"}


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OperateError(f"systemctl {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _running_workers(setup: Setup) -> list[str]:
    """Return the units of this host's workers that have not ended."""
    lines = _systemctl(
        "list-units", "--all", "--plain", "--no-legend", "--full", f"{setup.name}-worker-*@*.service"
    ).splitlines()
    found = [line.split(None, 4) for line in lines]
    return [fields[0] for fields in found if len(fields) >= 4 and fields[2] not in ("inactive", "failed")]


def _wanted_workers(setup: Setup) -> list[str]:
    """Return the units of this host's workers that start with it."""
    folder = os.path.join(UNITS, f"{setup.name}-celery.target.wants")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(
        name for name in names if re.match(rf"{re.escape(setup.name)}-worker-.+@.+\.service\Z", name)
    )


def of_root(setup: Setup, arguments: Sequence[str]) -> int | None:
    """Run a command that root alone can; None where that is none of them."""
    name, rest = (arguments[0] if arguments else ""), list(arguments[1:])
    if name == "logs":
        sys.stdout.flush()
        os.execvp("journalctl", journal(setup, rest))  # noqa: S606
    if name == "drain":
        return drain(setup, rest)
    if name == "resume" and not [word for word in rest if not word.startswith("-")]:
        return undrain(setup, rest)
    return None


def drain(setup: Setup, arguments: Sequence[str]) -> int:
    """Let the workers of this host end their tasks, and stay away until somebody resumes them."""
    parser = Parser(
        prog=f"{setup.name}-celery drain",
        description="The workers of this host end the tasks that they have, take no more, and stop. They "
        f"stay away through reboots and deploys, until `{setup.name}-celery resume`. Beat and site go on.",
    )
    parser.add_argument("host", nargs="?", help="the name of this host, to be sure")
    parser.add_argument("--reason", default="", help="for whoever asks why")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for tasks that run")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(arguments)
    here = socket.gethostname()
    if options.host not in (None, here, here.partition(".")[0]):
        raise OperateError(f"this host is {here}. Run the command on {options.host}")
    if not _wanted_workers(setup):
        raise OperateError(f"{here} runs no workers of {setup.name}")
    known = drained(setup)
    mark = known or {
        "since": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "by": os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name,
        "reason": " ".join(options.reason.split()),
    }
    if known is None:
        path = os.path.join(setup.config, DRAINED)
        with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w") as file:
            json.dump(mark, file)
        os.rename(f"{path}.new", path)
    units = _running_workers(setup)
    if units and not options.json:
        print(f"Stopping {', '.join(units)}: running tasks end first.", flush=True)
    if units:
        _systemctl("stop", *(["--no-block"] if options.no_wait else []), *units)
    if options.json:
        print(json.dumps({"host": here, "drained": mark, "stopped": units}, indent=2))
    else:
        print(f"{here} is drained since {mark['since']} by {mark['by']}, until: {setup.name}-celery resume")
    return 0


def undrain(setup: Setup, arguments: Sequence[str]) -> int:
    """Start the workers of this host again."""
    parser = Parser(
        prog=f"{setup.name}-celery resume",
        description="Without a pool: the workers of a host that was drained start again. With one: the "
        "workers of a pool that was paused take tasks again.",
    )
    parser.add_argument("pool", nargs="?", choices=sorted(setup.pools))
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(arguments)
    if drained(setup) is None:
        raise OperateError("this host is not drained; a pool that is paused needs its name")
    os.unlink(os.path.join(setup.config, DRAINED))
    units = _wanted_workers(setup)
    # Returns when they consume, or have failed.
    _systemctl("start", *units)
    data = {"host": socket.gethostname(), "drained": None, "started": units}
    print(json.dumps(data, indent=2) if options.json else f"Started {', '.join(units)}")
    return 0


def _elevate(program: str, arguments: list[str]) -> NoReturn:
    """Run the same through sudo, which decides whether the caller may."""
    sudo = shutil.which("sudo", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if not sudo:
        raise OperateError("this needs root, and sudo is not installed: log in as root")
    os.execv(sudo, [sudo, program, *arguments])  # noqa: S606 - no shell is what is meant


def main(program: str, arguments: list[str]) -> int:
    """Run what was asked for; returns only with an error."""
    name, _dash, kind = os.path.basename(program).rpartition("-")
    second = _second(name)
    if second is not None:
        return inside(second, arguments)
    if os.geteuid() != 0:
        _elevate(os.path.abspath(program), arguments)
    setup = Setup.read(name)
    if kind == "celery":
        status = of_root(setup, arguments)
        if status is not None:
            return status
    if kind == "celery" and arguments in ([], ["--help"], ["-h"]):
        width = max(len(words) for words, _text in HELP)
        print(f"{name}-celery has these commands beside Celery's own:\n")
        print(*(f"  {words:{width}}  {text}" for words, text in HELP), "", sep="\n", flush=True)
    try:
        home = pwd.getpwnam(setup.user).pw_dir
    except KeyError:
        home = "/"
    values = environment(setup, dict(os.environ), home)
    # Read as root; from here on, nothing of root's is left, and no program gives it back.
    become(setup.user)
    gain_nothing()
    os.umask(0o027)
    # As in the units: a crash leaves no picture of a memory with secrets in it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.chdir(setup.base)
    except OSError as error:
        raise OperateError(f"{setup.base}: {error.strerror}, as the user {setup.user}") from None
    wanted = command(
        setup, kind, os.path.abspath(program), arguments, follows=bool(values.get("CELERY_ENTRY_FILES"))
    )
    if wanted[1] == os.path.abspath(program):
        values[_INSIDE] = name
    try:
        os.execve(wanted[0], wanted, values)  # noqa: S606
    except OSError as error:
        raise OperateError(f"{wanted[0]}: {error.strerror}: run integrate again") from None


# From here on, with the project's own Python.


def load_entry_files() -> None:
    """Load what the web's entry point loads before Django starts, such as .env, and as it does."""
    for loader, file, replaces in json.loads(os.environ.get("CELERY_ENTRY_FILES") or "[]"):
        module, *names = loader.split(".")
        call: Any = importlib.import_module(module)
        for name in names:
            call = getattr(call, name)
        call(file, **({"overwrite" if module == "environ" else "override": True} if replaces else {}))


def inside(setup: Setup, arguments: list[str]) -> int:
    """Run a command of ours in the project."""
    del os.environ[_INSIDE]
    sys.path[0] = os.getcwd()
    load_entry_files()
    if not arguments or arguments[0] not in OWN:
        from celery.__main__ import main as run

        sys.argv[:] = [os.path.join(os.path.dirname(setup.python), "celery"), "-A", setup.app, *arguments]
        sys.exit(run())
    options = _parser(setup).parse_args(arguments)
    from kombu.exceptions import OperationalError

    app = _app(setup)
    try:
        answer: tuple[Any, list[str], int] = options.run(setup, app, options)
    except (OperationalError, *app.connection_for_read().connection_errors) as error:
        url = app.connection_for_read().as_uri()
        raise OperateError(f"the broker {url} does not answer: {error}") from None
    data, lines, status = answer
    print(json.dumps(data, indent=2, default=str) if options.json else "\n".join(lines))
    return status


def _parser(setup: Setup) -> argparse.ArgumentParser:
    parser = Parser(prog=f"{setup.name}-celery")
    commands = parser.add_subparsers(required=True)

    def add(name: str, run: Any, text: str, to: Any = commands) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = to.add_parser(name, help=text, description=text)
        one.add_argument("--json", action="store_true", help="for machines")
        one.set_defaults(run=run)
        return one

    add("queues", queues, "Messages, the oldest one and consumers of each queue, and how many dead letters.")
    letters = commands.add_parser("dead", help="What no worker could do.").add_subparsers(required=True)
    add("list", list_dead, "What no worker could do: task, queue, and since when.", letters)
    for name, run, text in (
        ("retry", retry_dead, "Put dead letters back into the queues that they come from."),
        ("drop", drop_dead, "Delete dead letters."),
    ):
        chosen = add(name, run, text, letters)
        chosen.add_argument("ids", nargs="*", metavar="ID", help="as `dead list` has them")
        chosen.add_argument("--all", action="store_true", help="all that there are")
    for name, run, text in (
        ("pause", pause, "The workers of a pool take no more tasks; those that they have go on."),
        ("resume", resume, "The workers of a pool take tasks again."),
    ):
        add(name, run, text).add_argument("pool", choices=sorted(setup.pools))
    one = add("run", run_task, "Send a task and print its result.")
    one.add_argument("task")
    one.add_argument("--args", default="[]", type=json.loads, metavar="JSON", help="a list")
    one.add_argument("--kwargs", default="{}", type=json.loads, metavar="JSON", help="an object")
    one.add_argument("--queue", default=None)
    one.add_argument("--timeout", default=60.0, type=float, metavar="SECONDS", help="default: 60")
    return parser


def _app(setup: Setup) -> Any:
    from celery.app.utils import find_app

    app = find_app(setup.app)
    app.loader.import_default_modules()
    return app


def _nodes(app: Any, pool: str) -> list[str]:
    """Return the running workers of a pool: their names begin with the pool's and a generation."""
    answers = app.control.inspect(timeout=_PATIENCE).ping() or {}
    return sorted(node for node in answers if re.match(rf"{re.escape(pool)}\.[0-9a-f]+@", node))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return rows as lines in columns; numbers to the right. None is a question mark."""
    texts = [[*head], *(["?" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    right = [all(re.match(r"[\d?]|-\Z", row[n]) for row in texts[1:]) for n in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in texts
    ]


def span(seconds: float | None) -> str | None:
    """Return a time as people say it; None where it is not known."""
    if seconds is None:
        return None
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@dataclass
class Queue:
    """A queue of the broker."""

    queue: str
    #: None where the broker has no such queue, or cannot tell.
    messages: int | None
    #: Seconds; None where nothing waits, or nobody can tell.
    oldest: float | None
    consumers: int


def queues(setup: Setup, app: Any, _options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Count the messages that wait in each queue, and the workers that take them."""
    names = list(dict.fromkeys(queue for found in setup.pools.values() for queue in found))
    consumers = dict.fromkeys(names, 0)
    active = app.control.inspect(timeout=_PATIENCE).active_queues() or {}
    for found in active.values():
        for queue in found or ():
            consumers[queue["name"]] = consumers.get(queue["name"], 0) + 1
    with app.connection_for_read() as connection:
        rows = []
        for name, count in consumers.items():
            length = _length(connection, name)
            rows.append(Queue(name, length, oldest(connection, name) if length else None, count))
        dead = _dead_letters(app).count(connection)
    lines = table(
        ["queue", "messages", "oldest", "consumers"],
        [[row.queue, row.messages, span(row.oldest) if row.messages else "-", row.consumers] for row in rows],
    )
    if dead:
        lines.append(f"Dead letters: {dead}, see {setup.name}-celery dead list")
    mark = drained(setup)
    if mark:
        lines.append(f"This host is drained since {mark['since']} by {mark['by']}.")
    deaf = [row.queue for row in rows if not row.consumers]
    if deaf:
        lines.append(f"No worker takes tasks from: {', '.join(deaf)}")
    data = {"queues": [vars(row) for row in rows], "dead": dead, "drained": mark}
    return data, lines, 1 if deaf else 0


def _length(connection: Any, queue: str) -> int | None:
    """Return how many messages wait in a queue; None where the broker has no such queue, or cannot tell."""
    channel = connection.channel()
    try:
        if connection.transport.driver_type == "amqp":
            return int(channel.queue_declare(queue, passive=True).message_count)
        # kombu's virtual transports: Redis keeps a list for each priority, and _size sums them up.
        return int(channel._size(queue))
    except (*connection.channel_errors, NotImplementedError):
        return None
    finally:
        if channel.connection is not None:
            channel.close()


def oldest(connection: Any, queue: str) -> float | None:
    """Return for how many seconds the oldest message of a queue waits, None where the broker does not tell.

    Senders write the time into the headers. RabbitMQ shows nobody a message without delivering it.
    """
    kind = connection.transport.driver_type
    if kind not in ("filesystem", "redis"):
        return None
    with connection.channel() as channel:
        return (
            _oldest_file(channel.data_folder_in, queue) if kind == "filesystem" else _oldest(channel, queue)
        )


def _oldest_file(folder: str, queue: str) -> float | None:
    times = []
    for entry in os.scandir(folder):
        if entry.name.endswith(f".{queue}.msg"):
            # Meanwhile, a worker may have taken it.
            with contextlib.suppress(OSError):
                times.append(entry.stat().st_mtime)
    return max(0.0, time.time() - min(times)) if times else None


def _oldest(channel: Any, queue: str) -> float | None:
    with channel.conn_or_acquire() as client:
        ages = [
            age
            for priority in channel.priority_steps
            for text in client.lrange(_key(client, channel._q_for_pri(queue, priority)), -1, -1)
            if (age := _age(json.loads(text))) is not None
        ]
    return max(ages, default=None)


def _key(client: Any, name: str) -> str:
    """Return the whole name of a key: kombu puts its prefix before those of some commands alone."""
    return f"{getattr(client, 'global_keyprefix', '')}{name}"


def _age(message: Any) -> float | None:
    sent = (message.get("headers") or {}).get("timestamp")
    return max(0.0, time.time() - sent) if isinstance(sent, (int, float)) else None


@dataclass
class Letter:
    """A message that no worker could do."""

    #: The task's; else what the broker calls the message.
    id: str
    task: str
    queue: str
    #: Seconds since the epoch; None where nobody has noted it.
    since: float | None
    reason: str


class Nowhere:
    """Dead letters of a broker that keeps none."""

    def count(self, _connection: Any) -> int | None:
        """Return how many there are; None where nobody keeps them."""
        return None

    @contextlib.contextmanager
    def taken(self, _connection: Any) -> Iterator[list[tuple[Letter, Any]]]:
        """Give all that there are, to be put back or dropped meanwhile; the rest stays."""
        yield []

    def retry(self, _held: Any) -> bool:
        """Put one back into its queue; tell whether it was there still."""
        return False

    def drop(self, _held: Any) -> bool:
        """Delete one; tell whether it was there still."""
        return False


class InRedis(Nowhere):
    """Those that our workers have put into a hash, by the delivery tag (runtime/celeriac_service)."""

    def __init__(self) -> None:
        """Know no channel yet."""
        self.channel: Any = None

    def count(self, connection: Any) -> int | None:
        """Return how many there are."""
        with connection.channel() as channel, channel.conn_or_acquire() as client:
            return int(client.hlen(DEAD))

    @contextlib.contextmanager
    def taken(self, connection: Any) -> Iterator[list[tuple[Letter, Any]]]:
        """Give all that there are."""
        with connection.channel() as channel, channel.conn_or_acquire() as client:
            self.channel = channel
            found = client.hgetall(_key(client, DEAD))
            entries = sorted(
                ((json.loads(entry), tag) for tag, entry in found.items()), key=lambda one: one[0]["since"]
            )
            yield [(self._letter(entry, _text(tag)), (tag, entry)) for entry, tag in entries]

    @staticmethod
    def _letter(entry: Any, tag: str) -> Letter:
        headers = entry["message"].get("headers") or {}
        return Letter(
            str(headers.get("id") or tag),
            str(headers.get("task") or "?"),
            str(entry["queue"]),
            entry["since"],
            str(entry.get("reason") or "rejected"),
        )

    def retry(self, held: Any) -> bool:
        """Move one, in one step of the server."""
        tag, entry = held
        message, channel = entry["message"], self.channel
        message.get("properties", {}).get("delivery_info", {}).pop("redelivered", None)
        message.setdefault("headers", {})["timestamp"] = time.time()
        key = channel._q_for_pri(entry["queue"], channel._get_message_priority(message, reverse=False))

        def move(pipe: Any) -> None:
            there = pipe.hget(DEAD, tag)
            pipe.multi()
            if there is not None:
                pipe.hdel(DEAD, tag)
                pipe.lpush(key, json.dumps(message))

        with channel.conn_or_acquire() as client:
            return len(client.transaction(move, DEAD)) == 2

    def drop(self, held: Any) -> bool:
        """Delete one."""
        with self.channel.conn_or_acquire() as client:
            return bool(client.hdel(DEAD, held[0]))


class InRabbitMQ(Nowhere):
    """Those that a policy has sent to a queue of their own."""

    def __init__(self) -> None:
        """Know no connection yet."""
        self.connection: Any = None

    def count(self, connection: Any) -> int | None:
        """Return how many there are."""
        return _length(connection, DEAD)

    @contextlib.contextmanager
    def taken(self, connection: Any) -> Iterator[list[tuple[Letter, Any]]]:
        """Give all that there are; what is not acknowledged when the channel closes is back."""
        self.connection = connection
        if not self.count(connection):
            yield []
            return
        with connection.channel() as channel:
            found: list[tuple[Letter, Any]] = []
            while len(found) < _MOST and (message := channel.basic_get(DEAD)) is not None:
                found.append((self._letter(channel.message_to_python(message)), message))
            yield found

    @staticmethod
    def _letter(message: Any) -> Letter:
        headers = message.headers or {}
        death: dict[str, Any] = next(iter(headers.get("x-death") or ()), {})
        since: Any = death.get("time")
        return Letter(
            str(headers.get("id") or message.properties.get("correlation_id") or message.delivery_tag),
            str(headers.get("task") or "?"),
            str(death.get("queue") or message.delivery_info.get("routing_key") or ""),
            _seconds(since),
            str(death.get("reason") or "rejected"),
        )

    def retry(self, held: Any) -> bool:
        """Send a copy, which the server confirms, and take the letter away then."""
        message = held.channel.message_to_python(held)
        queue = self._letter(message).queue
        if _length(self.connection, queue) is None:
            raise OperateError(f"there is no queue {queue} any more: nothing was moved there")
        headers = {name: value for name, value in message.headers.items() if not _DEATH.match(name)}
        headers["timestamp"] = time.time()
        kept = ("correlation_id", "reply_to", "priority", "expiration", "message_id")
        properties = {
            name: message.properties[name] for name in kept if message.properties.get(name) is not None
        }
        self.connection.Producer(auto_declare=False).publish(
            message.body,
            exchange="",
            routing_key=queue,
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=headers,
            delivery_mode=2,
            **properties,
        )
        message.ack()
        return True

    def drop(self, held: Any) -> bool:
        """Acknowledge one."""
        held.channel.basic_ack(held.delivery_tag)
        return True


def _dead_letters(app: Any) -> Nowhere:
    """Return how dead letters are reached over the app's broker."""
    kinds: dict[str, type[Nowhere]] = {"redis": InRedis, "amqp": InRabbitMQ}
    return kinds.get(app.connection_for_read().transport.driver_type, Nowhere)()


def _seconds(moment: Any) -> float | None:
    """Return a time of RabbitMQ's as seconds since the epoch: it comes in UTC, and does not say so."""
    if not isinstance(moment, datetime):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def list_dead(setup: Setup, app: Any, _options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Tell what no worker could do."""
    letters = _dead_letters(app)
    with app.connection_for_write() as connection:
        if letters.count(connection) is None:
            return [], ["Over this broker, nobody keeps what no worker could do."], 0
        with letters.taken(connection) as found:
            rows = [letter for letter, _held in found]
    if not rows:
        return [], ["There are no dead letters."], 0
    now = time.time()
    lines = table(
        ["id", "task", "queue", "since", "reason"],
        [[row.id, row.task, row.queue, span(row.since and now - row.since), row.reason] for row in rows],
    )
    lines.append(f"Why: {setup.name}-celery logs ID, on the hosts of the workers")
    return [vars(row) for row in rows], lines, 0


def retry_dead(setup: Setup, app: Any, options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Put dead letters back into their queues."""
    return _each_dead(setup, app, options, "retry")


def drop_dead(setup: Setup, app: Any, options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Delete dead letters."""
    return _each_dead(setup, app, options, "drop")


def _each_dead(setup: Setup, app: Any, options: argparse.Namespace, act: str) -> tuple[Any, list[str], int]:
    if bool(options.ids) == options.all:
        raise UsageError(
            f"name dead letters by their ids, or all of them: {setup.name}-celery dead {act} --all"
        )
    letters, done = _dead_letters(app), []
    with app.connection_for_write() as connection, letters.taken(connection) as found:
        for letter, held in found:
            if (options.all or letter.id in options.ids) and getattr(letters, act)(held):
                done.append(letter)
    missing = sorted({*options.ids} - {letter.id for letter in done})
    words = {"retry": "put back into", "drop": "dropped, from"}[act]
    lines = [f"{letter.id} {letter.task} {words} {letter.queue}" for letter in done]
    lines += [f"{name}: there is no such dead letter" for name in missing]
    data = {"done": [vars(letter) for letter in done], "missing": missing}
    return data, lines or ["There are no dead letters."], 1 if missing else 0


def pause(setup: Setup, app: Any, options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Let the workers of a pool take no more tasks."""
    return _control(setup, app, options.pool, "cancel_consumer")


def resume(setup: Setup, app: Any, options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Let the workers of a pool take tasks again."""
    return _control(setup, app, options.pool, "add_consumer")


def _control(setup: Setup, app: Any, pool: str, method: str) -> tuple[Any, list[str], int]:
    nodes = _nodes(app, pool)
    if not nodes:
        return (
            {},
            [f"No worker of the pool {pool} answers: systemctl status '{setup.name}-worker-{pool}@*'"],
            1,
        )
    answers: dict[str, list[str]] = {}
    for queue in setup.pools[pool]:
        for answer in getattr(app.control, method)(queue, destination=nodes, reply=True, timeout=_PATIENCE):
            for node, said in answer.items():
                answers.setdefault(node, []).append(str(said.get("ok") or said.get("error")))
    silent = [node for node in nodes if node not in answers]
    lines = [f"{node}: {'; '.join(said)}" for node, said in sorted(answers.items())]
    lines += [f"{node}: no answer" for node in silent]
    return answers, lines, 1 if silent else 0


def run_task(_setup: Setup, app: Any, options: argparse.Namespace) -> tuple[Any, list[str], int]:
    """Send a task, wait for it, and tell what it returned."""
    from celery.exceptions import TimeoutError as LateError

    if options.task not in app.tasks:
        last = options.task.rpartition(".")[2]
        close = [name for name in sorted(app.tasks) if name.rpartition(".")[2] == last]
        hint = f" Is it {' or '.join(close)}?" if close else ""
        return {}, [f"There is no task {options.task}.{hint}"], 2
    result = app.tasks[options.task].apply_async(options.args, options.kwargs, queue=options.queue)
    data: dict[str, Any] = {"id": result.id, "task": options.task}
    if app.tasks[options.task].ignore_result or app.conf.result_backend in (None, "disabled://"):
        return data, [f"{result.id} sent; it keeps no result"], 0
    try:
        data["result"] = result.get(timeout=options.timeout, propagate=False)
    except LateError:
        return data, [f"{result.id} has not ended after {options.timeout:g} s"], 1
    data["state"] = result.state
    text = [f"{result.id} {result.state}: {data['result']!r}"]
    return data, text, 0 if result.successful() else 1


def ended(program: str, arguments: list[str]) -> int:
    """Run what was asked for, and return the exit code; errors are told on one line."""
    try:
        return main(program, arguments)
    except OperateError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, UsageError) else 1
    except BrokenPipeError:
        # Whoever reads has seen enough; the interpreter must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(ended(sys.argv[0], sys.argv[1:]))
