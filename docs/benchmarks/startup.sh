#!/usr/bin/env bash
# Measures the time from process start to the first snapshot of the demo, RUNS times (default 10), and where it goes.
# Writes startup.txt beside this file. Usage: docs/benchmarks/startup.sh [RUNS]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=$(cd "$here/../.." && pwd)
runs=${1:-10}
prompt="Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar. How many marbles does Maya have now?"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

"$home/palimpsest" generate --no-watch "$prompt" >/dev/null 2>&1 # builds if need be, and fills the page cache
. "$home/.mvn/jdk.sh"

millis() { # millis COMMAND...: wall-clock milliseconds of a command
  local begin end
  begin=$(date +%s%N)
  "$@" >/dev/null 2>&1
  end=$(date +%s%N)
  echo $(((end - begin) / 1000000))
}

for ((run = 0; run < runs; run++)); do
  echo "$(millis "$JAVA_HOME/bin/java" -version)|bare JVM: java -version, start to end" >>"$lines"
  echo "$(PALIMPSEST_JVM_OPTS=-version millis "$home/palimpsest")|launcher and JVM without the program, start to end" >>"$lines"
  "$home/palimpsest" generate --verbose --no-watch "$prompt" 2>&1 >/dev/null |
    sed -n 's/^ *\([0-9][0-9]*\) ms  \(.*\)$/\1|from process start: \2/p' >>"$lines"
done

{
  echo "Start of ./palimpsest generate, $runs runs after one that is not counted; see README.md in this folder."
  "$here/header.sh"
  if [ -f "$home/app/target/run/classes.jsa" ]; then echo "classes  from the launcher's archive"; else echo "classes  no archive"; fi
  echo
  echo "milliseconds: min median max"
  cut -d'|' -f2 "$lines" | awk '!seen[$0]++' | while IFS= read -r label; do
    awk -F'|' -v label="$label" '$2 == label { print $1 }' "$lines" | sort -n |
      awk -v label="$label" '{ v[NR] = $1 }
        END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; printf "%6d %6.0f %6d  %s\n", v[1], m, v[NR], label }'
  done
} | tee "$here/startup.txt"
