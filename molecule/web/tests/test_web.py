# SPDX-License-Identifier: GPL-3.0-or-later
"""The site changes under requests, and none of them fails.

The tests change the same hosts, one after the other.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.hosts import booted, run, wait
from lab.playbooks import converge, flat, integrate, play
from lab.site import none_failed, requests

SCENARIO = Path(__file__).parents[1]
HOSTS = ("celeriac-web12", "celeriac-web13")
ASK = "curl -sS --max-time 60 -H 'Host: shop.example.com'"
#: A page that tells the version of the code, after some seconds.
PAGE = """
import time

from django.http import HttpResponse


def version(request):
    time.sleep(float(request.GET.get("seconds", 0)))
    return HttpResponse("{}")


urlpatterns.append(path("version/", version))
"""


def generations(host: str) -> list[str]:
    """Return the generations of the site that run."""
    listed = run(host, "systemctl list-units --plain --no-legend --full --state=active 'shop-web@*'")
    return [line.split()[0] for line in listed.splitlines()]


def write(lines: str, file: str = "shop/urls.py") -> None:
    """Put lines at the end of a file of all checkouts, in place of what a test has put there before."""
    for host in HOSTS:
        path = f"/srv/shop/{file}"
        run(host, f"test -e /root/{Path(file).name} || cp {path} /root/{Path(file).name}")
        run(host, f"cp /root/{Path(file).name} {path}; cat >> {path} <<'END'\n{lines}\nEND\n")


def version(host: str) -> str:
    """Return what the page says."""
    return run(host, f"{ASK} http://127.0.0.1/version/")


def test_serves() -> None:
    """nginx gets the pages from one generation, which may do as little as a worker."""
    for host in HOSTS:
        assert "<title>" in run(host, f"{ASK} --fail http://127.0.0.1/")
        [unit] = generations(host)
        assert run(host, f"systemctl show -P User {unit}") == "shop"
        score = run(host, f"systemd-analyze security --no-pager {unit} | tail -n 1")
        assert float(re.findall(r"\d\.\d", score)[0]) <= 1.2
        # No name is served that the settings do not have.
        assert run(host, "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/") == "400"
        told = run(host, f"systemctl show {unit}; cat /etc/systemd/system/shop-web*")
        assert "molecule_password" not in told


def test_new_code() -> None:
    """The next generation gets the requests, and a page that somebody waits for comes from the old one."""
    write(PAGE.format("one"))
    converge(SCENARIO)
    before = {host: generations(host) for host in HOSTS}
    write(PAGE.format("two"))
    with requests(HOSTS) as found:
        slow = [
            subprocess.Popen(
                ["podman", "exec", host, "bash", "-c", f"{ASK} 'http://127.0.0.1/version/?seconds=25'"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for host in HOSTS
        ]
        converge(SCENARIO)
        assert [process.communicate()[0] for process in slow] == ["one", "one"]
    assert none_failed(found)
    for host in HOSTS:
        assert version(host) == "two"
        assert not set(generations(host)) & set(before[host])


def refused(message: str) -> str:
    """See that a run fails, and no request; that the site is what it was; and return what the run printed."""
    before = {host: generations(host) for host in HOSTS}
    with requests(HOSTS) as found:
        done = integrate(SCENARIO)
    assert done.returncode != 0
    assert message in flat(done.stdout)
    assert none_failed(found)
    assert {host: generations(host) for host in HOSTS} == before
    return flat(done.stdout)


def test_a_page_that_fails() -> None:
    """A generation that answers with 500 gets no request, and the run tells the exception."""
    write("from django.conf import settings\n\nlive = settings.NO_SUCH\n", "catalog/views.py")
    write(
        "def broken(request, *a, **k):\n    raise RuntimeError('the page is broken')\n\n\n"
        "urlpatterns.insert(0, path('', broken))\n"
    )
    for host in HOSTS:
        run(host, "cp /root/views.py /srv/shop/catalog/views.py")
    text = refused("answered GET / with 500")
    assert "the page is broken" in text


def test_a_site_that_does_not_load() -> None:
    """So is one whose entry point raises."""
    write(PAGE.format("two"))
    write("raise RuntimeError('the entry point is broken')\n", "shop/wsgi.py")
    text = refused("did not get ready")
    assert "the entry point is broken" in text


def test_a_crash_and_a_reboot() -> None:
    """What was proven once serves again, and no run is needed."""
    write("", "shop/wsgi.py")
    converge(SCENARIO)
    for host in HOSTS:
        [unit] = generations(host)
        process = run(host, f"systemctl show -P MainPID {unit}")
        run(host, f"kill -9 {process}")
        # The socket keeps what comes meanwhile.
        assert version(host) == "two"
        assert run(host, f"systemctl show -P MainPID {unit}") != process
    subprocess.run(["podman", "restart", *HOSTS], check=True, capture_output=True)
    for host in HOSTS:
        wait(f"{host} is up", 120, lambda host=host: booted(host))
        wait(f"{host} serves", 60, lambda host=host: "two" in run(host, f"{ASK} http://127.0.0.1/version/"))


def rows(text: str) -> list[str]:
    """Return the rows about the site."""
    return [line for line in flat(text).split('"') if "site serves" in line]


def test_the_proof() -> None:
    """verify says that it serves; and where nothing does, what to look at."""
    done = play(SCENARIO / "inventory", "celeriac.django.verify")
    assert done.returncode == 0, done.stdout
    assert "site serves" in done.stdout
    for host in HOSTS:
        run(host, "systemctl stop 'shop-web@*'")
    done = play(SCENARIO / "inventory", "celeriac.django.verify")
    assert done.returncode != 0
    assert "Not proven, see the table: site serves" in flat(done.stdout)
    # The socket starts it for whoever asks.
    assert [version(host) for host in HOSTS] == ["two", "two"]


def test_asgi_on_a_port() -> None:
    """The same site by ASGI, on an address."""
    options: Sequence[str] = ("-e", "celery_web_interface=asgi", "-e", "celery_web_listen=127.0.0.1:8000")
    converge(SCENARIO, *options)
    for host in HOSTS:
        assert run(host, f"{ASK} http://127.0.0.1:8000/version/") == "two"
        assert "uvicorn" in run(host, "systemctl cat 'shop-web@*'")
        assert "celery_ops" in run(host, "ls /srv/shop/shop")
    again = converge(SCENARIO, *options)
    assert set(re.findall(r"changed=(\d+)", again)) == {"0"}


def test_it_goes() -> None:
    """Without the variable, units and socket go, and workers stay; the removal leaves nothing."""
    converge(SCENARIO, "-e", '{"celery_web": false}')
    for host in HOSTS:
        assert (
            run(
                host,
                "systemctl list-unit-files --no-legend 'shop-web*'; ls /run | grep -c shop-web",
                check=False,
            )
            == "0"
        )
        assert "shop-worker-default" in run(host, "systemctl list-units --plain --no-legend 'shop-worker-*'")
    converge(SCENARIO)
    done = play(SCENARIO / "inventory", "celeriac.django.remove")
    assert done.returncode == 0, done.stdout
    for host in HOSTS:
        left = (
            "systemctl list-units --all --plain --no-legend 'shop*'; ls /etc/systemd/system /run | grep shop"
        )
        assert run(host, left, check=False) == ""
