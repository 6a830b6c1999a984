"""`make demo`: Celery for a copy of a Django project, on this machine, and the proof that it works.

Of the environment, it reads: PROJECT, the project's folder, else the example. IN_PLACE=1 changes
that folder itself and makes no copy. FRESH=1 makes a new copy. SETTINGS names the settings module.
SAME_DATABASE=1 allows a copy to use the database server that the settings name.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from checkout import Copy
from screen import Screen

from ansible_collections.celeriac.django.plugins.module_utils import _discovery, _source

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/shop"
#: Copies, and beside them the variables for each, named as it is.
PLACE = ROOT / ".demo"
#: Databases that a copy of the checkout has a copy of, or that cannot be told from the source.
OWN_DATABASES = ("", "sqlite3", "url")


class DemoError(Exception):
    """The demo cannot begin. The text says why and what to do."""


def shown(path: Path | str) -> str:
    """Return a path as it is typed here."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def told(message: str) -> str:
    """Return a message of the playbook in the words of `make demo`."""
    for variable, name in (
        ("celery_project_path", "PROJECT"),
        ("celery_project_settings", "SETTINGS"),
        (f"{Path.cwd()}/", ""),
    ):
        message = message.replace(variable, name)
    return message


def wanted(name: str) -> bool:
    """Tell whether a switch is on in the environment."""
    return os.environ.get(name, "").lower() not in ("", "0", "no", "false")


class Demo:
    """One run."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.in_place = wanted("IN_PLACE")
        self.source = Path(os.environ.get("PROJECT") or EXAMPLE).expanduser().resolve()
        self.settings = os.environ.get("SETTINGS", "")
        self.copy = Copy(self.source, PLACE)
        self.target = self.source if self.in_place else self.copy.path
        self.variables = self.copy.path.with_name(f"{self.copy.path.name}.vars.yml")
        self.changed = 0
        self.deployment: dict[str, Any] = {}

    def prepare(self) -> None:
        """Look at the project, and make the copy.

        Raises:
            DemoError: the project is none, or its copy would not be on its own.
        """
        try:
            if not self.settings and self.source != EXAMPLE:
                manage = _source.parse(_discovery.find_manage(self.source))
                named = _source.environment_default(manage, _discovery.SETTINGS_VARIABLE)
                self.settings = named[0] if named else ""
            project = _discovery.discover(str(self.source), settings=self.settings)
        except (_discovery.DiscoveryError, _source.SourceError) as error:
            raise DemoError(told(str(error))) from error
        if self.in_place:
            self.screen.say(f"Celery for {shown(self.source)} itself: this changes it.", "1")
            return
        if project.database not in OWN_DATABASES and not wanted("SAME_DATABASE"):
            raise DemoError(
                f"{project.settings} names a {project.database} database, which the copy would use "
                "too: its pending migrations and Celery's tables would go there. If that may be, "
                "add SAME_DATABASE=1. Otherwise name settings with SQLite, SETTINGS=package.module."
            )
        self.screen.say(f"Celery for a copy of {shown(self.source)}, {shown(self.target)}", "1")
        note = self.copy.refresh(wanted("FRESH"))
        if note:
            self.screen.say(note)
        if self.source == EXAMPLE and not self.variables.exists():
            line = f'celery_secrets: {{SECRET_KEY: "{secrets.token_urlsafe(48)}"}}\n'
            with open(os.open(self.variables, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(line)

    def command(self) -> list[str]:
        """Return the call of the playbook."""
        variables = {
            "ansible_python_interpreter": sys.executable,
            "celery_project_path": str(self.target),
            "celery_service_manager": "none",
        }
        if self.settings:
            variables["celery_project_settings"] = self.settings
        command = [str(Path(sys.executable).with_name("ansible-playbook"))]
        command += ["-i", "localhost,", "-c", "local", "-e", json.dumps(variables)]
        if self.variables.exists():
            command += ["-e", f"@{self.variables}"]
        return [*command, "playbooks/integrate.yml"]

    def environ(self) -> dict[str, str]:
        """Return the environment of Ansible: nobody's settings but the clone's."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
        return {
            **kept,
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callback")),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "celeriac_demo",
            # Ansible insists on UTF-8, and a bare machine may not have the locale that it is told.
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }

    def play(self) -> int:
        """Run the playbook and show it; return its exit status."""
        with tempfile.TemporaryFile() as noise:
            process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=noise,
            )
            assert process.stdout is not None
