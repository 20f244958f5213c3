#!/usr/bin/env bash
# Writes the gallery again: a trace for every line of problems.jsonl, and all of them as one page.
set -euo pipefail
cd "$(dirname "$0")"
number=0
while IFS= read -r line; do
  number=$((number + 1))
  prompt=$(sed 's/^{"prompt": "\(.*\)", "answer".*$/\1/' <<<"$line")
  "${PALIMPSEST:-../../palimpsest}" generate --dtype f32 --no-watch --trace-predictions \
    --trace "$(printf '%02d.trace.jsonl.zst' "$number")" "$prompt" </dev/null 2>/dev/null
done <problems.jsonl
"${PALIMPSEST:-../../palimpsest}" view --to gallery.html [0-9][0-9].trace.jsonl.zst
