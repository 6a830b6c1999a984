#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the playbook is measured against: the same result, as somebody would script it for one host.
# The checkout has Celery in it already. usage: by_hand.sh pip|uv   (environment: DATABASE_URL and so on)
set -euo pipefail

venv=/opt/by-hand
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt  # uv trusts its own authorities otherwise
useradd --system --no-create-home by-hand 2>/dev/null || true
python3 -m venv "$venv"
packages=(-r /srv/shop/requirements.txt 'celery[redis]>=5.7,<6' 'django-celery-beat>=2.9'
  'django-celery-results>=2.6' 'psycopg[binary]>=3.2')
if [ "$1" = uv ]; then
  "$venv/bin/pip" install --quiet uv
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" "${packages[@]}"
else
  "$venv/bin/pip" install --quiet "${packages[@]}"
fi
cd /srv/shop
"$venv/bin/python" manage.py migrate --verbosity 0
env | grep -E '^(SECRET_KEY|DATABASE_URL|CELERY_BROKER_URL|DJANGO_SETTINGS_MODULE|ALLOWED_HOSTS)=' > /etc/by-hand.env
for part in worker beat; do
  cat > "/etc/systemd/system/by-hand-$part.service" <<UNIT
[Service]
User=by-hand
WorkingDirectory=/srv/shop
EnvironmentFile=/etc/by-hand.env
Environment=CELERY_STATE_PATH=/tmp/by-hand
ExecStart=$venv/bin/python -m celery -A shop $part --loglevel=INFO
[Install]
WantedBy=multi-user.target
UNIT
done
systemctl daemon-reload
systemctl enable --quiet --now by-hand-worker.service by-hand-beat.service
