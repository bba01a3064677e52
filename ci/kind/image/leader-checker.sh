#!/bin/bash
# Every few seconds: labels of this pod say what its own servers lead; raft headers are saved; a leader that sees another
# one, or fewer members than NODE_IPS has items (in the releases that did that), ends the pod.
# Labels of a pod whose servers can't be asked are left as they are.
. /kube-ovn/profile.sh
. /kube-ovn/actions.sh

declare -A STRIKES=([nb]=0 [sb]=0)
LABELLED=''

leads_here() { # leads_here DB: prints true or false; fails if the server does not answer
  local text where="[[\"name\",\"==\",\"${SCHEMA[$1]}\"]]"
  text=$(timeout 5 ovsdb-client query "unix:$(socket "$1")" \
    "[\"_Server\",{\"op\":\"select\",\"table\":\"Database\",\"where\":$where,\"columns\":[\"leader\"]}]" 2>/dev/null) || return 1
  [[ $text == *'"leader":true'* ]] && echo true || echo false
}

northd_leads() {
  local text
  text=$(ovs-appctl -T 5 -t $RUN/ovn-northd.ctl status 2>/dev/null) || return 1
  [[ $text == *active* ]] && echo true || echo false
}

api() { # api KUBECTL-ARGUMENT...: as this pod's service account
  local at=/var/run/secrets/kubernetes.io/serviceaccount host=$KUBERNETES_SERVICE_HOST
  [[ $host != *:* ]] || host=[$host]
  timeout 10 kubectl --server="https://$host:$KUBERNETES_SERVICE_PORT" --certificate-authority=$at/ca.crt \
    --token="$(<$at/token)" -n "$POD_NAMESPACE" "$@"
}

label() { # label NB SB NORTHD: again now and then, for somebody else may have changed them
  local wanted=("ovn-nb-leader=$1" "ovn-sb-leader=$2" "ovn-northd-leader=$3")
  if [ "${wanted[*]}" != "$LABELLED" ] || ((++SINCE >= 12)); then
    api label pod "$POD_NAME" "${wanted[@]}" --overwrite >/dev/null || return 0
    LABELLED=${wanted[*]} SINCE=0
  fi
}

save_header() { # save_header DB: cluster id and server id, to outlive the file
  local cid sid
  [ "$GENERATION" != no_header ] || return 0
  cid=$(ovsdb-tool db-cid "$(file "$1")" 2>/dev/null) && sid=$(ovsdb-tool db-sid "$(file "$1")" 2>/dev/null) || return 0
  echo "$cid $sid" >"$(header "$1").new"
  mv -f "$(header "$1").new" "$(header "$1")"
}

judge() { # judge DB: this server leads
  local ip items others=() servers
  read -ra items <<<"${NODE_IPS//,/ }"
  if [ "$DUPLICATE_STRIKES" -gt 0 ]; then
    for ip in "${items[@]}"; do
      [ "$ip" = "$(own_address)" ] || ! leads "$ip" "$1" || others+=("$ip")
    done
    [ ${#others[@]} -gt 0 ] && ((++STRIKES[$1])) || STRIKES[$1]=0
    if [ "${STRIKES[$1]}" -ge "$DUPLICATE_STRIKES" ]; then
      say "$1: multiple leaders, also ${others[*]}"
      exit 1
    fi
  fi
  if [ "$INTEGRITY_CHECK" = 1 ]; then
    servers=$(ovs-appctl -T 5 -t "$(control "$1")" cluster/status "${SCHEMA[$1]}" | sed -n '/^Servers:/,$p' | grep -c ' at ')
    if [ "$servers" -lt ${#items[@]} ]; then
      say "$1: $servers servers, ${#items[@]} in NODE_IPS"
      remove_file "$1"
      exit 1
    fi
  fi
}

look() {
  local nb sb northd
  nb=$(leads_here nb) && sb=$(leads_here sb) && northd=$(northd_leads) || return 0
  label "$nb" "$sb" "$northd"
  save_header nb
  save_header sb
  if [ "$nb" = true ]; then judge nb; else STRIKES[nb]=0; fi
  if [ "$sb" = true ]; then judge sb; else STRIKES[sb]=0; fi
}

while true; do
  look
  sleep "${OVN_LEADER_PROBE_INTERVAL:-5}"
done
