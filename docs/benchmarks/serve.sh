#!/usr/bin/env bash
# Measures a server: so many requests at once until it does not get faster, beside `batch` over the same prompts, and then Poisson arrivals at
# parts of that rate. Writes serve.txt beside this file, or serve-NAME.txt. Usage: docs/benchmarks/serve.sh [MODEL [NAME [REQUESTS [TOKENS]]]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=$(cd "$here/../.." && pwd)
model=${1:-$home/models/abacus-mdm}
out=$here/serve${2:+-$2}.txt
requests=${3:-300}
tokens=${4:-48}
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

. "$home/.mvn/jdk.sh"
"$home/palimpsest" --version >/dev/null # builds if need be
head -n "$requests" "$home/models/abacus/eval.jsonl" |
  python3 -c 'import json, sys; [print(json.dumps({"prompt": json.loads(line)["prompt"]})) for line in sys.stdin]' >"$work/prompts.jsonl"
load() {
  "$JAVA_HOME/bin/java" -cp "$home/tests/target/test-classes:$(<"$home/tests/target/classpath.txt")" dev.palimpsest.tests.bench.ServerLoad "$url" \
    --prompts "$work/prompts.jsonl" --requests "$requests" --options "{\"max_tokens\":$tokens}" "$@"
}
serve() { # a fresh server: none has the keys or the compiled code of another measurement
  "$home/palimpsest" serve "$model" --port 0 2>"$work/log" &
  server=$!
  for _ in $(seq 240); do
    url=$(grep -o 'http://[^ ]*' "$work/log" || true)
    [ -z "$url" ] || return 0
    sleep 0.25
  done
  cat "$work/log" >&2
  return 1
}
ended() {
  kill "$server"
  wait "$server" || true
  server=
}
batch() {
  "$home/palimpsest" batch --quiet --json --model "$model" --gen-length "$tokens" --at-once "$1" \
    "$work/prompts.jsonl" "$work/out-$1-$2.jsonl" | python3 -c 'import json, sys; print("%.0f" % json.load(sys.stdin)["tokens_per_second"])'
}

{
  echo "A server under load; see README.md in this folder."
  "$here/header.sh"
  echo "model    $(basename "$model"), $tokens positions a text, $requests requests a row; the client runs on the same machine"
  echo
  echo "At once, not streamed, in turns with batch over the same prompts (tokens/s):"
  echo
  for most in 16 32 64; do
    for turn in 1 2; do
      echo "batch, $most at once: $(batch "$most" "$turn")"
      serve
      load --at-once "$most" | { [ "$most$turn" = 161 ] && cat || tail -n 1; }
      ended
    done
  done | tee "$work/closed"
  best=$(awk -F'|' '/at once \|/ && $5 > most { most = $5 } END { print most }' "$work/closed")
  rates=$(awk -v best="$best" 'BEGIN { printf "%.3g,%.3g,%.3g,%.3g", best * 0.25, best * 0.5, best * 0.75, best * 0.95 }')
  echo
  echo "Poisson arrivals at 25, 50, 75 and 95 % of the fastest row above, streamed with step frames; good is an end within 2 s:"
  echo
  serve
  load --rates "$rates" --good-seconds 2
  ended
} | tee "$out"
