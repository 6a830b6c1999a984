#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Prepares this machine for test hosts: podman containers that boot systemd.
#
#   tests/lab/setup.sh          once on each machine, and whenever you like
#   . tests/lab/env.sh          then, in each shell that runs molecule or podman
#
# 1. Installs what is missing of podman and its companions, with apt-get; through
#    `sudo -n` if not root. It never prompts.
# 2. Finds out by trial whether podman's own defaults can start a systemd container
#    here. The answer goes to .cache/lab/podman (ignored by git), where env.sh reads it:
#    `defaults`, or `containers.conf` for the file beside this script.
# 3. Provides the base images docker.io/library/debian:bookworm and :trixie: those at
#    hand, else pulled, else built from the Debian archive that this machine's apt uses.
#
# All of it is idempotent, and takes about a second when there is nothing to do.
# CELERIAC_PULL_TIMEOUT: seconds that pulling one image may take (default: 120).
set -euo pipefail

releases=(bookworm trixie)
packages=(podman runc netavark aardvark-dns iptables mmdebstrap debian-archive-keyring)
[ "$(id -u)" -eq 0 ] || packages+=(uidmap slirp4netns fuse-overlayfs)

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$lab/../../.cache/lab
mkdir -p "$state"
state=$(cd "$state" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# say TEXT... : one line, with the seconds since the start.
say() {
  local micros=$((${EPOCHREALTIME/[.,]/} - begun))
  printf '%5d.%d s  %s\n' $((micros / 1000000)) $((micros / 100000 % 10)) "$*"
}
begun=${EPOCHREALTIME/[.,]/}

# quietly COMMAND... : shows what the command printed only if it fails.
quietly() {
  local log
  log=$(mktemp "$scratch/log.XXXXXX")
  "$@" >"$log" 2>&1 </dev/null || {
    local status=$?
    cat "$log" >&2
    echo "failed with status $status: $*" >&2
    return "$status"
  }
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
  local package missing=()
  if ! command -v apt-get >/dev/null; then
    command -v podman >/dev/null && return
    echo "Neither podman nor apt-get is here: install podman and run this again." >&2
    return 1
  fi
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "packages: all installed"
    return
  fi
  say "packages: installing ${missing[*]}"
  quietly as_root apt-get update
  quietly as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

# podman with a storage of its own: its real state is left untouched, whatever comes of it.
podman_apart() {
  podman --root "$scratch/storage" --runroot "$scratch/run" --tmpdir "$scratch/tmp" \
    --storage-driver vfs "$@" </dev/null
}

# Tries podman's own defaults on one program and its libraries, without a network.
defaults_work() {
  local file backend root=$scratch/root
  for file in /bin/true $(ldd /bin/true | grep -o '/[^ ]*'); do
    install -D "$file" "$root$file"
  done
  podman_apart run --rm --network none --privileged --systemd always --rootfs "$root" /bin/true \
    >"$scratch/trial" 2>&1 || return
  backend=$(podman_apart info --format '{{.Host.NetworkBackend}}' 2>"$scratch/trial") || return
  if [ "$backend" != netavark ]; then
    echo "the network backend is $backend" >"$scratch/trial"
    return 1
  fi
}

choose_configuration() {
  # Set by env.sh, from an earlier choice.
  unset CONTAINERS_CONF
  if defaults_work; then
    say "podman: its own defaults start a systemd container"
    echo defaults >"$state/podman"
  else
    say "podman: with tests/lab/containers.conf, as its defaults fail: $(tail -n 1 "$scratch/trial")"
    echo containers.conf >"$state/podman"
    export CONTAINERS_CONF="$lab/containers.conf"
  fi
}

# The Debian archive as this machine's apt uses it, as sources for a release; nothing
# where apt knows no Debian archive: mmdebstrap then has its own idea of it.
sources_for() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)|$(LABEL)|$(CODENAME)' \
    'Created-By: Packages' 'Origin: Debian' 'Component: main' |
    awk -F '|' -v release="$1" '
      $2 == "Debian" && $3 !~ /-/ && !archive++ {
        print "deb " $1 " " release " main\ndeb " $1 " " release "-updates main"
      }
      $2 == "Debian-Security" && !security++ { print "deb " $1 " " release "-security main" }
    '
}

# A stand-in for the registry's image, of the same name.
build_image() {
  local release=$1 image=$2 sources=() extra=$scratch/$1
  mkdir -p "$extra"/{etc/apt/apt.conf.d,etc/dpkg/dpkg.cfg.d,usr/local/share/ca-certificates}
  # As in the registry's images.
  echo force-unsafe-io >"$extra/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
  echo 'Acquire::Languages "none";' >"$extra/etc/apt/apt.conf.d/docker-no-languages"
  # The way to the archive: proxies, and what apt shall think of the archive's age.
  apt-config dump | grep -E '^Acquire::((http|https)::|Check-)' \
    >"$extra/etc/apt/apt.conf.d/lab" || true
  # The authorities that this machine trusts on top of Debian's: the package
  # ca-certificates takes them up when the image of the test hosts installs it.
  if [ -d /usr/local/share/ca-certificates ]; then
    find /usr/local/share/ca-certificates -name '*.crt' \
      -exec cp -t "$extra/usr/local/share/ca-certificates" {} +
  fi
  mapfile -t sources < <(sources_for "$release")
  mmdebstrap --quiet --variant=minbase --aptopt="$extra/etc/apt/apt.conf.d/lab" \
    --customize-hook="sync-in '$extra' /" "$release" - "${sources[@]}" |
    podman import --quiet --change 'CMD ["bash"]' - "$image"
}

provide_image() {
  local release=$1 image=docker.io/library/debian:$1
  if podman image exists "$image"; then
    say "image $image: at hand"
  elif timeout "${CELERIAC_PULL_TIMEOUT:-120}" podman pull --quiet "$image" \
    >"$scratch/pull-$release" 2>&1 </dev/null; then
    say "image $image: pulled"
  else
    say "image $image: no registry in reach, building a stand-in from apt's archive"
    quietly build_image "$release" "$image"
    say "image $image: built"
  fi
}

provide_images() {
  local release jobs=() job
  for release in "${releases[@]}"; do
    provide_image "$release" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
}

install_packages
choose_configuration
provide_images
say "ready: . tests/lab/env.sh"
