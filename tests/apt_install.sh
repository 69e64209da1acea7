#!/bin/sh
# Installs one Debian package for the tests: no service starts and no database cluster is made on the user's
# machine. Two files say so to the package manager while it works; they are gone, or as they were, at the end.
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/tagwerk.conf

undo() {
  rm -f "$policy" "$cluster"
  [ ! -e "$policy.kept" ] || mv "$policy.kept" "$policy"
}

install() {
  apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=20 "$1" </dev/null
}

mkdir -p /run/lock
exec 9>/run/lock/tagwerk-services
flock 9
# Left behind by an install that was killed.
if grep -qs 'while the tests of tagwerk install' "$policy"; then undo; fi
trap undo EXIT
trap 'exit 1' HUP INT TERM
[ ! -e "$policy" ] || mv "$policy" "$policy.kept"
printf '#!/bin/sh\n# while the tests of tagwerk install\nexit 101\n' >"$policy"
chmod 755 "$policy"
if [ "$1" = postgresql ]; then
  mkdir -p "${cluster%/*}"
  echo 'create_main_cluster = false' >"$cluster"
fi
# A fresh machine has no package lists, an old one has lists of files that are gone.
install "$1" || { apt-get update -qq && install "$1"; }
