#!/usr/bin/env bash
# A real S3 server for the tests of the lake: moto, from Python's package registry, in a directory of its own, which the
# tests find. Where it cannot be had, those tests are skipped and say so.
set -euo pipefail

version=5.2.5
directory="${XDG_CACHE_HOME:-$HOME/.cache}/tidemark/moto-$version"
[ -x "$directory/bin/moto_server" ] && exit 0
python3 -c 'import ensurepip, venv' 2>/dev/null || {
  echo 'moto needs python3 with venv (Debian: apt-get install python3-venv)' >&2
  exit 1
}
# Made aside: a directory that is there is whole.
aside="$directory.$$"
mkdir -p "$(dirname "$directory")"
trap 'rm -rf "$aside"' EXIT
python3 -m venv "$aside"
"$aside/bin/pip" install --quiet --disable-pip-version-check "moto[s3]==$version" flask flask-cors
# Programs of an environment name its path.
sed -i "s|$aside|$directory|g" "$aside"/bin/*_server "$aside"/bin/pip* 2>/dev/null || true
mv "$aside" "$directory"
trap - EXIT
