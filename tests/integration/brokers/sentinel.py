# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a task through the Redis that Sentinels name, get its result there, and have RedBeat write there.

usage: sentinel.py FOLDER     it has the settings' `broker.py`; the addresses are in the environment
"""

from __future__ import annotations

import os
import sys


def main(folder: str) -> None:
    """Make an app with the options that a project's settings have."""
    sys.path.insert(0, folder)
    import broker
    from celery import Celery
    from celery.contrib.testing.worker import start_worker
    from redbeat.schedulers import get_redis

    url = os.environ["CELERY_BROKER_URL"]
    app = Celery("sentinel", broker=url, backend=url, set_as_current=False)
    app.conf.update(
        broker_transport_options=broker.transport_options(url),
        broker_use_ssl=broker.tls(url),
        redis_backend_use_ssl=broker.redis_tls(url),
        result_backend_transport_options={"global_keyprefix": "shop:", **broker.sentinel_options()},
    )
    app.conf["redbeat_redis_url"] = broker.redbeat_url(url)
    app.conf["redbeat_redis_use_ssl"] = broker.redis_tls(url)
    app.conf["redbeat_redis_options"] = broker.redbeat_sentinels(url)
    # Without it, an address that does not answer is tried for minutes.
    app.connection_for_write().ensure_connection(max_retries=1, interval_start=0, timeout=8)

    @app.task(name="double")
    def double(number: int) -> int:
        return number * 2

    with start_worker(app, pool="solo", perform_ping_check=False):
        assert double.delay(21).get(timeout=20) == 42
    get_redis(app).set("shop:redbeat:seen", "1")
    print("let in")


if __name__ == "__main__":
    main(sys.argv[1])
