#!/usr/bin/env bash
# gate.sh BASE DIRECTORY [OPTIONS of ovnswap gate]: gate every runbook below DIRECTORY that differs from the commit BASE,
# each against what it was there; of a page with two procedures, both. Plain git and ovnswap: works in any CI.
# Exit code: the gravest of all (0 passed, 1 failed).
# Reports go to gate-report/, one directory for each runbook. OVNSWAP_COMMAND is how ovnswap is called.
set -uo pipefail

if [ $# -lt 2 ]; then
  echo "usage: gate.sh BASE DIRECTORY [OPTIONS of ovnswap gate]" >&2
  exit 2
fi
base=$1 directory=$2
shift 2
read -ra command <<<"${OVNSWAP_COMMAND:-ovnswap}"
git rev-parse --quiet --verify "$base^{commit}" >/dev/null || { echo "gate.sh: no commit $base: fetch it first" >&2; exit 2; }

mapfile -d '' -t changed < <(git diff -z --name-only --diff-filter=AMR "$base" -- "$directory")
worst=0 number=0
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
for file in "${changed[@]}"; do
  case $file in *.md | *.txt | *.sh | *.bash) ;; *) continue ;; esac
  number=$((number + 1))
  against=()
  if git cat-file -e "$base:$file" 2>/dev/null; then
    mkdir -p "$old/$number"
    git show "$base:$file" >"$old/$number/${file##*/}"
    against=(--against "$old/$number/${file##*/}")
  fi
  "${command[@]}" gate "$file" "${against[@]}" --verb all --report "gate-report/$number-${file##*/}" "$@"
  code=$?
  # A page that could not be read before has nothing to be compared with.
  if [ $code = 2 ] && [ ${#against[@]} -gt 0 ]; then
    "${command[@]}" lint "${against[1]}" --verb all >/dev/null 2>&1
    if [ $? = 2 ]; then
      "${command[@]}" gate "$file" --verb all --report "gate-report/$number-${file##*/}" "$@"
      code=$?
    fi
  fi
  [ $code -gt $worst ] && worst=$code
done
[ $number -gt 0 ] || echo "gate.sh: no runbook below $directory differs from $base"
exit $worst
