# SPDX-License-Identifier: GPL-3.0-or-later
"""After the removal, nothing is left but the data."""

from __future__ import annotations

from typing import Any


def test_no_units(host: Any) -> None:
    """No unit is loaded, failed, enabled or on disk."""
    assert not host.check_output("systemctl --failed --no-legend")
    assert not host.run("systemctl list-unit-files --no-legend 'shop-*'").stdout
    assert not host.check_output("systemctl list-units --all --no-legend 'shop-*.service' 'shop-*.target'")
    assert not host.check_output("find /etc/systemd /run/systemd/system -name 'shop*'")
    assert not host.run("pgrep -f '[c]elery'").stdout


def test_no_user(host: Any) -> None:
    """The service's user and group are gone."""
    assert not host.user("shop").exists
    assert not host.group("shop").exists


def test_no_commands(host: Any) -> None:
    """Nor are the commands for people."""
    assert not host.check_output("find /usr/local/bin /etc/sudoers.d -name 'shop-*'")


def test_no_folders(host: Any) -> None:
    """State and configuration are gone."""
    assert not host.check_output("find /etc /var/lib /run /srv -name '*celer*'")


def test_checkout_as_before(host: Any) -> None:
    """The checkout is what it was, to the byte."""
    before = host.file("/root/checkout.before").content_string.strip()
    listing = "cd /srv/shop && find . -type f -exec sha256sum {} + | sort -k 2"
    assert host.check_output(listing).strip() == before


def test_data_stays(host: Any) -> None:
    """The database keeps its tables."""
    tables = host.check_output("sudo -u postgres psql -At -c '\\dt' shop")
    assert "orders_order" in tables
