#!/bin/bash
# Asks the completion as bash would: completion_test.bash PATH/TO/fusebox
set -eu
fusebox=$1
compopt() { :; }  # only works inside a real completion
# shellcheck source=tools/completions/fusebox.bash
source "$(dirname "$0")/fusebox.bash"

failed=0
offers() {  # WANTED WORDS...: the last of WORDS is the one being typed
  local wanted=$1
  shift
  COMP_WORDS=("$fusebox" "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _fusebox
  if ! printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "$wanted"; then
    echo "completion: '$*' does not offer '$wanted' but: ${COMPREPLY[*]}" >&2
    failed=1
  fi
}

offers run ru
offers doctor ""
offers --profile run --prof
offers --log run --write /tmp --l
offers --device-nodes run --cow --dev
offers strict run --profile s
offers explain policy ex
offers --op policy explain --o
offers --denied log --d
offers --debug script --d
offers apply ap
offers --text diff some-box --t
offers --dry-run apply --d
offers import seccomp i
offers --bpf seccomp export --b
offers none seccomp check --caps n
offers --seccomp run --sec
exit $failed
