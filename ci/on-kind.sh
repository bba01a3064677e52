#!/usr/bin/env bash
# ci/on-kind.sh [REPORT-DIRECTORY [TESTS...]]: what is run on real ovn-central pods in every CI run, on a cluster of its own
# that is removed in the end, with the Docker that it started: also after a failure, Ctrl-C, and when its time is over.
# TESTS are run in place of CI's, as pytest takes them: ci/on-kind.sh reports scenarios/test_add.py
# Exit code 75, and one line that says why, if it could not be run here: no Docker, or not in time. KIND_BUDGET is for all
# of it: 25 minutes (it takes 9 with images there, 6 more without, twice that on a machine that is very busy).
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

BUDGET=${KIND_BUDGET:-1500}
NOT_HERE=75
REPORT=${1:-.make/reports/kind}
TESTS=("${@:2}")
[ ${#TESTS[@]} -gt 0 ] || TESTS=(
  'scenarios/test_remove.py::test_guarded_remove_keeps_quorum_and_every_write[kind-leads-both-3]'
  tests/kind/test_permissions.py tests/kind/test_bad_input.py -k 'not a_pod_that_is_not_ready'
)
VENV=.make/kind-venv
export LAB_NAME=${LAB_NAME:-ovnswap-ci} LAB_INSTALL=${LAB_INSTALL:-lab}
export LAB_DIR=${LAB_DIR:-$PWD/.make/lab/$LAB_NAME}
running=''

not_here() { echo "SKIPPED: scenarios on kind: $1" && exit $NOT_HERE; }

can_have_docker() {
  timeout 30 docker info >/dev/null 2>&1 || { [ "$(id -u)" = 0 ] && [ -x "${LAB_KINDLAB-../shared/kindlab}/up.sh" ]; }
}

# In the time that is left. In the background, in a process group of its own: a signal is answered at once, not when the
# command has ended, and then ends all of the group.
in_time() { # in_time COMMAND...; 124 if the time is over
  local left=$((BUDGET - SECONDS))
  [ $left -gt 0 ] || return 124
  timeout --kill-after 30 $left "$@" 8>&- &
  running=$!
  local status=0
  wait $running || status=$?
  running=''
  [ $status != 137 ] || status=124 # it had to be killed
  return $status
}

# A virtual environment of its own: what the extra installs is nothing that other runs should find.
make_venv() {
  local python=.venv/bin/python
  [ -x $python ] || python=python3
  [ -x $VENV/bin/pytest ] || in_time $python -m venv $VENV || return
  in_time $VENV/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test,kind]' 2>/dev/null
}

down() {
  trap '' INT TERM HUP # a second Ctrl-C leaves no cluster behind either
  if [ -n "$running" ]; then
    kill "$running" 2>/dev/null && wait "$running" || true
  fi
  timeout 300 ci/lab.sh down >/dev/null 2>&1 8>&- || echo "ci/lab.sh down did not end well; see docker ps" >&2
}

can_have_docker || not_here "Docker does not answer, and nothing here can start it"
exec 8>"${TMPDIR:-/tmp}/$LAB_NAME.lock"
flock -n 8 || not_here "another run works on the cluster $LAB_NAME; LAB_NAME names another one"
trap 'exit 130' INT TERM HUP
trap down EXIT
status=0
make_venv || status=$?
[ $status != 124 ] || not_here "the extra kind was not installed within $BUDGET s"
[ $status = 0 ] || not_here "pip can't install the extra kind"
timeout 300 ci/lab.sh down >/dev/null 2>&1 8>&- || true # what a run has left that was killed
in_time ci/lab.sh up || status=$?
[ $status != 124 ] || not_here "the lab did not stand within $BUDGET s"
[ $status = 0 ] || not_here "the lab could not be made"
# The first failure ends it: the cluster is one for all, and time that runs out later must not hide it.
in_time $VENV/bin/python -m pytest -q -x --durations 10 --ovn-backend kind --ovn-require-backend kind \
  --keep-cluster --ovn-report "$REPORT" --junitxml "$REPORT/junit.xml" "${TESTS[@]}" || status=$?
[ $status != 124 ] || not_here "the tests did not end within $BUDGET s, the lab's making included"
exit $status
