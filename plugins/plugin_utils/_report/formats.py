# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as a file: JSON, a page, or JUnit's XML, by the file's ending."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

import jinja2
import markupsafe

from ansible_collections.celeriac.django.plugins.module_utils import _data

from . import drawing
from .data import FAILED, SKIPPED, VERSION, WARNED, Check, Report

_TEMPLATES = Path(__file__).resolve().parents[3] / "templates/report"
#: Around the report's data within a page, by which the next report finds them.
_INSIDE = re.compile(r'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)


class FormatError(ValueError):
    """A file that no report can be written to. The text says what to change."""


def to_json(report: Report) -> str:
    """Return the report as JSON; docs/reference/report.md describes it."""
    return json.dumps(_data.as_data(report), indent=2, ensure_ascii=False) + "\n"


def to_html(report: Report) -> str:
    """Return the report as one page that needs no network."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Within a script, the end of the element is the only thing that could end it.
    data = json.dumps(_data.as_data(report), ensure_ascii=False).replace("<", "\\u003c")
    tasks = sorted(report.tasks, key=lambda task: (task.app, task.name))
    return environment.get_template("report.html.j2").render(
        report=report,
        at=datetime.fromisoformat(report.at),
        topology=markupsafe.Markup(drawing.topology(report)),  # noqa: S704 - escaped where it is drawn
        timeline=markupsafe.Markup(drawing.timeline(report)),  # noqa: S704 - escaped where it is drawn
        limits=markupsafe.Markup(drawing.limits(report)),  # noqa: S704 - escaped where it is drawn
        failed=together(report.failed),
        checks=together(report.checks),
        apps=[(app, list(own)) for app, own in groupby(tasks, key=lambda task: task.app)],
        data=markupsafe.Markup(data),  # noqa: S704 - no < is left in it
    )


def together(checks: Iterable[Check]) -> list[tuple[Check, list[str]]]:
    """Return checks with the hosts on which they came to the same, what failed first."""
    found: dict[tuple[str, str, str], tuple[Check, list[str]]] = {}
    for check in checks:
        same = found.setdefault((check.name, check.state, check.evidence), (check, []))
        same[1].append(check.host)
    return sorted(found.values(), key=lambda one: (one[0].state != FAILED, one[0].state != WARNED))


def to_junit(report: Report) -> str:
    """Return the checks as JUnit's XML, which CI systems show: a suite for each host."""
    suites = ET.Element("testsuites", name=f"celery of {report.project}")
    for host in dict.fromkeys(check.host for check in report.checks):
        checks = [check for check in report.checks if check.host == host]
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=host,
            tests=str(len(checks)),
            failures=str(sum(check.state == FAILED for check in checks)),
            skipped=str(sum(check.state == SKIPPED for check in checks)),
            timestamp=report.at,
        )
        for check in checks:
            case = ET.SubElement(
                suite, "testcase", classname=f"{report.project}.{host}", name=_told(check.name)
            )
            if check.state == FAILED:
                failure = ET.SubElement(case, "failure", message=_told(check.evidence))
                failure.text = _told(f"{check.evidence}\n{check.advice}")
            elif check.state == WARNED:
                ET.SubElement(case, "system-out").text = _told(f"{check.evidence}\n{check.advice}")
            elif check.state == SKIPPED:
                ET.SubElement(case, "skipped", message=_told(check.evidence))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _told(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)


#: By the ending of the file.
WRITERS: dict[str, Callable[[Report], str]] = {".json": to_json, ".html": to_html, ".xml": to_junit}


def write(report: Report, file: str) -> str:
    """Return the text of a file.

    Raises:
        FormatError: nothing is known to write of this ending.
    """
    ending = Path(file).suffix.lower()
    if ending not in WRITERS:
        raise FormatError(
            f"celery_verify_report: {file} ends in {ending or 'nothing'}, and a report is "
            "a page (.html), data (.json) or JUnit's XML (.xml)."
        )
    return WRITERS[ending](report)


def read(file: Path) -> Report | None:
    """Return the report that a file holds, None where it holds none of this version."""
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix.lower() == ".html":
            found = _INSIDE.search(text)
            text = found[1] if found else ""
        data = json.loads(text)
        return _data.from_data(Report, data) if data.get("version") == VERSION else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None
