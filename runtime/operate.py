# SPDX-License-Identifier: 0BSD
"""``NAME-celery`` and ``NAME-manage``: Celery's and manage.py's commands as the services run them.

Installed by the Ansible collection celeriac.django under both names. It reads the environment and the
secrets of the deployment as root, becomes the user of the services for good, goes to the project's folder
and runs the command there. Whoever is not root is sent through sudo first.

``NAME-celery`` knows a few commands more than Celery: ``queues``, ``pause``, ``resume``, ``run`` and
``logs``. For them, the file runs a second time, with the Python of the project.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pwd
import re
import resource
import shutil
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

#: Tells the second run, with the project's Python, from the first one.
_INSIDE = "CELERIAC_OPERATE"
#: Commands of ours, beside Celery's own.
OWN = ("queues", "pause", "resume", "run")
#: What the caller's terminal says of itself; everything else of the caller's environment stays behind.
_TERMINAL = re.compile(r"(?:TERM|COLORTERM|NO_COLOR|COLUMNS|LINES|TZ|LANG|LC_\w+)\Z")
_LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)
#: Seconds that workers get to answer.
_PATIENCE = 3.0


class OperateError(Exception):
    """The command cannot be run. The text says why, and what to do."""


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


def _is_user(setup: Setup) -> bool:
    """Tell whether this process is the services' user: a variable that root happens to have is no reason."""
    try:
        return os.geteuid() == pwd.getpwnam(setup.user).pw_uid
    except KeyError:
        return False


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


def journal(setup: Setup, task: str) -> list[str]:
    """Return the command that shows what the workers have logged about a task."""
    return [
        "journalctl",
        f"CELERY_TASK_ID={task}",
        "--no-hostname",
        "--output=short-iso",
        f"--unit={setup.name}-*",
    ]


def _elevate(program: str, arguments: list[str]) -> NoReturn:
    """Run the same through sudo, which decides whether the caller may."""
    sudo = shutil.which("sudo", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if not sudo:
        raise OperateError("this needs root, and sudo is not installed: log in as root")
    os.execv(sudo, [sudo, program, *arguments])  # noqa: S606 - no shell is what is meant


def main(program: str, arguments: list[str]) -> int:
    """Run what was asked for; returns only with an error."""
    name, _dash, kind = os.path.basename(program).rpartition("-")
    if os.environ.get(_INSIDE) == name and _is_user(setup := Setup.read(name)):
        return inside(setup, arguments)
    if os.geteuid() != 0:
        _elevate(os.path.abspath(program), arguments)
    setup = Setup.read(name)
    if kind == "celery" and arguments[:1] == ["logs"]:
        if len(arguments) != 2:
            raise OperateError(f"usage: {name}-celery logs TASK-ID")
        os.execvp("journalctl", journal(setup, arguments[1]))  # noqa: S606
    try:
        home = pwd.getpwnam(setup.user).pw_dir
    except KeyError:
        home = "/"
    values = environment(setup, dict(os.environ), home)
    # Read as root; from here on, nothing of root's is left.
    become(setup.user)
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
    answer: tuple[Any, list[str], int] = options.run(setup, _app(setup), options)
    data, lines, status = answer
    print(json.dumps(data, indent=2, default=str) if options.json else "\n".join(lines))
    return status


def _parser(setup: Setup) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{setup.name}-celery")
    commands = parser.add_subparsers(required=True)

    def add(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.add_argument("--json", action="store_true", help="for machines")
        one.set_defaults(run=run)
        return one

    add("queues", queues, "Messages and consumers of each queue of the deployment.")
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


@dataclass
class Queue:
    """A queue of the broker."""

    queue: str
    #: None where the broker has no such queue, or cannot tell.
    messages: int | None
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
        rows = [Queue(name, _length(connection, name), count) for name, count in consumers.items()]
    width = max([5, *(len(row.queue) for row in rows)])
    lines = [f"{'queue':{width}}  messages  consumers"]
    lines += [
        f"{row.queue:{width}}  {'?' if row.messages is None else row.messages:>8}  {row.consumers:>9}"
        for row in rows
    ]
    deaf = [row.queue for row in rows if not row.consumers]
    if deaf:
        lines.append(f"No worker takes tasks from: {', '.join(deaf)}")
    return [vars(row) for row in rows], lines, 1 if deaf else 0


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


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[0], sys.argv[1:]))
    except OperateError as problem:
        sys.exit(f"error: {problem}")
