# What the start script decides, and nothing that it does: each verb (file_state, leads, join_cluster ...) is a function
# of actions.sh, or of a test. The same table as fake_kube/start_script.py; tests/unit/test_lab_start_script.py runs both.
# The release's rules are variables that ci/kind/release_rules.py prints: GENERATION, GATE_EXACT, PURGE_UNJOINED ...
# shellcheck shell=bash

BOTH=(nb sb)
LOOKUP_ATTEMPTS=7
LOOKUP_PAUSE=10

give_up() { exit 1; } # the EXIT trap of start-db.sh makes it 0

usable() { [[ $1 == *[!0-]* ]]; } # an id that is there and not all zeros

in_node_ips() { # in_node_ips NODE_IPS OWN
  if [ "$GATE_EXACT" = 1 ]; then
    [[ ",$1," == *",$2,"* ]]
  else
    [[ $1 == *"$2"* ]]
  fi
}

decide() {
  local ips=${NODE_IPS:-} own=${DB_CLUSTER_ADDR:-${POD_IP:-}}
  [ "$GATE_STRIPS_SPACES" = 0 ] || ips=${ips//[[:space:]]/}
  if [ -n "$ips" ]; then
    clustered "$ips" "$own"
  else
    standalone
  fi
  serve
}

clustered() { # clustered NODE_IPS OWN
  local own=$2 db ip peers others=()
  if ! in_node_ips "$1" "$own"; then
    say "ERROR! host ip $own not in env NODE_IPS $1"
    give_up
  fi
  read -ra peers <<<"${1//,/ }"
  for ip in "${peers[@]}"; do
    [ "$ip" = "$own" ] || others+=("$ip")
  done
  stop_all
  for db in "${BOTH[@]}"; do
    pre_start "$db" "${others[@]}"
  done
  local -A remote
  choose_remotes "$own" "${peers[@]}"
  start_all "${peers[@]}"
}

# Fills remote[nb] and remote[sb]; empty: this node may bootstrap. Only nb is asked whether there is a cluster.
choose_remotes() { # choose_remotes OWN PEER...
  local own=$1 db first=$2
  shift
  remote=([nb]=$first [sb]=$first)
  if find_leader nb "$@"; then
    for db in "${BOTH[@]}"; do
      ! find_leader "$db" "$@" || remote[$db]=$LEADER
    done
  elif [ "$first" = "$own" ]; then
    remote=([nb]='' [sb]='')
  fi
}

find_leader() { # find_leader DB PEER...: sets LEADER
  local db=$1 ip
  shift
  for ip; do
    if leads "$ip" "$db"; then
      LEADER=$ip
      return 0
    fi
  done
  return 1
}

standalone() {
  local db
  for db in "${BOTH[@]}"; do
    create_standalone "$db"
    start_server "$db" ''
  done
  start_northd
}

# A server that does not run is noticed only when everything has been started.
start_all() { # start_all PEER...
  local db failed=0
  for db in "${BOTH[@]}"; do
    prepare "$db" "${remote[$db]}"
    if [ -n "$ERROR" ]; then
      failed=1
      say "$ERROR"
      continue
    fi
    start_server "$db" "$([ -n "${remote[$db]}" ] || echo bootstrap)"
    if [ -n "$ERROR" ]; then
      failed=1
      say "$ERROR"
    fi
    await_connected "$db"
  done
  start_northd "$@"
  [ -n "${remote[nb]}" ] || write_global
  [ $failed = 0 ] || give_up
}

# ovs-lib's create_cluster or join_cluster: only a missing or a standalone file is touched.
prepare() { # prepare DB REMOTE
  ERROR=''
  file_state "$1"
  case $KIND,${2:+remote} in
    clustered,*) ;;
    missing,) create_cluster "$1" ;;
    *,) convert_standalone "$1" ;;
    missing,remote) join_cluster "$1" '' '' "$2" ;;
    *) archive_file "$1" && join_cluster "$1" '' '' "$2" ;;
  esac
}

# -- before anything is started: lost and bad files --------------------------------------------------------------------

pre_start() { # pre_start DB OTHER...
  local db=$1 missing=0
  shift
  file_state "$db"
  [ "$KIND" != missing ] || missing=1
  if [ "$KIND" = garbage ]; then
    say "ovn db file /etc/ovn/ovn${db}_db.db is corrupted"
    archive_file "$db"
    missing=1
  fi
  if [ $missing = 1 ]; then
    [ "$HEADER" = 0 ] || [ "$GENERATION" = no_header ] || from_header "$db" "$@"
  elif [ "$KIND" = clustered ] && [ "$JOINED" = 0 ]; then
    purge "$db"
  elif [ "$KIND" = clustered ] && [ "$HEALTHY" = 0 ]; then
    repair "$db" "$@"
  fi
}

# A file that never joined is given up after a while; older scripts keep the header, and so the old server id.
purge() { # purge DB
  local file=/etc/ovn/ovn${1}_db.db
  [ -n "$PURGE_UNJOINED" ] && [ "$AGE" -ge "$PURGE_UNJOINED" ] || return 0
  if [ "$GENERATION" != live_cid ]; then
    say "ovn db file $file exists for more than 120s, remove it."
    remove_file "$1"
    return
  fi
  say "ovn db file $file exists for more than 120s, archive it."
  archive_file "$1"
  [ "$HEADER" = 0 ] || archive_header "$1"
}

# check-cluster failed: fix in place, else rebuild under the old server id.
repair() { # repair DB OTHER...
  local db=$1 cid=''
  shift
  if [ "$FIX_CLUSTER" = 1 ] && fix_cluster "$db"; then
    return
  fi
  if [ "$GENERATION" = header ] && [ "$HEADER" = 1 ]; then
    remove_file "$db"
    rejoin "$db" "$@"
    [ -n "$ERROR" ] || return 0
  fi
  [ "$REBUILD_CLUSTER" = 1 ] || return 0
  if ! usable "$SID"; then
    say "failed to get sid from db file /etc/ovn/ovn${db}_db.db"
    give_up
  fi
  if [ "$GENERATION" = live_cid ]; then
    live_cluster_ids "$db" "$@"
    if [ ${#FOUND[@]} != 1 ]; then
      say "failed to get live cluster ID for $db"
      give_up
    fi
    cid=${FOUND[0]}
  fi
  [ $# -gt 0 ] || return 0
  join_cluster "$db" "$cid" "$SID" "$@"
  [ -z "$ERROR" ] || give_up
  [ "$GENERATION" != live_cid ] || [ "$HEADER" = 0 ] || archive_header "$db"
}

# The file is gone, its header is not.
from_header() { # from_header DB OTHER...
  local db=$1 live=''
  shift
  if [ "$GENERATION" = header ]; then
    rejoin "$db" "$@"
    [ -n "$ERROR" ] || return 0
    say "$ERROR"
    give_up
  fi
  if [ $# = 0 ] || ! usable "$HEADER_SID"; then
    archive_header "$db"
    return
  fi
  live_cluster_id "$db" "$@"
  if usable "$HEADER_CID" && { [ -z "$live" ] || [ "$live" = "$HEADER_CID" ]; }; then
    rejoin "$db" "$@"
    [ -n "$ERROR" ] || return 0
    archive_file "$db"
  fi
  if [ -z "$live" ]; then
    say "no reachable $db cluster found; continue with clean bootstrap"
    archive_header "$db"
    return
  fi
  join_cluster "$db" "$live" "$HEADER_SID" "$@"
  [ -z "$ERROR" ] || give_up
  archive_header "$db"
}

live_cluster_id() { # live_cluster_id DB OTHER...: sets live; several tries, two different ids end the script
  local attempt
  for ((attempt = 0; attempt < LOOKUP_ATTEMPTS; attempt++)); do
    [ $attempt = 0 ] || pause $LOOKUP_PAUSE
    live_cluster_ids "$@"
    if [ ${#FOUND[@]} -gt 1 ]; then
      say "conflicting live cluster IDs ${FOUND[0]} and ${FOUND[1]} for $1"
      give_up
    fi
    live=${FOUND[0]:-}
    [ -z "$live" ] || return 0
  done
}
