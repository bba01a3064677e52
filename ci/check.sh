#!/usr/bin/env bash
# ci/check.sh scenarios|test|lint|bench|compiled|gate|mutants|conformance|track-record|judge-page: what the make targets do once ci/setup.sh has been here.
# Everything is run even if something fails; the last line says what ran where, the exit status whether all was well.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
trap 'exit 130' INT # pytest answers Ctrl-C with a clean end and status 2: begin nothing new after it

REPORTS=.make/reports
failed=()

stage() { # stage NAME COMMAND...
  local name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || failed+=("$name")
}

python() { .venv/bin/python "$@"; }

run_pytest() { # run_pytest NAME WORKERS ARGUMENTS...
  local name=$1 workers=$2
  shift 2
  python -m pytest -q -n "$workers" --dist worksteal --durations 10 --hypothesis-profile "${OVN_PROFILE:-ovn-dev}" \
    --ovn-report "$REPORTS/$name" --junitxml "$REPORTS/$name/junit.xml" "$@"
}

required_only() { # those of OVN_REQUIRE that are named, as options
  local backend wanted=",${OVN_REQUIRE:-},"
  for backend in "$@"; do
    [[ $wanted == *",$backend,"* ]] && printf -- '--ovn-require-backend=%s\n' "$backend"
  done
  return 0
}

lint() {
  stage "ruff check" python -m ruff check .
  stage "ruff format" python -m ruff format --check .
  stage "mypy" python -m mypy
}

scenarios() {
  stage "scenarios on sim" run_pytest sim "${SIM_WORKERS:-2}" scenarios --ovn-backend sim
}

# The OVS of other Debian releases, to be compared with: tests skip those that could not be had.
other_ovs() {
  ! command -v apt-get >/dev/null || ci/ovs-roots.sh || echo "goes on without; what needs them will be skipped"
}

# The same runs each time: a fair sample of what `make gate` tries.
gated() {
  stage "our own procedures, gated" .venv/bin/ovnswap gate guarded --time-budget all --runs "${GATE_RUNS:-30}" \
    --replays 0 --report $REPORTS/gate
}

# Two runs, so that the simulator's load does not disturb real processes, which measure real time.
everything() {
  lint
  ! command -v cc >/dev/null || compiled
  gated
  stage "OVS of other Debian releases" other_ovs
  local required
  mapfile -t required < <(required_only sim)
  stage "tests, and scenarios on sim" run_pytest sim "${SIM_WORKERS:-2}" tests scenarios \
    --ovn-backend sim,ovsdb -m "not real_ovsdb" "${required[@]}"
  mapfile -t required < <(required_only ovsdb)
  stage "tests and scenarios on real ovsdb-server" run_pytest ovsdb "${OVN_WORKERS:-4}" tests scenarios \
    --ovn-backend sim,ovsdb -m real_ovsdb "${required[@]}"
  on_kind
}

# Real ovn-central pods. OVN_KIND: 0 leaves them out, 1 demands them, "auto" runs them where Docker can be had.
on_kind() {
  local status=0
  if [ "${OVN_KIND:-0}" = 0 ]; then
    echo "SKIPPED: scenarios on kind, which need Docker and a quarter of an hour: make test OVN_KIND=1"
    return
  fi
  printf '== scenarios on kind\n'
  ci/on-kind.sh $REPORTS/kind || status=$?
  if [ $status = 75 ] && [ "$OVN_KIND" = auto ] && [[ ",${OVN_REQUIRE:-}," != *,kind,* ]]; then
    return
  fi
  [ $status = 0 ] || failed+=("scenarios on kind")
}

COMPILED=.make/compiled

compiled() {
  stage "compile the model" python bench/compile.py $COMPILED
}

# Without a C compiler only plain Python is measured.
bench() {
  local script
  for script in bench/*.py; do
    [ "$script" = bench/compile.py ] || stage "$script" python "$script"
  done
  command -v cc >/dev/null || return 0
  compiled
  stage "bench/raft_events.py, compiled" python bench/raft_events.py 0.1 $COMPILED
  stage "bench/swaps.py, compiled" python bench/swaps.py 5 $COMPILED
  stage "bench/model_swaps.py, compiled" python bench/model_swaps.py 5 $COMPILED
}

# CASES: names of cases, by blanks; all if empty.
conformance() {
  local cases
  read -ra cases <<<"${CASES:-}"
  stage "OVS of other Debian releases" other_ovs
  PYTHONPATH=. stage "conformance" python tests/conformance/table.py "${cases[@]}"
  [ "${N:-20}" = 0 ] || PYTHONPATH=.:tests/conformance stage "random scripts" python -m differential "${N:-20}" "${FIRST:-0}"
}

# Our own procedures, and how many of their mutants the gate finds. BUDGET is for each procedure.
gate() {
  stage "gate" .venv/bin/ovnswap gate guarded --time-budget "${BUDGET:-60s}" --report $REPORTS/gate
  stage "mutants" .venv/bin/ovnswap gate guarded --mutants --time-budget "${BUDGET:-300s}"
  OVN_MUTANTS=all stage "every recorded kill" python -m pytest -q tests/quality/test_mutants_recorded.py
}

# OF: the subjects; all if empty.
mutants() {
  local subjects
  read -ra subjects <<<"${OF:-guarded documented}"
  stage "mutants" python ci/mutants.py "${subjects[@]}"
}

# BACKENDS: where the known failures are replayed.
track_record() {
  local backends
  read -ra backends <<<"${BACKENDS:-sim ovsdb}"
  stage "track record" python ci/track_record.py "${backends[@]}"
}

finish() {
  local stage
  for stage in "${failed[@]}"; do
    echo "failed: $stage"
  done
  [ ! -d $REPORTS ] || python ci/summary.py $REPORTS
  [ ${#failed[@]} = 0 ]
}

rm -rf $REPORTS
case ${1:-} in
  scenarios) scenarios ;;
  test) everything ;;
  lint) lint ;;
  bench) bench ;;
  compiled) compiled ;;
  gate) gate ;;
  mutants) mutants ;;
  conformance) conformance ;;
  track-record) track_record ;;
  judge-page) stage "the page, judged" python ci/judge_page.py "${RUNS:-0}" 0 ;;
  *) echo "usage: ci/check.sh scenarios|test|lint|bench|compiled|gate|mutants|conformance|track-record|judge-page" >&2 && exit 2 ;;
esac
finish
