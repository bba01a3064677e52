#!/usr/bin/env bash
# ci/ovs-roots.sh [--again|--remove] [trixie|sid ...]: the OVS of other Debian releases, each in a directory of its own,
# from the Debian mirror that apt is set up with. Needs no root and leaves the host's packages and lists alone. A root
# that is there stays as it is; --again makes it anew (unstable moves on), --remove takes it away.
# They go to ${OVNSWAP_ROOTS:-${XDG_CACHE_HOME:-~/.cache}/ovnswap/roots}/SUITE, with the programs in SUITE/bin.
set -euo pipefail

ROOTS=${OVNSWAP_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/ovnswap/roots}
SUITES=(trixie sid)
PACKAGE=openvswitch-common
PROGRAMS=(ovsdb-server ovsdb-tool ovsdb-client ovs-appctl)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'ovs-roots: %s\n' "$*" >&2; }

usage() {
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
}

mirror() { # the one that apt is set up with
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m1 '/debian/$'
}

# An apt with lists, archives and installed packages (none) of its own, which keeps the host's proxies and time limits but
# runs none of its hooks. In the file $1/apt.conf; $1 must be a directory, $2 is the suite, $3 the mirror.
own_apt() {
  mkdir -p "$1"/lists/partial "$1"/archives/partial
  : >"$1/status"
  echo "deb [signed-by=$KEYRING] $3 $2 main" >"$1/sources.list"
  {
    env -u APT_CONFIG apt-config dump Acquire | grep -v '^Acquire::IndexTargets'
    cat <<CONF
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1";
Dir::Cache::archives "$1/archives";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Log "$1";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
CONF
  } >"$1/apt.conf"
}

unpack() { # unpack ARCHIVES ROOT
  local archive
  for archive in "$1"/*.deb; do
    dpkg-deb --fsys-tarfile "$archive" |
      tar -x -C "$2" --no-same-owner --keep-directory-symlink --exclude='./usr/share/*'
  done
}

# $1/bin/PROGRAM runs with the libraries of $1, which will be at $2, and with nothing else of it: paths are the host's.
wrap() {
  local loader libraries program path
  loader=$(cd "$1" && ls usr/lib64/ld-linux-x86-64.so.2 usr/lib/ld-linux-*.so.* 2>/dev/null | head -n 1) || true
  libraries=$(dirname "$(cd "$1" && ls usr/lib/*/libc.so.6)")
  mkdir "$1/bin"
  for program in "${PROGRAMS[@]}"; do
    path=$(cd "$1" && ls usr/sbin/"$program" usr/bin/"$program" 2>/dev/null | head -n 1) || true
    cat >"$1/bin/$program" <<WRAPPER
#!/bin/sh
exec "$2/$loader" --inhibit-cache --argv0 $program --library-path "$2/$libraries" "$2/$path" "\$@"
WRAPPER
    chmod +x "$1/bin/$program"
  done
}

make_root() { # make_root SUITE WORK: in a directory beside the final one, which is there in one step or not at all
  local suite=$1 work=$2 uri
  uri=$(mirror) || { say "apt has no Debian mirror here" && return 1; }
  [ -e $KEYRING ] || { say "$KEYRING is missing: apt-get install debian-archive-keyring" && return 1; }
  own_apt "$work/apt" "$suite" "$uri"
  export APT_CONFIG=$work/apt/apt.conf
  apt-get -q update
  apt-get -q install -y --download-only $PACKAGE
  unset APT_CONFIG
  mkdir "$work/root"
  unpack "$work/apt/archives" "$work/root"
  wrap "$work/root" "$ROOTS/$suite"
  rm -rf "${ROOTS:?}/$suite"
  mv -T "$work/root" "$ROOTS/$suite" || [ -n "$(version "$suite")" ] # somebody else was quicker
}

make_loudly() { # make_loudly SUITE: tells what apt said only if something went wrong
  local suite=$1 work status=0
  mkdir -p "$ROOTS"
  work=$(mktemp -d "$ROOTS/.$suite.XXXXXX")
  trap "rm -rf '$work'" EXIT
  # A shell of its own: set -e does not work inside a condition.
  timeout 300 bash "$0" --in "$work" "$suite" >"$work/log" 2>&1 </dev/null || status=$?
  [ $status = 0 ] || tail -n 15 "$work/log" >&2
  rm -rf "$work"
  trap - EXIT
  return $status
}

version() { "$ROOTS/$1/bin/ovsdb-server" --version 2>/dev/null | sed -nE 's/^ovsdb-server .*\) //p'; }

see_to() { # see_to SUITE
  if [ -n "$again" ] || [ -z "$(version "$1")" ]; then
    say "making $1"
    make_loudly "$1" && [ -n "$(version "$1")" ] || { say "$1: that did not work" && return 1; }
  fi
  say "$1 has OVS $(version "$1") in $ROOTS/$1"
}

again= remove=
case ${1:-} in
  --in)
    make_root "$3" "$2"
    exit
    ;;
  --again) again=yes && shift ;;
  --remove) remove=yes && shift ;;
  -*) usage ;;
esac
[ $# -gt 0 ] || set -- "${SUITES[@]}"
for suite in "$@"; do
  [[ $suite =~ ^[a-z]+$ ]] || usage
done
status=0
for suite in "$@"; do
  if [ -n "$remove" ]; then
    rm -rf "${ROOTS:?}/$suite"
  else
    see_to "$suite" || status=1
  fi
done
exit $status
