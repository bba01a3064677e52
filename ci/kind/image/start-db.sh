#!/bin/bash
# ovn-central's PID 1. However it ends, it stops what it has started and says that all went well.
. /kube-ovn/profile.sh
. /kube-ovn/actions.sh
. /kube-ovn/decisions.sh

mkdir -p $RUN $LOG /etc/ovn

quit() {
  stop_all
  exit 0
}
trap quit EXIT
trap 'exit 0' TERM INT

decide
