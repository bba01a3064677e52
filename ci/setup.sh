#!/usr/bin/env bash
# Make .venv with the package and its test tools, and see to Debian's OVS and OVN packages.
# Quick when nothing has changed; needs root only to install packages, and goes on without them.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps ovsdb-server and ip, also for users whose PATH lacks it

PACKAGES=(openvswitch-common ovn-common ovn-central iproute2 iptables)
PROGRAMS=(ovsdb-server ovsdb-tool ovs-appctl ovn-nbctl ovn-northd ip iptables)
OVN_UNITS=(ovn-central.service ovn-northd.service ovn-ovsdb-server-nb.service ovn-ovsdb-server-sb.service)

# The tests of the HTML page look at it in a browser, if there is one; with OVN_BROWSER=1 there must be.
if [ "${OVN_BROWSER:-0}" = 1 ]; then
  PACKAGES+=(chromium)
  PROGRAMS+=(chromium)
fi

say() { printf 'setup: %s\n' "$*" >&2; }
is_root() { [ "$(id -u)" = 0 ]; }
has() { command -v "$1" >/dev/null 2>&1; }

apt_install() {
  local log=.make/apt.log
  mkdir -p .make
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get -q -o DPkg::Lock::Timeout=120 update &&
    apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    return 1
  fi
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Debian's ovn-central starts its own OVN at once, and at every boot. Whoever installs it for its programs does not want
# that, and its servers would take the ports. Where it was installed before, its services stay as they are.
install_ovn() {
  local package wanted=() status=0
  for package in "${PACKAGES[@]}"; do
    installed "$package" || wanted+=("$package")
  done
  if installed ovn-central || ! [ -d /run/systemd/system ]; then
    apt_install "${wanted[@]}"
    return
  fi
  systemctl mask --quiet --runtime "${OVN_UNITS[@]}" 2>/dev/null || return # they don't exist yet, and it says so
  apt_install "${wanted[@]}" || status=$?
  systemctl unmask --quiet --runtime "${OVN_UNITS[@]}"
  [ $status != 0 ] || systemctl disable --quiet "${OVN_UNITS[@]}"
  return $status
}

missing_programs() {
  local program
  for program in "${PROGRAMS[@]}"; do
    has "$program" || printf '%s ' "$program"
  done
}

find_python() { # a Python 3.11 or newer that can make a venv
  local name
  for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
    if has "$name" && "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

stamp() { echo ".make/venv-$( (pwd && cat pyproject.toml) | sha256sum | cut -c1-16)"; }

venv_is_ready() { [ -e "$(stamp)" ] && .venv/bin/python -c '' 2>/dev/null; }

see_to_packages() {
  local missing line=()
  missing=$(missing_programs)
  venv_is_ready || find_python >/dev/null || line+=(python3-venv)
  [ -z "$missing" ] || line+=("${PACKAGES[@]}")
  [ ${#line[@]} -gt 0 ] || return 0
  if is_root && has apt-get; then
    say "installing ${line[*]}"
    [ "${line[0]}" != python3-venv ] || apt_install python3-venv || return 0
    [ -z "$missing" ] || install_ovn || say "that did not work; tests on real ovsdb-server will be skipped"
    return 0
  fi
  [ -z "$missing" ] || say "not found: ${missing% }; tests on real ovsdb-server will be skipped"
  say "to install what is missing, type"
  echo "  sudo apt-get install -y --no-install-recommends ${line[*]}" >&2
}

make_venv() {
  local python
  ! venv_is_ready || return 0
  if ! python=$(find_python); then
    say "can't go on without a Python 3.11 or newer that has the venv module"
    exit 1
  fi
  say "making .venv with $("$python" --version)"
  rm -f .make/venv-*
  .venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test,dev]'
  mkdir -p .make
  touch "$(stamp)"
}

see_to_packages
make_venv
