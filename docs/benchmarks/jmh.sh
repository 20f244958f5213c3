#!/usr/bin/env bash
# Runs the JMH benchmarks with the gc profiler and writes their results beside this file: host-jmh.txt, or host-jmh-gemm.txt and
# the like if the first argument is one word. Arguments go to JMH, for example a pattern: docs/benchmarks/jmh.sh Forward, or another
# checkpoint: docs/benchmarks/jmh.sh Forward -p model=FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
case ${1-} in
  "" | *[!A-Za-z]*) result=host-jmh.txt ;;
  *) result=host-jmh-$(tr '[:upper:]' '[:lower:]' <<<"$1").txt ;;
esac
raw=$(mktemp)
trap 'rm -f "$raw"' EXIT
"$here/../../tests/jmh" -prof gc -rf text -rff "$raw" "$@"
{
  echo "JMH results of the host backend; see README.md in this folder."
  "$here/header.sh"
  echo "arguments -prof gc $*"
  echo "gflop: GFLOP/s; alloc.rate.norm: bytes of heap an operation allocates"
  echo
  # Of the profiler's lines, only the bytes an operation allocates.
  grep -vE 'gc\.(alloc\.rate |count|time)' "$raw" | sed 's/·gc/gc/'
} | tee "$here/$result"
