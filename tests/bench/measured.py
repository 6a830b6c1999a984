# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what `make bench` has printed into docs/measured.md, between two marks.

usage: measured.py FILE   (with all that was printed)
"""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/measured.md"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- written by make bench: end -->"
#: What each line stands for, in the order of the table.
MEANING = {
    "noop_ratio": "a run that changes nothing, proofs included, to the gathering of facts",
    "noop_servers_ratio": "the same, with broker and database on the one host",
    "cold_ratio": "a first run, proofs included, to a script by hand that uses uv",
    "cold_ratio_pip": "the same, to a script that uses pip",
    "demo_seconds": "a fresh `make demo` with warm caches, in seconds",
    "discovery_seconds": "discovery of 3,000 Python files, in seconds",
    "discovery_megabytes": "the memory that it takes, in megabytes",
    "memory_ratio": "memory of main process and eight children after 2,000 tasks, to first steps",
    "fleet_ratio": "a run that changes nothing on ten hosts, all on this one machine, to one on one of them",
    "controller_megabytes": "the largest process of Ansible in it, in megabytes",
    "memory_ratio_max_tasks_per_child": "the same with `max_tasks_per_child: 40`",
    "memory_ratio_autoscale": "the same with `autoscale` from 2 to 8",
    "one_query_ratio": "tasks of one query per second, to first steps",
    "empty_ratio": "empty tasks per second, to first steps",
    "one_query_ratio_django_db": "tasks of one query per second, results in the database, to first steps",
    "empty_ratio_django_db": "empty tasks per second, results in the database, to first steps",
    "one_query_ratio_rabbitmq": "tasks of one query per second by RabbitMQ, to first steps",
    "empty_ratio_rabbitmq": "empty tasks per second by RabbitMQ, to first steps",
    "queue_ms_median": "median time of a task in the queue, at half the rate that first steps manage, in ms",
    "queue_ms_median_first_steps": "the same with first steps",
    "queue_ms_p99": "the time that 99 of 100 tasks do not exceed",
    "queue_ms_p99_first_steps": "the same with first steps",
    "start_seconds": "from the start of a worker until a task is done that waits for it, in seconds",
    "start_seconds_first_steps": "the same with first steps",
    "start_seconds_200_models": "the same in a project with 200 models more",
    "start_seconds_200_models_first_steps": "the same with first steps",
}
_LINE = re.compile(r"^([a-z0-9_]+): ([0-9.]+)$", re.MULTILINE)


class PageError(Exception):
    """The page has no place for the table. The text says what is missing."""


def found(printed: str) -> dict[str, str]:
    """Return the numbers in what was printed; of two of a name the later."""
    return {name: number for name, number in _LINE.findall(printed) if name in MEANING}


def table(numbers: dict[str, str], machine: str) -> str:
    """Return the numbers as a table, with what they were measured on above it."""
    rows = [f"| `{name}` | {numbers[name]} | {text} |" for name, text in MEANING.items() if name in numbers]
    return "\n".join([machine, "", "| number | | what it is |", "|---|---|---|", *rows])


def written(page: str, text: str) -> str:
    """Return the page with the text between its marks.

    Raises:
        PageError: it has not both marks, in this order and once.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise PageError(f"{PAGE.name} has to have the lines {BEGIN} and {END} once each, in this order.")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def machine() -> str:
    """Return a sentence on what this was measured on, and when."""
    today = datetime.now(UTC).date()
    return (
        f"Measured on {today}: {os.cpu_count()} processors ({platform.machine()}), Linux "
        f"{platform.release()}, ansible-core {version('ansible-core')} with Python "
        f"{platform.python_version()}."
    )


def main() -> None:
    """Write the page."""
    numbers = found(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if not numbers:
        sys.exit(f"{sys.argv[1]} has no number that {PAGE.name} has a row for.")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table(numbers, machine())), encoding="utf-8")


if __name__ == "__main__":
    main()
