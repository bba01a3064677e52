#!/bin/bash
# start-client.sh nb|sb: what stands for ovs-ovn (sb) and kube-ovn-controller (nb). No data plane is made; each keeps a
# session with a leader among OVN_DB_IPS and looks for another when that ends, as the real ones do.
. /kube-ovn/actions.sh

declare -A TABLE=([nb]=NB_Global [sb]=SB_Global)
servers=''
for ip in ${OVN_DB_IPS//,/ }; do
  servers+=,$PROTO:[$ip]:${PORT[$1]}
done
trap 'kill $! 2>/dev/null; exit 0' TERM INT
echo "ovn-remote=${servers#,}"
while true; do
  ovsdb-client "${SSL[@]}" --leader-only monitor "${servers#,}" "${SCHEMA[$1]}" "${TABLE[$1]}" >/dev/null 2>&1 &
  wait $!
  sleep 1 &
  wait $!
done
