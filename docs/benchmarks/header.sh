#!/usr/bin/env bash
# Prints what a result file starts with: device, date, commit, versions.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
. "$home/.mvn/jdk.sh"
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
changed=$(git -C "$home" status --porcelain --untracked-files=no 2>/dev/null | head -n 1)
printf 'device   %s, %s cores, %s %s\n' "$cpu" "$(nproc)" "$(uname -s)" "$(uname -m)"
printf 'date     %s UTC\n' "$(date -u '+%Y-%m-%d %H:%M')"
printf 'commit   %s%s\n' "$(git -C "$home" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)" \
  "${changed:+ and uncommitted changes}"
printf 'JDK      %s\n' "$("$JAVA_HOME/bin/java" -version 2>&1 | sed -n '2p')"
