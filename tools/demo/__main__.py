# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: Celery for a copy of a Django project, on this machine, and the proof that it works.

In the environment: PROJECT is the project's folder, instead of the example's. IN_PLACE=1 changes
that folder itself, without a copy. FRESH=1 makes a new copy. SETTINGS is the settings module.
SAME_DATABASE=1 lets the copy use the database server that the settings name.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from pathlib import Path

from checkout import Copy, diff_stat
from playbook import Playbook
from screen import Screen

from ansible_collections.celeriac.django.plugins.module_utils._discovery import (
    discover,
    settings_named,
    source,
)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/shop"
#: The copies, and beside each its variables.
PLACE = ROOT / ".demo"
#: Databases that come with a copy of the files, or of which the source does not tell.
OWN_DATABASES = ("", "sqlite3", "url")


class DemoError(Exception):
    """The demo cannot begin. The text says why and what to do."""


class Demo:
    """One run: what is asked for, and where it happens."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._source = Path(os.environ.get("PROJECT") or EXAMPLE).expanduser().resolve()
        self._settings = os.environ.get("SETTINGS", "")
        self._in_place = _is_on("IN_PLACE")
        self._copy = Copy(self._source, PLACE)
        self._target = self._source if self._in_place else self._copy.path
        self._report = self._copy.path.with_name(f"{self._copy.path.name}-report.html")
        self._vars_file = self._copy.path.with_name(f"{self._copy.path.name}.vars.yml")

    def run(self) -> int:
        """Do it all; return the exit status.

        Raises:
            DemoError: the project is none, or a copy of it would not stand alone.
        """
        self._look()
        if self._in_place:
            self._screen.say(f"Celery for {_shown(self._source)} itself, in place", "1")
        else:
            self._screen.say(f"Celery for a copy of {_shown(self._source)}", "1")
            self._screen.say(self._copy.refresh(_is_on("FRESH")))
        self._make_vars_file()
        playbook = Playbook(self._screen, ROOT)
        files = [self._vars_file] if self._vars_file.exists() else []
        status = playbook.run("playbooks/integrate.yml", self._variables(), files)
        if playbook.interrupted:
            self._screen.say("Interrupted. The next run goes on where this one ended.")
            return 130
        if status:
            self._show_failure()
        else:
            self._show_changes()
        if self._report.exists():
            self._screen.say(f"The report is a page for your browser: {_shown(self._report)}")
        return status

    def _look(self) -> None:
        """Look at the project, as the playbook will, but before anything is copied."""
        try:
            if not self._settings and self._source != EXAMPLE:
                # Settings for production usually need an environment that is not here.
                manage = source.parse(discover.find_manage(self._source))
                named = source.environment_default(manage, settings_named.VARIABLE)
                self._settings = named[0] if named else ""
            project = discover.discover(str(self._source), settings=self._settings)
        except (source.DiscoveryError, source.SourceError) as error:
            raise DemoError(_in_words(str(error))) from error
        if not (self._in_place or project.database in OWN_DATABASES or _is_on("SAME_DATABASE")):
            raise DemoError(
                f"{project.settings} names a {project.database} database, and a copy of the project "
                "would use the same one: what is pending there would be migrated, and the tables of "
                "Celery's apps made. Add SAME_DATABASE=1 if that may be, or name settings that use "
                "SQLite: SETTINGS=package.module."
            )

    def _make_vars_file(self) -> None:
        """Give the example what its production settings need: a key, each time the same."""
        if self._source == EXAMPLE and not self._vars_file.exists():
            PLACE.mkdir(exist_ok=True)
            new = os.open(self._vars_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(new, "w", encoding="utf-8") as file:
                file.write(f'celery_secrets:\n  SECRET_KEY: "{secrets.token_urlsafe(48)}"\n')

    def _show_failure(self) -> None:
        if self._source != EXAMPLE:
            self._screen.say(
                "celery_project_path is PROJECT here, and celery_project_settings is SETTINGS. Other "
                "variables, such as celery_environment and celery_secrets, are read from "
                f"{_shown(self._vars_file)}."
            )

    def _show_changes(self) -> None:
        name = "project" if self._in_place else "copy"
        stat = diff_stat(self._target, self._screen.columns, self._screen.colour)
        says = "Its git diff --stat:" if stat else "Its git diff is empty."
        if stat is None:
            says = "Git has no diff of it."
        self._screen.say(f"The {name} is {_shown(self._target)}. {says}")
        self._screen.show(stat or "")
        if self._in_place:
            playbook = os.path.relpath(Path(sys.executable).with_name("ansible-playbook"))
            variables = shlex.quote(json.dumps(self._variables()))
            self._screen.say("To undo it all:")
            self._screen.show(f"  {playbook} -i localhost, -c local -e {variables} playbooks/remove.yml\n")

    def _variables(self) -> dict[str, str]:
        variables = {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "celery_project_path": str(self._target),
            "celery_service_manager": "none",
            "celery_verify_report": str(self._report),
        }
        if self._settings:
            variables["celery_project_settings"] = self._settings
        return variables


def _is_on(name: str) -> bool:
    """Tell whether a switch in the environment is on."""
    return os.environ.get(name, "").lower() not in ("", "0", "no", "false")


def _shown(path: Path) -> str:
    """Return a path as one types it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _in_words(message: str) -> str:
    """Return a message of the playbook in the words of `make demo`."""
    words = {
        "celery_project_path": "PROJECT",
        "celery_project_settings": "SETTINGS",
        f"{Path.cwd()}/": "",
    }
    for word, ours in words.items():
        message = message.replace(word, ours)
    return message


def main() -> int:
    """Return the exit status."""
    screen = Screen()
    try:
        return Demo(screen).run()
    except BrokenPipeError:
        # Nobody reads on; nor does Python's last flush write then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (DemoError, OSError) as error:
        screen.say(f"error: {error}", "31")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
