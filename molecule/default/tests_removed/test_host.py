"""The host after the removal."""

from __future__ import annotations


def test_systemd_is_running(host):
    """The removal left no failed unit behind."""
    assert host.check_output("systemctl is-system-running") == "running"
