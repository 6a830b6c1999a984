# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new user does, from `startproject` to a green table, and on the days after."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab.desk import COLUMNS, Desk, Done, put
from lab.hosts import run

PLACE = "/srv/mysite"
PASSWORD = "vault password of nobody"  # noqa: S105 - of nobody
TASKS = """\
from celery import shared_task


@shared_task
def count(numbers):
    return len(numbers)
"""
MODELS = """\
from django.db import models


class Article(models.Model):
    title = models.CharField(max_length=100)
"""
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Article",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=100)),
            ],
        ),
    ]
"""
SECOND_MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("news", "0001_initial")]
    operations = [
        migrations.AddField("Article", "body", models.TextField(default="")),
    ]
"""
VAULT = [("Vault password:", PASSWORD)]


@dataclass
class Site:
    """A project on its hosts, and the folder of its inventory."""

    desk: Desk
    checkout: Path
    folder: Path
    hosts: list[str]
    next: list[str] = field(default_factory=list)

    def put(self, files: dict[str, str]) -> None:
        """Bring files to the checkout and to all hosts, as a deploy does."""
        for name, content in files.items():
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (self.checkout / name).write_text(content)
        for host in self.hosts:
            put(host, files, PLACE)

    def put_all(self) -> None:
        """Bring the whole checkout to all hosts."""
        for host in self.hosts:
            run(host, f"install -d -o deploy -g deploy {PLACE}")
            files = [path for path in self.checkout.rglob("*") if path.is_file() and path.suffix != ".pyc"]
            put(host, {str(path.relative_to(self.checkout)): path.read_text() for path in files}, PLACE)

    def init(self, name: str, answers: list[tuple[str, str]]) -> Done:
        """Run init at the terminal."""
        command = (
            f"ansible-playbook -i localhost, celeriac.django.init -e celery_project_path={self.checkout}"
        )
        done = self.desk.run(name, command, self.folder, answers)
        after = done.lines[done.lines.index("Next:") + 1 :] if "Next:" in done.lines else []
        self.next = [line.strip() for line in after if line.startswith("  ansible-")]
        return done

    def integrate(self, name: str, *arguments: str, stop_at: str = "") -> Done:
        """Run the last of the commands that init has named."""
        command = " ".join([self.next[-1], *arguments])
        return self.desk.run(name, command, self.folder, VAULT, stop_at)

    def deploy(self, name: str) -> tuple[Done, Done]:
        """Run it as one does after a change: what it would do, then the change."""
        check = self.integrate(f"{name}, --check --diff", "--check", "--diff")
        assert check.status == 0, check.text
        done = self.integrate(name)
        assert done.status == 0, done.text
        assert done.proven, done.text
        return check, done


def start(desk: Desk, tmp_path_factory: pytest.TempPathFactory, hosts: list[str]) -> Site:
    """Make a project as everybody does, and bring it to the hosts."""
    place = tmp_path_factory.mktemp("site")
    checkout, folder = place / "mysite", place / "deploy"
    checkout.mkdir()
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True, capture_output=True)
    subprocess.run(
        [place / "venv/bin/pip", "install", "-q", "Django==5.2.*"], check=True, capture_output=True
    )
    subprocess.run([place / "venv/bin/django-admin", "startproject", "mysite", checkout], check=True)
    settings = checkout / "mysite/settings.py"
    settings.write_text(
        settings.read_text()
        .replace("INSTALLED_APPS = [", 'INSTALLED_APPS = [\n    "news",')
        .replace("ALLOWED_HOSTS = []", 'ALLOWED_HOSTS = ["*"]')
    )
    (checkout / "requirements.txt").write_text("Django==5.2.*\n")
    site = Site(desk, checkout, folder, hosts)
    files = {
        "news/__init__.py": "",
        "news/models.py": MODELS,
        "news/tasks.py": TASKS,
        "news/migrations/__init__.py": "",
        "news/migrations/0001_initial.py": MIGRATION,
    }
    for name, content in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content)
    site.put_all()
    return site


def first_run(site: Site, name: str) -> Done:
    """Make the vault and integrate: two commands after init."""
    vault, *_check, _integrate = site.next
    answers = [("New Vault password:", PASSWORD), ("Confirm New Vault password:", PASSWORD), *VAULT]
    done = site.desk.run(f"{name}: the vault", vault, site.folder, answers)
    assert done.status == 0, done.text
    assert "your_key_here" not in (site.folder / "group_vars/all/vault.yml").read_text()
    done = site.integrate(f"{name}: integrate, the first time")
    assert done.status == 0, done.text
    assert done.proven, done.text
    assert done.widest <= COLUMNS, max(done.lines, key=len)
    return done


def enter(*variables: str) -> list[tuple[str, str]]:
    """Return Enter for these questions."""
    return [(rf"\({variable}\)", "") for variable in variables]


QUESTIONS = [
    "celery_init_host_path",
    "celery_init_broker",
    "celery_init_database",
    "celery_init_periodic",
    "celery_beat_scheduler",
    "celery_result_backend",
    "celery_project_sample_apps",
]


@pytest.fixture(scope="session")
def one(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One server, green at the first try."""
    site = start(desk, tmp_path_factory, ["celeriac-first-one"])
    answers = [
        (r"\(celery_init_hosts\)", "deploy@celeriac-first-one"),
        ("ansible_user", "celeriac-first-one"),
        (r"\(celery_init_host_path\)", ""),
        (r"\(celery_init_broker\)", "carrot"),
        ("cannot be 'carrot' here", "REDIS"),
        (r"\(celery_init_database\)", "?"),
        ("Nothing is written before you agree", "<"),
        (r"\(celery_init_broker\)", ""),
        *enter(*QUESTIONS[2:]),
        ("Write these files", "maybe"),
        ("Write these files", ""),
    ]
    done = site.init("one server: init", answers)
    assert done.status == 0, done.text
    assert "EnvironmentFile=/etc/mysite-celery/secrets" in done.text
    first_run(site, "one server")
    return site


def test_one_server(one: Site) -> None:
    """A run without a change changes nothing, and says so in few lines."""
    done = one.integrate("one server: nothing to do")
    assert done.status == 0, done.text
    assert done.proven, done.text
    assert done.changes == {}
    assert "Nothing changed." in done.text
    assert len(done.lines) <= 60, done.text


def test_what_the_end_says(one: Site) -> None:
    """What the web process needs, and what is wrong with the settings of startproject in production."""
    done = one.integrate("one server: what the end says")
    assert "EnvironmentFile=/etc/mysite-celery/environment" in done.text
    assert "DEBUG is on in mysite.settings" in done.folded
    assert "startproject has made" in done.folded


def test_second_init(one: Site) -> None:
    """Enter keeps everything, and nothing is to be written."""
    before = {path: path.read_bytes() for path in one.folder.rglob("*") if path.is_file()}
    done = one.init("one server: init, again", enter("celery_init_hosts", *QUESTIONS))
    assert done.status == 0, done.text
    assert "as the inventory has it" in done.text
    assert {path: path.read_bytes() for path in one.folder.rglob("*") if path.is_file()} == before


def test_a_deploy_of_code(one: Site) -> None:
    """The check names the pools that the run replaces."""
    one.put({"news/tasks.py": TASKS + "\n\n@shared_task\ndef add(a, b):\n    return a + b\n"})
    check, done = one.deploy("code")
    assert check.changes == done.changes
    assert re.search(r"pool default [0-9a-f]{8} -> [0-9a-f]{8}", str(done.changes))
    assert "not asked: this run would replace the workers" in check.folded


def test_a_deploy_of_a_migration(one: Site) -> None:
    """The check tells of the migration that the run applies."""
    one.put(
        {
            "news/models.py": MODELS + '    body = models.TextField(default="")\n',
            "news/migrations/0002_body.py": SECOND_MIGRATION,
        }
    )
    check, done = one.deploy("migration")
    assert check.changes == done.changes
    assert "1 migration" in str(done.changes)


def test_a_deploy_of_a_pool(one: Site) -> None:
    """The check tells of the pool that the run starts."""
    settings = one.folder / "group_vars/all/celery.yml"
    settings.write_text(
        settings.read_text().replace("  - name: default\n", "  - name: default\n  - name: mail\n")
    )
    settings.write_text(settings.read_text().replace("name: mail\n", "name: mail\n    queues: [mail]\n"))
    check, done = one.deploy("pool")
    assert check.changes == done.changes
    assert re.search(r"pool mail none -> [0-9a-f]{8}", str(done.changes))


#: Where a run is stopped: when the terminal shows that this step runs.
STEPS = {
    "the variables": "Look at the variables",
    "the broker": "Run the server as a broker",
    "the database": "Set up the database",
    "the checkout": "Change the checkout",
    "the proof": "Prove that it works",
}


@pytest.mark.parametrize("place", STEPS)
def test_ctrl_c(one: Site, place: str) -> None:
    """Wherever a run is stopped, the next one is green, and nothing of it runs on."""
    tasks = (one.checkout / "news/tasks.py").read_text()
    one.put({"news/tasks.py": f"{tasks}\n# stopped at {place}\n"})
    stopped = one.integrate(f"Ctrl-C at {place}", stop_at=STEPS[place])
    assert stopped.status != 0
    # Ansible can fall over itself when it is interrupted; nothing of ours does.
    assert "ansible_collections/celeriac" not in stopped.text
    done = one.integrate(f"after Ctrl-C at {place}")
    assert done.status == 0, done.text
    assert done.proven, done.text


def test_slips(one: Site) -> None:
    """What is wrong is said in one line, before any host is touched."""
    for name, arguments, said in (
        (
            "a slip in a pool's key",
            "'{celery_workers: [{name: default, concurency: 2}]}'",
            "is concurrency meant?",
        ),
        ("a placeholder", "celery_broker_password=mysite_production_your_key_here", "still a placeholder"),
        ("a short password", "celery_database_password=short", "less than 8 characters"),
    ):
        done = one.integrate(name, "-e", arguments)
        assert done.status != 0
        assert said in done.folded
        assert "Nothing was changed." in done.folded
        assert len(done.lines) < 20, done.text
    done = one.desk.run("without -b", one.next[-1].replace(" -b", ""), one.folder, VAULT)
    assert done.status == 0, done.text  # the connection is root's already
    slip = "-e '{celery_workers: [{name: default, concurency: 2}]}'"
    plain = f"ANSIBLE_STDOUT_CALLBACK=default {one.next[-1]} {slip}"
    done = one.desk.run("a slip, with Ansible's own output", plain, one.folder, VAULT)
    assert "is concurrency meant?" in done.folded
    assert len(done.lines) < 30, done.text


#: A unit as a site has one already, but for the server: what counts is what systemd is told.
SITE = f"""
[Service]
WorkingDirectory={PLACE}
ExecStart=/usr/bin/python3 -c "import time; time.sleep(86400)" gunicorn mysite.wsgi
"""


def test_the_web_process_is_looked_at(one: Site) -> None:
    """A unit that serves the checkout without the environment is named, until it has it."""
    host = one.hosts[0]
    verify = one.next[-1].replace("integrate", "verify")
    lines = "".join(f"EnvironmentFile=/etc/mysite-celery/{name}\n" for name in ("environment", "secrets"))
    for more, named in (("", True), (lines, False)):
        unit = SITE + more
        run(
            host, f"printf %s {shlex.quote(unit)} > /etc/systemd/system/site.service; systemctl daemon-reload"
        )
        run(host, "systemctl restart site.service")
        done = one.desk.run(
            f"verify, {'without' if named else 'with'} the environment", verify, one.folder, VAULT
        )
        assert done.status == 0, done.text
        assert ("site.service serves this checkout and has no CELERY_BROKER_URL" in done.folded) is named
    run(host, "systemctl stop site.service; rm /etc/systemd/system/site.service; systemctl daemon-reload")


def test_removal(one: Site) -> None:
    """What is ours is gone, and what stays is listed."""
    remove = one.next[-1].replace("integrate", "remove")
    done = one.desk.run("remove", remove, one.folder, VAULT)
    assert done.status == 0, done.text
    assert "What stays:" in done.text
    host = one.hosts[0]
    assert run(host, "systemctl list-units --all --plain --no-legend 'mysite*'") == ""
    left = run(host, "find / -xdev -path '*/.cache/uv' -print -o -name '*mysite-celery*' -print")
    assert left == ""


@pytest.mark.parametrize(("number", "broker", "port"), [(2, "redis", 6379), (3, "redis", 6379)])
def test_several_servers(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, number: int, broker: str, port: int
) -> None:
    """Two and three servers are as one: broker, database and beat on the first, for the others alone."""
    hosts = [f"celeriac-first-{'two' if number == 2 else 'three'}{n}" for n in range(1, number + 1)]
    site = start(desk, tmp_path_factory, hosts)
    answers = [
        (r"\(celery_init_hosts\)", " ".join(hosts)),
        *enter("celery_init_host_path"),
        (r"\(celery_init_broker\)", broker),
        *enter(*QUESTIONS[2:]),
        ("Write these files", ""),
    ]
    done = site.init(f"{number} servers: init", answers)
    assert done.status == 0, done.text
    first_run(site, f"{number} servers")
    done = site.integrate(f"{number} servers: nothing to do")
    assert done.status == 0, done.text
    assert done.changes == {}
    own = run(hosts[0], f"getent ahostsv4 {hosts[0]}").split()[0]
    for served in (port, 5432):
        listening = {
            line.split()[3].rpartition(":")[0]
            for line in run(hosts[0], f"ss -Htln 'sport = :{served}'").splitlines()
        }
        assert own in listening
        assert listening <= {own, "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", f"[::ffff:{own}]"}
