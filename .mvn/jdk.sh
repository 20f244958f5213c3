# Sourced by mvnw and palimpsest, in POSIX sh: sets and exports JAVA_HOME to a JDK 25 or newer, or exits 1.
# JAVA_HOME wins if it is new enough, then `java` on the PATH, then the lowest fitting version installed in a usual place.

# Succeeds if $1 is a JDK 25 or newer; leaves its feature version ("25") in $version.
palimpsest_jdk_fits() {
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
  version=$(sed -n 's/^JAVA_VERSION="\{0,1\}\([0-9][0-9]*\).*/\1/p' "$1/release")
  [ "${version:-0}" -ge 25 ]
}

# Prints the JDK's folder. Runs in a subshell, so its variables and options stay its own.
palimpsest_find_jdk() {
  set +f
  on_path=$(command -v java) && on_path=$(readlink -f "$on_path" 2>/dev/null) || on_path=
  for jdk in "${JAVA_HOME-}" "${on_path%/bin/java}"; do
    if [ -n "$jdk" ] && palimpsest_jdk_fits "$jdk"; then
      printf '%s\n' "$jdk"
      return
    fi
  done
  found=
  lowest=
  for jdk in /usr/lib/jvm/* "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/* /opt/*jdk* /opt/*/*jdk* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    if palimpsest_jdk_fits "$jdk" && [ "$version" -lt "${lowest:-$((version + 1))}" ]; then
      found=$jdk
      lowest=$version
    fi
  done
  if [ -z "$found" ] && [ -x /usr/libexec/java_home ]; then
    found=$(/usr/libexec/java_home -v 25+ 2>/dev/null) || found=
  fi
  if [ -z "$found" ]; then
    echo "Palimpsest needs a JDK 25 or newer and found none: install one (for example Eclipse Temurin 25) or set JAVA_HOME to it." >&2
    return 1
  fi
  printf '%s\n' "$found"
}

JAVA_HOME=$(palimpsest_find_jdk) || exit 1
export JAVA_HOME
