#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Forgets what networks of podman have left that ended without a word, as when their hosts were killed together:
# names that aardvark-dns would go on serving, and rules by which netavark would give the packets between the
# hosts of a new network the address of its gateway.
#
# usage: forget.sh NETWORK    before the first host of this network starts
set -euo pipefail
network=$1

# Without root, all of it is in a namespace of podman's own, which ends with the hosts.
[ "$(id -u)" -eq 0 ] || exit 0

rm -f "/run/containers/networks/aardvark-dns/$network"

# The rules first: what has one then is a network that there is, or one that is gone.
rules=$(iptables -w -t nat -S POSTROUTING | grep -E -- '-s [0-9./]+ -j NETAVARK-[0-9A-F]{13}$' || :)
live=$(podman network ls --quiet 2>/dev/null | xargs -r podman network inspect \
  --format '{{.Name}}{{range .Subnets}} {{.Subnet}}{{end}}' 2>/dev/null | awk -v new="$network" '$1 != new {print $2}')

while read -r _add _chain _source subnet _jump chain; do
  [ -n "$chain" ] || continue
  grep -qxF -- "$subnet" <<<"$live" && continue
  iptables -w -t nat -D POSTROUTING -s "$subnet" -j "$chain"
  if ! iptables -w -t nat -S | grep -q -- "-j $chain\$"; then
    iptables -w -t nat -F "$chain"
    iptables -w -t nat -X "$chain"
  fi
done <<<"$rules"
