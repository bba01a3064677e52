#!/bin/bash
# Readiness and liveness: both servers answer, and neither has failed or is a candidate that sees nobody.
. /kube-ovn/profile.sh
. /kube-ovn/actions.sh

healthy() { # healthy STATUS-TEXT
  local status role
  status=$(sed -n 's/^Status: //p' <<<"$1")
  role=$(sed -n 's/^Role: //p' <<<"$1")
  [[ $status != *failed* ]] || return 1
  [[ $status != *disconnected* || $role != candidate ]] || return 1
  [ "$JOINING_IS_HEALTHY" = 1 ] || [[ $status != *joining* ]]
}

# A test gives the texts of both databases itself.
if [ "${1:-}" = --texts ]; then
  healthy "$2" && healthy "$3"
  exit
fi
for db in nb sb; do
  text=$(ovs-appctl -T 30 -t "$(control $db)" cluster/status ${SCHEMA[$db]} 2>&1) && healthy "$text" || exit 1
done
