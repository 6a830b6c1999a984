# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report, made by a real run, as a browser shows it to everybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from playwright.sync_api import Browser

from ansible_collections.celeriac.django.plugins.plugin_utils._report import formats
from ansible_collections.celeriac.django.plugins.plugin_utils._report.data import FAILED, Report

from .conftest import Deployment
from .pages import complaints


def many(report: Report) -> Report:
    """Returns the report of a much larger deployment of the same project, a part of which is broken."""
    (host,) = report.hosts
    (pool,) = host.pools
    pools = tuple(
        replace(pool, name=f"pool-{n}", queues=(f"queue-{n}", f"queue-{n + 15}"), healthy=n != 3)
        for n in range(15)
    )
    task = report.tasks[0]
    return replace(
        report,
        ok=False,
        hosts=tuple(replace(host, name=f"app{n}", pools=pools, beat=n == 0) for n in range(50)),
        queues=tuple(
            replace(report.queues[0], name=f"queue-{n}", pools=("x",) * (n != 7)) for n in range(30)
        ),
        tasks=tuple(replace(task, name=f"{task.name}_{n}", app=f"app{n % 12}") for n in range(200)),
        checks=tuple(
            replace(check, host=f"app{n}", state=FAILED if index == 3 else check.state, advice="Look.")
            for n in range(50)
            for index, check in enumerate(report.checks)
        ),
        changes=tuple(f"new task: orders.tasks.task_{n}" for n in range(20)),
    )


def test_a_run_writes_a_page_that_everybody_can_read(
    deployment: Deployment, browser: Browser, tmp_path: Path
) -> None:
    files = {ending: tmp_path / f"reports/celery.{ending}" for ending in ("html", "json", "xml")}
    run = deployment.integrate(celery_verify_report=[str(file) for file in files.values()])
    assert run.returncode == 0, run.stdout
    report = formats.read(files["json"])
    assert report
    assert report.ok
    assert report.versions["celery"]
    assert {check.name for check in report.checks} >= {"round trip, pool default", "beat fired"}
    assert len(ET.parse(files["xml"]).findall(".//testcase")) == len(report.checks)  # noqa: S314 - it is ours
    assert complaints(browser, files["html"]) == []
    large = tmp_path / "large.html"
    large.write_text(formats.to_html(many(report)), encoding="utf-8")
    assert complaints(browser, large) == []

    # The next one says what is different, and a failed proof leaves one that shows it.
    (deployment.path / "orders/tasks.py").write_text(
        "from celery import shared_task\n\n\n@shared_task\ndef send() -> None:\n    pass\n"
    )
    (deployment.path / "orders/migrations/0099_later.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        '    dependencies = [("orders", "0001_initial")]\n    operations = []\n'
    )
    run = deployment.play("verify", celery_verify_report=str(files["html"]))
    assert run.returncode != 0
    again = formats.read(files["html"])
    assert again
    assert not again.ok
    assert "new task: orders.tasks.send" in again.changes
    assert [check.name for check in again.failed] == ["apps and tables migrated"]
    assert all(check.advice for check in again.failed)


def test_no_report_where_it_cannot_be_written(deployment: Deployment, tmp_path: Path) -> None:
    run = deployment.integrate(celery_verify_report=["report.pdf"])
    assert run.returncode != 0
    assert "report.pdf ends in .pdf" in run.stdout
    (tmp_path / "file").touch()
    run = deployment.play("verify", celery_verify_report=[str(tmp_path / "file/report.html")])
    assert run.returncode != 0
    assert "report.html cannot be written" in run.stdout
