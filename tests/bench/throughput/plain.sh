#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts the worker of /srv/plain as the page says, with the packages that the playbook has installed for /srv/ours.
# usage: plain.sh BROKER_URL [RESULT_BACKEND] (django-db, or nothing)
set -euo pipefail

cd /srv/plain
sed -i '/^CELERY_BROKER_URL\|^CELERY_RESULT_BACKEND\|django_celery_results/d' proj/settings.py
echo "CELERY_BROKER_URL = '$1'" >> proj/settings.py
if [ -n "${2:-}" ]; then
  cat >> proj/settings.py <<TEXT
INSTALLED_APPS += ["django_celery_results"]
CELERY_RESULT_BACKEND = '$2'
TEXT
fi
/opt/plain/bin/python manage.py migrate --verbosity 0
chown -R nobody /srv/plain
cat > /etc/systemd/system/plain-worker.service <<'UNIT'
[Service]
User=nobody
WorkingDirectory=/srv/plain
Environment=PYTHONUNBUFFERED=1
ExecStart=/opt/plain/bin/celery -A proj worker -l INFO --concurrency=4
UNIT
systemctl daemon-reload
systemctl restart plain-worker.service
