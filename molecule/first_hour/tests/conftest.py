# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what was run, with its time and its lines, at the end."""

from __future__ import annotations

import pytest
from lab.desk import Desk

DESK = pytest.StashKey[Desk]()


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Desk:
    """The place of the user, with the collection installed from its tarball."""
    found = Desk(tmp_path_factory.mktemp("desk"))
    pytestconfig.stash[DESK] = found
    found.install()
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    desk = config.stash.get(DESK, None)
    if desk:
        terminalreporter.section("the first hour")
        for line in desk.report():
            terminalreporter.write_line(line)
