#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the images of all hosts: scenarios that start side by side would each build their own.
set -euo pipefail
cd "$(dirname "$0")/../.."

# shellcheck source=tests/lab/env.sh
. tests/lab/env.sh
for image in host:bookworm servers:bookworm host:trixie servers:trixie rabbitmq:trixie; do
  podman build --quiet --pull=never --file molecule/Containerfile --target "${image%:*}" \
    --build-arg "BASE=docker.io/library/debian:${image#*:}" --tag "localhost/celeriac-$image" molecule >/dev/null
done
