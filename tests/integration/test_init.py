# SPDX-License-Identifier: GPL-3.0-or-later
"""init.yml asks where there is a terminal, and what it writes is what integrate.yml runs with."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, SHOP, Run

#: No run needs as long, on the slowest of machines.
PATIENCE = 120
FILES = ("ansible.cfg", "group_vars/all/celery.yml", "group_vars/all/vault.yml.example", "inventory.yml")


@dataclass
class Init:
    """A checkout, and the folder that gets the inventory; commands are run in there."""

    checkout: Path
    folder: Path
    variables: dict[str, object] = field(default_factory=dict)

    def command(self, playbook: str, *arguments: str, **variables: object) -> list[str]:
        """Return the command that runs a playbook of the collection."""
        given = yaml.safe_dump({**self.variables, **variables}, default_flow_style=True, width=10000).strip()
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return [program, f"celeriac.django.{playbook}", "--extra-vars", given, *arguments]

    def environ(self) -> dict[str, str]:
        """Return the environment of a run: the tools beside this Python, no colours."""
        tools = str(Path(sys.executable).parent)
        return {
            **os.environ,
            "PATH": os.pathsep.join([tools, os.environ["PATH"]]),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "TERM": "xterm",
        }

    def play(self, playbook: str, *arguments: str, **variables: object) -> Run:
        """Run a playbook where there is no terminal."""
        done = subprocess.run(
            self.command(playbook, *arguments, **variables),
            cwd=self.folder,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def init(self, *arguments: str, **variables: object) -> Run:
        """Run init.yml where there is no terminal."""
        return self.play("init", *arguments, celery_project_path=str(self.checkout), **variables)

    def files(self) -> dict[str, str]:
        """Return what is in the folder."""
        return {
            str(path.relative_to(self.folder)): path.read_text()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def settings(self) -> dict[str, Any]:
        """Return the variables that were written."""
        found: dict[str, Any] = yaml.safe_load((self.folder / "group_vars/all/celery.yml").read_text())
        return found

    def groups(self) -> dict[str, list[str]]:
        """Return the hosts of each group that was written."""
        found = yaml.safe_load((self.folder / "inventory.yml").read_text())
        return {name: list(group["hosts"]) for name, group in found["all"]["children"].items()}

    def make_vault(self) -> None:
        """Make the vault from its example, with values in place of the placeholders."""
        folder = self.folder / "group_vars/all"
        example = (folder / "vault.yml.example").read_text()
        (folder / "vault.yml").write_text(example.replace("_production_your_key_here", "_test_of_nobody"))


class Terminal:
    """A run of init.yml at a terminal."""

    def __init__(self, command: list[str], init: Init) -> None:
        """Start it as the leader of a session that the terminal belongs to."""
        self.screen, self.line = pty.openpty()
        self.text = ""
        self.read = 0
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=init.folder,
            env=init.environ(),
            stdin=self.line,
            stdout=self.line,
            stderr=self.line,
        )

    def look(self, seconds: float) -> None:
        """Take in what appears, for at most so long."""
        if select.select([self.screen], [], [], seconds)[0]:
            self.text += os.read(self.screen, 65536).decode()

    def wait_for(self, text: str, seconds: float = PATIENCE) -> bool:
        """Wait until a text appears after what was waited for before, and tell whether it did."""
        deadline = time.monotonic() + seconds
        while text not in self.text[self.read :]:
            if time.monotonic() > deadline:
                return False
            self.look(0.1)
        self.read = self.text.index(text, self.read) + len(text)
        return True

    def type(self, prompt: str, answer: str) -> None:
        """Wait for a prompt, and answer it.

        Ansible drops what was typed before it reads. It has begun to when it obeys a backspace.
        """
        assert self.wait_for(prompt), self.text
        deadline = time.monotonic() + PATIENCE
        while True:
            os.write(self.screen, b"\x7f")
            if self.wait_for("\x1b[K", 0.5):
                break
            assert time.monotonic() < deadline, self.text
        os.write(self.screen, answer.encode())

    def end(self) -> Run:
        """Wait until it has ended."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            self.look(0.1)
        self.look(0)
        return Run(self.process.returncode, self.text)

    def close(self) -> None:
        """End what is left."""
        self.process.kill()
        self.process.wait()
        os.close(self.screen)
        os.close(self.line)


@pytest.fixture
def init(tmp_path: Path) -> Init:
    """A fresh copy of the example project, and an empty folder for its inventory."""
    checkout = tmp_path / "shop"
    ignored = shutil.ignore_patterns("__pycache__", "db.sqlite3", ".*_cache", ".celery")
    shutil.copytree(SHOP, checkout, ignore=ignored)
    folder = tmp_path / "deploy"
    folder.mkdir()
    return Init(checkout, folder)


@pytest.fixture
def terminal(init: Init) -> Any:
    """Start init.yml at a terminal."""
    started: list[Terminal] = []

    def start(*arguments: str, **variables: object) -> Terminal:
        given = {"celery_project_path": str(init.checkout), **variables}
        started.append(Terminal(init.command("init", *arguments, **given), init))
        return started[-1]

    yield start
    for run in started:
        run.close()


# Without a terminal


def test_recommendations_stand_in_for_answers(init: Init) -> None:
    """Nothing is asked, and the output says which answers are nobody's."""
    run = init.init()
    assert run.returncode == 0, run.stdout
    assert "There is no terminal to ask at" in run.stdout
    assert re.search(r"celery_result_backend +django-db +recommended: ", run.stdout)
    assert tuple(init.files()) == FILES
    assert init.groups() == {"celery_worker": ["localhost"], "celery_beat": ["localhost"]}
    settings = init.settings()
    assert settings["celery_project_path"] == str(init.checkout)
    assert settings["celery_result_backend"] == "django-db"
    assert "celery_project_sample_apps" not in settings
    assert "ansible-playbook celeriac.django.integrate -i inventory.yml --ask-vault-pass" in run.stdout


def test_second_run_changes_nothing(init: Init) -> None:
    """The same answers are the same files."""
    assert init.init(celery_init_periodic=False).changed() == 1
    before = init.files()
    run = init.init(celery_init_periodic=False)
    assert (run.returncode, run.changed()) == (0, 0), run.stdout
    assert init.files() == before


def test_check_mode_shows_and_writes_nothing(init: Init) -> None:
    """--check --diff shows what the run then writes."""
    run = init.init("--check", "--diff")
    assert (run.returncode, run.changed()) == (0, 1), run.stdout
    assert "+celery_result_backend: django-db" in run.stdout
    assert init.files() == {}


def test_current_folder_is_the_default(init: Init) -> None:
    """In the checkout, no path has to be given."""
    init.folder = init.checkout
    run = init.play("init")
    assert run.returncode == 0, run.stdout
    assert init.settings()["celery_project_path"] == str(init.checkout)


def test_files_that_are_there_stay(init: Init) -> None:
    """Somebody's edit is an error that names file and variable, and is replaced only on request."""
    assert init.init().returncode == 0
    settings = init.folder / "group_vars/all/celery.yml"
    settings.write_text(settings.read_text().replace("at_most_once", "at_least_once"))
    before = init.files()
    run = init.init("--diff", celery_init_periodic=False)
    assert run.returncode != 0
    assert f"{init.folder}/inventory.yml and {settings}: there already" in run.message()
    assert "celery_init_overwrite" in run.message()
    assert "-celery_delivery: at_least_once" in run.stdout
    assert init.files() == before
    run = init.init(celery_init_periodic=False, celery_init_overwrite=True)
    assert (run.returncode, run.changed()) == (0, 1), run.stdout
    assert list(init.groups()) == ["celery_worker"]


@pytest.mark.parametrize(
    ("variables", "texts"),
    [
        ({"celery_init_broker": "carrot"}, ["celery_init_broker", "embedded, redis, valkey, rabbitmq, url"]),
        ({"celery_result_backend": "carrot"}, ["celery_result_backend", "Allowed: django-db"]),
        ({"celery_init_hosts": ["app 1"]}, ["celery_init_hosts", "app1.example"]),
        ({"celery_project_sample_apps": ["order"]}, ["'order'", "catalog, customers, orders"]),
        ({"celery_project_settings": "shop.live"}, ["no settings module shop.live"]),
    ],
)
def test_wrong_variables(init: Init, variables: dict[str, object], texts: list[str]) -> None:
    """The error names the variable and what is allowed, and nothing is written."""
    run = init.init(**variables)
    assert run.returncode != 0
    for text in texts:
        assert text in run.message()
    assert "Traceback" not in run.stdout
    assert init.files() == {}


def test_given_urls_are_told_to_nobody(init: Init) -> None:
    """A URL with a password is in no file and in no output."""
    password = "shop_test_pa55"  # noqa: S105 - a placeholder
    run = init.init(
        "-vvv",
        "--diff",
        celery_broker_url=f"rediss://:{password}@queue.example/0",
        celery_result_backend=f"db+postgresql+psycopg://shop:{password}@db.example/results",
    )
    assert run.returncode == 0, run.stdout
    shown = re.sub(r"--extra-vars.*", "", run.stdout)
    assert password not in shown
    assert not any(password in text for text in init.files().values())
    example = yaml.safe_load(init.files()["group_vars/all/vault.yml.example"])
    assert example["vault_celery_broker_url"].startswith(
        "rediss://:shop_production_your_key_here@queue.example"
    )


# At a terminal


def test_questions_are_asked(init: Init, terminal: Any) -> None:
    """Enter takes the recommendation; a wrong answer is asked again; what is given is not asked."""
    run = terminal(celery_init_hosts=["app1.example", "app2.example"])
    run.type("(celery_init_host_path)", "/opt/shop\r")
    run.type("(celery_init_broker)", "embedded\r")
    run.type("Allowed: redis, valkey, rabbitmq, url.", "url\r")
    run.type("(celery_init_database)", "?\r")
    run.type("Nothing is written before you agree", "url\r")
    run.type("(celery_init_periodic)", "\r")
    run.type("(celery_beat_scheduler)", "file\r")
    run.type("(celery_result_backend)", "\r")
    run.type("(celery_project_sample_apps)", "orders catalog\r")
    run.type("Write these files?", "\r")
    done = run.end()
    assert done.returncode == 0, done.stdout
    assert "(celery_init_hosts)" not in done.stdout
    assert tuple(init.files()) == FILES
    assert init.groups() == {
        "celery_worker": ["app1.example", "app2.example"],
        "celery_beat": ["app1.example"],
    }
    settings = init.settings()
    assert settings["celery_project_path"] == "/opt/shop"
    assert settings["celery_broker_url"] == "{{ vault_celery_broker_url }}"
    assert settings["celery_beat_scheduler"] == "file"
    assert settings["celery_result_backend"] == "django-db"
    assert settings["celery_project_sample_apps"] == ["catalog", "orders"]
    assert settings["celery_service_manager"] == "systemd"


@pytest.mark.parametrize("typed", ["no\r", "\x03"])
def test_nothing_is_written_without_consent(init: Init, terminal: Any, typed: str) -> None:
    """No, and Ctrl+C, leave everything as it is."""
    answers = {
        "celery_init_hosts": ["localhost"],
        "celery_init_broker": "embedded",
        "celery_init_database": "url",
        "celery_init_periodic": False,
        "celery_result_backend": "none",
        "celery_project_sample_apps": [],
    }
    run = terminal(**answers)
    run.type("Write these files?", typed)
    done = run.end()
    assert "othing was written." in done.stdout
    assert (done.returncode == 0) == (typed == "no\r")
    assert init.files() == {}


def test_replacing_is_asked(init: Init, terminal: Any) -> None:
    """A file that differs is shown as a diff, and replaced only for a yes."""
    assert init.init().returncode == 0
    before = init.files()
    answers = {
        "celery_init_hosts": ["localhost"],
        "celery_init_broker": "embedded",
        "celery_init_database": "url",
        "celery_init_periodic": True,
        "celery_beat_scheduler": "database",
        "celery_result_backend": "none",
        "celery_project_sample_apps": [],
    }
    run = terminal(**answers)
    run.type("Replace them?", "\r")
    assert "-celery_result_backend: django-db" in run.end().stdout
    assert init.files() == before
    run = terminal(**answers)
    run.type("Replace them?", "yes\r")
    assert run.end().returncode == 0
    assert init.settings()["celery_result_backend"] == "none"


def test_second_time_the_inventory_is_offered(init: Init, terminal: Any) -> None:
    """Enter keeps what the inventory has, `<` goes back, also from the end, and nothing is to be written."""
    given = {
        "celery_init_hosts": ["app1.example", "app2.example"],
        "celery_init_broker": "valkey",
        "celery_init_database": "url",
        "celery_result_backend": "none",
    }
    assert init.init(**given).returncode == 0
    before = init.files()
    run = terminal()
    run.type("(celery_init_hosts)", "\r")
    run.type("(celery_init_host_path)", "<\r")
    run.type("Enter keeps app1.example, app2.example", "\r")
    for variable in ("host_path", "broker", "database", "periodic"):
        run.type(f"(celery_init_{variable})", "\r")
    run.type("(celery_beat_scheduler)", "\r")
    run.type("Enter keeps none", "\r")
    run.type("(celery_project_sample_apps)", "orders\r")
    run.type("Replace them?", "<\r")
    run.type("Enter keeps orders", "none\r")
    done = run.end()
    assert done.returncode == 0, done.stdout
    assert re.search(r"celery_init_broker +valkey +as the inventory has it", done.stdout)
    assert init.files() == before


# What was written


def test_what_was_written_runs(init: Init) -> None:
    """The inventory and a vault with values are enough for a proven deployment."""
    assert init.init().returncode == 0
    init.make_vault()
    arguments = ["-i", "inventory.yml", "-e", "celery_service_manager=none"]
    run = init.play("integrate", *arguments)
    assert run.returncode == 0, run.stdout
    assert "ok      round trip" in run.stdout
    assert "ok      beat fired" in run.stdout


def test_it_runs_without_beat(init: Init) -> None:
    """No periodic tasks: no host runs beat, its package is not needed, and all else is proven."""
    assert init.init(celery_init_periodic=False).returncode == 0
    init.make_vault()
    arguments = ["-i", "inventory.yml", "-e", "celery_service_manager=none"]
    run = init.play("integrate", *arguments)
    assert run.returncode == 0, run.stdout
    assert "ok      round trip" in run.stdout
    assert "beat fired" not in run.stdout
    assert "django-celery-beat" not in (init.checkout / "requirements.txt").read_text()


@pytest.mark.parametrize("broker", ["url", "rabbitmq"])
def test_several_hosts_in_check_mode(init: Init, broker: str) -> None:
    """An inventory of several hosts is one that integrate.yml takes."""
    hosts = ["app1.example", "app2.example"]
    run = init.init(
        celery_init_hosts=hosts, celery_init_host_path=str(init.checkout), celery_init_broker=broker
    )
    assert run.returncode == 0, run.stdout
    assert init.groups().get("celery_broker") == (None if broker == "url" else hosts[:1])
    init.make_vault()
    local = ["-e", "ansible_connection=local", "-e", f"ansible_python_interpreter={sys.executable}"]
    none = ["-e", "celery_service_manager=none"]
    run = init.play(
        "integrate", "-i", "inventory.yml", "--tags", "project", "--check", "--diff", *local, *none
    )
    assert run.returncode == 0, run.stdout
    assert "celery_settings" in run.stdout


def test_missing_vault_is_named(init: Init) -> None:
    """Without the vault, integrate.yml says which of its variables is missing."""
    assert init.init().returncode == 0
    run = init.play("integrate", "-i", "inventory.yml", "--tags", "project", "--check")
    assert run.returncode != 0
    assert "vault_secret_key" in run.message()
