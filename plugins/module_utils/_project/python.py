# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a script of :mod:`_project.scripts` with the interpreter, packages and settings of the project."""

from __future__ import annotations

import json
import os
import pwd
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import _command, _host
from .._runtime import environment_file
from .scripts import common

_MARK = "celeriac.django result: "

#: What a probe stands for: the arguments by which people, or a unit, would start the same.
CHECK = ("manage.py", "check")
MIGRATE = ("manage.py", "migrate", "--noinput")
SHELL = ("manage.py", "shell")
#: And what loads the app as a worker does; the app comes between the two.
WORKER = ("celery", "-A", "worker")
#: A server of the web.
WEB = ("gunicorn", "--workers=1")

#: The package that the scripts take themselves for: what they import from it is sent along.
_PACKAGE = "celeriac_scripts"

#: Around each script, which is compiled on its own: ``from .common import …`` works in it as it does here.
_SCRIPT = f"""
import os, sys
# The project's folder is searched once the standard library's modules are there: not for these. From Python
# 3.11 on, the variable keeps it out from the first import on (3.13 imports linecache before this line).
os.environ.pop("PYTHONSAFEPATH", None)
if sys.path and sys.path[0] == "":
    del sys.path[0]
import types
_package = sys.modules["{_PACKAGE}"] = types.ModuleType("{_PACKAGE}")
for _name, _text in %r:
    _module = sys.modules["{_PACKAGE}." + _name] = types.ModuleType("{_PACKAGE}." + _name)
    _module.__package__ = "{_PACKAGE}"
    setattr(_package, _name, _module)
    exec(compile(_text, _name + ".py", "exec"), vars(_module))
__package__ = "{_PACKAGE}"
exec(compile(%r, "<string>", "exec"))
"""

#: Appended to each script: reads the job, runs ``main``, and says what went wrong and where. Projects look at
#: who runs them (``"runserver" in sys.argv``, ``__main__.__file__``), so this looks like what it stands for.
_FRAME = f"""
def _celeriac_frame():
    import json, os
    from {_PACKAGE}.common import load_entry_files, own_line, told
    given = json.loads(sys.stdin.readline())
    sys.argv[:] = given["arguments"]
    sys.modules["__main__"].__file__ = given["arguments"][0]
    sys.path.insert(0, os.getcwd())
    try:
        load_entry_files()
        if os.environ.get("DJANGO_CONFIGURATION"):
            # Settings in classes are read by an importer that is there before Django asks for them.
            from configurations import importer
            importer.install()
        answer = {{"value": main(given["job"])}}
    except BaseException as error:
        place = own_line(error)
        if isinstance(error, SyntaxError):
            place = "%s:%s" % (error.filename, error.lineno)
        answer = {{"error": type(error).__name__, "text": told(error), "place": place}}
    sys.stdout.flush()
    print({_MARK!r} + json.dumps(answer), flush=True)
    os._exit(0)
_celeriac_frame()
"""


#: The arguments of a module that runs the project; documented in the fragment _attributes.project.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {
        "type": "dict",
        "required": True,
        "options": {
            "python": {"type": "path"},
            "base": {"type": "path", "required": True},
            "settings": {"type": "str", "required": True},
            "user": {"type": "str", "default": ""},
            "environment": {"type": "dict", "default": {}},
        },
    },
    "secrets": {"type": "dict", "default": {}, "no_log": True},
}


class ProjectError(Exception):
    """The project's own code failed. The text is its message, with file and line where known."""

    def __init__(self, text: str, error: str = "", place: str = "") -> None:
        super().__init__(text)
        #: The class of the exception inside the project, such as ``KeyError``.
        self.error = error
        self.place = place


@dataclass(frozen=True)
class ProjectPython:
    """How the project is run: by which interpreter, from where, as whom, with what in the environment."""

    python: str
    base: str
    settings: str
    uid: int
    gid: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(
        cls, params: Mapping[str, Any], as_owner: bool = False, python: str = ""
    ) -> ProjectPython:
        """Take the arguments of a module, :data:`ARGUMENTS`.

        Args:
            params: they.
            as_owner: run it as the owner of the folder, and as the user in root's place alone.
            python: the interpreter, where it is another one.

        Raises:
            ProjectError: there is no such user.
        """
        project = params["project"]
        base, user = project["base"], project.get("user")
        uid, gid = _owner_of(base, user) if as_owner or not user else _ids_of(user)
        given = {**project["environment"], **params["secrets"]}
        environment = {name: environment_file.text_of(value) for name, value in given.items()}
        return cls(python or project["python"], base, project["settings"], uid, gid, environment)

    def environ(self) -> dict[str, str]:
        """Return the whole environment of a process of the project."""
        try:
            account = pwd.getpwuid(self.uid)
            home, user = account.pw_dir, account.pw_name
        except KeyError:
            home, user = "/", str(self.uid)
        return {
            "PATH": os.pathsep.join([str(Path(self.python).parent), os.environ.get("PATH", os.defpath)]),
            "LANG": "C.UTF-8",
            "HOME": home,
            "USER": user,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **({"DJANGO_SETTINGS_MODULE": self.settings} if self.settings else {}),
            **self.environment,
        }

    def identity(self) -> dict[str, Any]:
        """Return the arguments that make subprocess switch to the user, empty where it is ours."""
        if os.geteuid() != 0 or self.uid == 0:
            return {}
        groups = os.getgrouplist(self.environ()["USER"], self.gid) if self._known() else [self.gid]
        return {"user": self.uid, "group": self.gid, "extra_groups": groups}

    def _known(self) -> bool:
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True

    def without(self, names: Collection[str]) -> ProjectPython:
        """Return the same, run with fewer variables in the environment."""
        kept = {name: value for name, value in self.environment.items() if name not in names}
        settings = "" if "DJANGO_SETTINGS_MODULE" in names else self.settings
        return replace(self, environment=kept, settings=settings)

    def arguments(self, role: Sequence[str], app: str = "") -> list[str]:
        """Return what a process of the project has in ``sys.argv``."""
        program, *rest = role
        if program != "manage.py":
            words = [word for part in rest for word in ((part, app) if part == "-A" else (part,))]
            return [str(Path(self.python).parent / program), *words]
        return [str(Path(self.base, program)), *rest]

    def run(
        self,
        script: ModuleType,
        job: Mapping[str, Any],
        timeout: float = 300,
        role: Sequence[str] = CHECK,
        scripts: Sequence[ModuleType] = (),
    ) -> Any:
        """Run ``main(job)`` of *script* inside the project and return what it returned.

        Args:
            script: one of :mod:`_project.scripts`.
            job: what it is given; its ``app`` is that of the role WORKER.
            timeout: seconds that it may take.
            role: what the process presents itself as to the project's code.
            scripts: the others that it imports, besides what all of them have in common.

        Raises:
            ProjectError: it raised, could not be started, or took longer than *timeout* seconds.
        """
        modules = [(one.__name__.rpartition(".")[2], _source(one)) for one in (common, *scripts)]
        given = {"arguments": self.arguments(role, str(job.get("app") or "")), "job": job}
        with tempfile.TemporaryDirectory(prefix="celeriac-") as state:
            os.chmod(state, 0o711)  # noqa: S103 - to pass through, on the way to what is private
            private = Path(state, "state")
            private.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(private, self.uid, self.gid)
            environ = {"CELERY_STATE_PATH": str(private), **self.environ(), "PYTHONSAFEPATH": "1"}
            try:
                done = _command.run(
                    [self.python, "-c", _SCRIPT % (modules, _source(script)) + _FRAME],
                    input=json.dumps(given) + "\n",
                    cwd=self.base,
                    env=environ,
                    timeout=timeout,
                    **self.identity(),
                )
            except _command.TimeoutExpired as error:
                raise ProjectError(
                    f"the project's code did not end within {timeout:.0f} s", "Timeout"
                ) from error
            except OSError as error:
                raise ProjectError(
                    f"{error.filename or self.python}: {error.strerror}, as the user {environ['USER']}",
                    type(error).__name__,
                ) from error
        return _answer(done)


def _ids_of(user: str) -> tuple[int, int]:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ProjectError(f"there is no user {user} on this host") from None
    return account.pw_uid, account.pw_gid


def _owner_of(base: str, user_for_root: str | None) -> tuple[int, int]:
    """Return who owns the folder; where that is root, the user in its place, if there is to be one."""
    status = os.stat(base)
    if status.st_uid == 0 and os.geteuid() == 0 and user_for_root:
        account = _host.stand_in(user_for_root)
        return account.pw_uid, account.pw_gid
    return status.st_uid, status.st_gid


def _source(module: ModuleType) -> str:
    # Nothing of the collection is installed where the project's Python could import it.
    return str(module.__loader__.get_source(module.__name__))  # type: ignore[union-attr] # as files have


def _answer(done: _command.Completed[str]) -> Any:
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(_MARK):
            answer = json.loads(line[len(_MARK) :])
            if "value" in answer:
                return answer["value"]
            text = f"{answer['error']}: {answer['text']}" if answer["text"] else answer["error"]
            if answer["place"]:
                text = f"{answer['place']}: {text}"
            raise ProjectError(text, answer["error"], answer["place"])
    last = (done.stderr or done.stdout).strip().splitlines()[-3:]
    raise ProjectError(
        f"the interpreter ended with status {done.returncode} and no answer: {' / '.join(last)}"
    )
