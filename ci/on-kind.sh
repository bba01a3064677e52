#!/usr/bin/env bash
# ci/on-kind.sh [REPORT-DIRECTORY]: what is run on real ovn-central pods in every CI run, on a cluster of its own that is
# removed in the end. Exit code 75, and one line that says why, if it could not be run here: no Docker, or not in time. The
# budget: 25 minutes until the cluster stands (3 with images there), 25 for the tests (15 on a machine that is very busy).
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

LAB_BUDGET=1500 TEST_BUDGET=1500
NOT_HERE=75
REPORT=${1:-.make/reports/kind}
VENV=.make/kind-venv
export LAB_NAME=${LAB_NAME:-ovnswap-ci} LAB_INSTALL=${LAB_INSTALL:-lab}
export LAB_DIR=${LAB_DIR:-$PWD/.make/lab/$LAB_NAME}

not_here() { echo "SKIPPED: scenarios on kind: $1" && exit $NOT_HERE; }

can_have_docker() {
  docker info >/dev/null 2>&1 || { [ "$(id -u)" = 0 ] && [ -x "${LAB_KINDLAB-../shared/kindlab}/up.sh" ]; }
}

# A virtual environment of its own: what the extra installs is nothing that other runs should find.
make_venv() {
  local python=.venv/bin/python
  [ -x $python ] || python=python3
  [ -x $VENV/bin/pytest ] || $python -m venv $VENV
  $VENV/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test,kind]' 2>/dev/null
}

down() {
  timeout 300 ci/lab.sh down >/dev/null 2>&1 || echo "ci/lab.sh down did not end well; see docker ps" >&2
}

can_have_docker || not_here "Docker does not answer, and nothing here can start it"
make_venv || not_here "pip can't install the extra kind"
trap down EXIT
trap 'exit 130' INT TERM
if ! timeout $LAB_BUDGET ci/lab.sh up; then
  not_here "the lab could not be made within $LAB_BUDGET s"
fi
status=0
timeout $TEST_BUDGET $VENV/bin/python -m pytest -q --durations 10 --ovn-backend kind --ovn-require-backend kind \
  --keep-cluster --ovn-report "$REPORT" --junitxml "$REPORT/junit.xml" \
  'scenarios/test_remove.py::test_guarded_remove_keeps_quorum_and_every_write[kind-leads-both-3]' \
  tests/kind/test_permissions.py tests/kind/test_bad_input.py -k 'not a_pod_that_is_not_ready' || status=$?
[ $status != 124 ] || not_here "the tests did not end within $TEST_BUDGET s"
exit $status
