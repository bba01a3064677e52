# What the start script does: files, servers, questions to other servers. Verbs that may fail set ERROR ("" if all went well).
# Stock tools only: fix-cluster, join-cluster --sid, rejoin-cluster and db-raft-header are Kube-OVN's own additions to
# ovsdb-tool, of which all but the first are made here from what stock ovsdb-tool writes.
# shellcheck shell=bash

RUN=/var/run/ovn
LOG=/var/log/ovn
TLS=/var/run/tls
PROTO=tcp SSL=()
if [ "${ENABLE_SSL:-false}" = true ]; then
  PROTO=ssl SSL=(--private-key=$TLS/key --certificate=$TLS/cert --ca-cert=$TLS/cacert)
fi
declare -A SCHEMA=([nb]=OVN_Northbound [sb]=OVN_Southbound) PORT=([nb]=6641 [sb]=6642) RAFT_PORT=([nb]=6643 [sb]=6644)

file() { echo "/etc/ovn/ovn$1_db.db"; }
header() { echo "/etc/ovn/ovn$1_db.hdr"; }
socket() { echo "$RUN/ovn$1_db.sock"; }
control() { echo "$RUN/ovn$1_db.ctl"; }
own_address() { echo "${DB_CLUSTER_ADDR:-$POD_IP}"; }
raft_address() { echo "$PROTO:[$2]:${RAFT_PORT[$1]}"; } # raft_address DB IP

say() { echo "$(date +%T) $*"; }
pause() { sleep "$1"; }

tried() { # tried COMMAND...: ERROR is what it said when it failed
  local text
  ERROR=''
  text=$("$@" 2>&1) || ERROR=${text:-exit code $?}
}

# -- files -------------------------------------------------------------------------------------------------------------

file_state() { # file_state DB: sets KIND JOINED AGE HEALTHY SID HEADER HEADER_CID HEADER_SID
  local path verdict
  path=$(file "$1")
  KIND=clustered JOINED=1 AGE=0 HEALTHY=1 SID='' HEADER=0 HEADER_CID='' HEADER_SID=''
  if [ -e "$(header "$1")" ]; then
    HEADER=1
    read -r HEADER_CID HEADER_SID <"$(header "$1")"
  fi
  if [ ! -e "$path" ]; then
    KIND=missing
  elif [ "$(ovsdb-tool db-name "$path" 2>/dev/null)" != "${SCHEMA[$1]}" ]; then
    KIND=garbage
  elif ovsdb-tool db-is-standalone "$path" 2>/dev/null; then
    KIND=standalone
  else
    verdict=$(ovsdb-tool check-cluster "$path" 2>&1) || HEALTHY=0
    [[ $verdict != *"has not joined the cluster"* ]] || JOINED=0
    AGE=$(age "$path")
    SID=$(ovsdb-tool db-sid "$path" 2>/dev/null)
  fi
}

# Seconds since the inode was born. Where stat or the file system does not know, since the last write: nothing is
# written to a file that has not joined.
age() {
  local born
  born=$(stat -c %W "$1")
  [[ $born =~ ^[1-9][0-9]*$ ]] || born=$(stat -c %Y "$1")
  echo $(($(date +%s) - born))
}

remove_file() { rm -f "$(file "$1")"; }
archive_file() { move_aside "$(file "$1")"; }
archive_header() { move_aside "$(header "$1")"; }
move_aside() { mv -f "$1" "$1.backup-$(date +%s)-$RANDOM"; }

create_cluster() { # create_cluster DB [CONTENTS]
  local contents=${2:-/usr/share/ovn/ovn-$1.ovsschema}
  tried ovsdb-tool --election-timer="$ELECTION_MS" create-cluster "$(file "$1")" "$contents" "$(raft_address "$1" "$(own_address)")"
}

create_standalone() {
  ERROR=''
  [ -e "$(file "$1")" ] || tried ovsdb-tool create "$(file "$1")" "/usr/share/ovn/ovn-$1.ovsschema"
}

convert_standalone() {
  local aside
  aside=$(file "$1").backup-$(date +%s)-$RANDOM
  mv -f "$(file "$1")" "$aside"
  create_cluster "$1" "$aside"
}

join_cluster() { # join_cluster DB CID SID REMOTE...
  local db=$1 cid=$2 sid=$3 ip remotes=()
  shift 3
  for ip; do
    remotes+=("$(raft_address "$db" "$ip")")
  done
  rm -f "$(file "$db")"
  tried ovsdb-tool ${cid:+--cid="$cid"} join-cluster "$(file "$db")" "${SCHEMA[$db]}" "$(raft_address "$db" "$(own_address)")" "${remotes[@]}"
  [ -n "$ERROR" ] || [ -z "$sid" ] || set_server_id "$(file "$db")" "$sid"
}

set_server_id() { # a join file is one record: its length, its SHA-1, and the header as JSON
  local body LC_ALL=C
  body=$(tail -n +2 "$1" | sed "s/\"server_id\":\"[^\"]*\"/\"server_id\":\"$2\"/")
  printf 'OVSDB CLUSTER %d %s\n%s\n' $((${#body} + 1)) "$(printf '%s\n' "$body" | sha1sum | cut -d' ' -f1)" "$body" >"$1.new"
  mv -f "$1.new" "$1"
}

rejoin() { # rejoin DB REMOTE...
  local db=$1 cid sid
  shift
  read -r cid sid <"$(header "$db")"
  if usable "$sid"; then
    usable "$cid" || cid=''
    join_cluster "$db" "$cid" "$sid" "$@"
  else
    ERROR='ovsdb-tool: no usable raft header'
  fi
}

fix_cluster() { return 1; } # stock ovsdb-tool has no fix-cluster

# -- other servers -----------------------------------------------------------------------------------------------------

ask_server() { # ask_server IP DB COLUMN
  local where="[[\"name\",\"==\",\"${SCHEMA[$2]}\"]]"
  timeout 10 ovsdb-client "${SSL[@]}" query "$PROTO:[$1]:${PORT[$2]}" \
    "[\"_Server\",{\"op\":\"select\",\"table\":\"Database\",\"where\":$where,\"columns\":[\"$3\"]}]" 2>/dev/null
}

leads() { [[ $(ask_server "$1" "$2" leader) == *'"leader":true'* ]]; } # leads IP DB

live_cluster_ids() { # live_cluster_ids DB IP...: sets FOUND, each id once
  local db=$1 ip text cid
  shift
  FOUND=()
  for ip; do
    text=$(ask_server "$ip" "$db" cid)
    [[ $text =~ \"uuid\",\"([0-9a-f-]+)\" ]] || continue
    cid=${BASH_REMATCH[1]}
    [[ " ${FOUND[*]} " == *" $cid "* ]] || FOUND+=("$cid")
  done
}

# -- own servers -------------------------------------------------------------------------------------------------------

start_server() { # start_server DB BOOTSTRAP
  local bind=0.0.0.0
  [ "${ENABLE_BIND_LOCAL_IP:-true}" != true ] || bind=[$POD_IP]
  rm -f "$(control "$1")" "$(socket "$1")"
  tried ovsdb-server --detach --monitor --no-chdir -vconsole:emer -vsyslog:off -vfile:info \
    --log-file="$LOG/ovsdb-server-$1.log" --pidfile="$RUN/ovn$1_db.pid" --unixctl="$(control "$1")" \
    --remote="punix:$(socket "$1")" --remote="p$PROTO:${PORT[$1]}:$bind" "${SSL[@]}" "$(file "$1")"
}

await_connected() { ovsdb-client --timeout=30 wait "unix:$(socket "$1")" "${SCHEMA[$1]}" connected >/dev/null 2>&1 || true; }

start_northd() { # start_northd IP...: the local sockets if none is given
  local db ip
  local -A servers
  for db in nb sb; do
    servers[$db]=''
    for ip; do
      servers[$db]+=,$PROTO:[$ip]:${PORT[$db]}
    done
    servers[$db]=${servers[$db]#,}
  done
  ovn-northd --detach --monitor --no-chdir -vconsole:emer -vsyslog:off -vfile:info --log-file=$LOG/ovn-northd.log \
    "${SSL[@]}" \
    --pidfile=$RUN/ovn-northd.pid --unixctl=$RUN/ovn-northd.ctl --n-threads="${OVN_NORTHD_N_THREADS:-1}" \
    --ovnnb-db="${servers[nb]:-unix:$(socket nb)}" --ovnsb-db="${servers[sb]:-unix:$(socket sb)}"
}

# Without a time limit: it ends when there is a leader. The first command makes the one row of each database.
write_global() {
  ovn-nbctl --no-leader-only --db="unix:$(socket nb)" init -- \
    set NB_Global . options:northd_probe_interval="${OVN_NORTHD_PROBE_INTERVAL:-5000}"
  ovn-sbctl --no-leader-only --db="unix:$(socket sb)" init
}

stop_all() {
  local name
  for name in ovn-northd ovnnb_db ovnsb_db; do
    [ ! -S $RUN/$name.ctl ] || ovs-appctl -T 5 -t $RUN/$name.ctl exit >/dev/null 2>&1 || true
  done
}

serve() {
  /kube-ovn/leader-checker.sh &
  wait $!
}
