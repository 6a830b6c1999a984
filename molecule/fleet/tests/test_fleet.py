# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers on two hosts, one beat, broker and database on a third."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from integration.pages import chromium, complaints
from lab.hosts import PYTHON, in_project
from lab.playbooks import ROOT, play

#: A clone keeps it, so that one can look at it: the README's docs/images/report.png is its picture.
REPORT = ROOT / ".cache/reports/fleet"


def project(host: Any, command: str) -> str:
    """Run a command in the checkout, as the service's user with the service's environment."""
    done = host.run("bash -c %s", in_project(f"bash -c {shlex.quote(command)}"))
    assert done.rc == 0, done.stderr
    return str(done.stdout)


def test_every_worker_answers(host: Any) -> None:
    """Each host sees both pools of both hosts, and one beat."""
    answers = json.loads(project(host, f"{PYTHON} manage.py celery inspect ping --json --timeout 3"))
    nodes = {node.partition(".")[0] + node[node.index("@") :] for node in answers if "." in node}
    assert nodes == {f"{pool}@celeriac-{app}" for pool in ("default", "mail") for app in ("app1", "app2")}
    assert [node for node in answers if node.startswith("celerybeat@")] == ["celerybeat@celeriac-app1"]


def test_servers_listen_where_their_clients_are(host: Any) -> None:
    """Redis and PostgreSQL are on loopback and on the address that the workers use, and on no other."""
    server = host.get_host("podman://celeriac-servers")
    own = host.check_output("getent ahostsv4 celeriac-servers").split()[0]
    for port in (6379, 5432):
        listening = {
            line.split()[3].rpartition(":")[0]
            for line in server.check_output(f"ss -Htln 'sport = :{port}'").splitlines()
        }
        assert own in listening
        assert listening <= {own, "127.0.0.1", "[::1]"}


def test_one_beat(host: Any) -> None:
    """Beat runs where it is to run, and there is not even a unit elsewhere."""
    expected = host.check_output("hostname") == "celeriac-app1"
    assert host.service("shop-beat").is_running == expected
    assert host.file("/etc/systemd/system/shop-beat.service").exists == expected


def test_no_second_beat(host: Any) -> None:
    """A beat that somebody starts on the other host, as its unit would, ends before it has sent anything."""
    if host.check_output("hostname") == "celeriac-app1":
        return  # there is the one
    command = f"timeout 60 {PYTHON} /var/lib/shop-celery/launch.py -A shop beat --schedule=/tmp/schedule"
    answer = project(host, f"CELERY_ONE_BEAT=1 {command} 2>&1; echo status $?")
    assert "Another beat answers" in answer
    assert "celerybeat@celeriac-app1" in answer
    assert answer.splitlines()[-1] == "status 78"


def test_each_pool_serves_its_queues(host: Any) -> None:
    """The pools serve what they were given, and nothing else."""
    answers = json.loads(project(host, f"{PYTHON} manage.py celery inspect active_queues --json --timeout 3"))
    served = {node.partition(".")[0]: {queue["name"] for queue in queues} for node, queues in answers.items()}
    assert served == {"default": {"celery"}, "mail": {"mail", "newsletters"}}


def test_migrated_once(host: Any) -> None:
    """One database for both hosts, with every migration recorded once."""
    code = (
        "from django.db.migrations.recorder import MigrationRecorder as Recorder; "
        "rows = list(Recorder.Migration.objects.values_list('app', 'name')); "
        "print('once:', len(rows) == len(set(rows)) > 0)"
    )
    assert "once: True" in project(host, f'{PYTHON} manage.py shell -v 0 -c "{code}"')


def test_the_page_shows_the_fleet() -> None:
    """A report of all hosts: a browser shows each with its pools, and the servers; nobody stumbles."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    page, data = REPORT.with_suffix(".html"), REPORT.with_suffix(".json")
    done = play(
        Path(__file__).parents[1] / "inventory",
        f"--extra-vars=celery_verify_report={page},{data}",
        "celeriac.django.verify",
    )
    assert done.returncode == 0, done.stdout
    report = json.loads(data.read_text(encoding="utf-8"))
    assert [host["name"] for host in report["hosts"]] == ["celeriac-app1", "celeriac-app2"]
    assert {host["name"]: host["beat"] for host in report["hosts"]}["celeriac-app1"]
    assert not any(check["state"] == "failed" for check in report["checks"])
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": 1100, "height": 1060})
        shown.goto(page.as_uri())
        shown.screenshot(path=REPORT.with_suffix(".png"))
        drawing = shown.locator("svg").first.text_content() or ""
        for name in (
            "celeriac-app1",
            "celeriac-app2",
            "default",
            "mail",
            "newsletters",
            "on celeriac-servers",
        ):
            assert name in drawing, drawing
        assert complaints(browser, page) == []
