#!/usr/bin/env bash
# What the project needs from the system, on Debian and its kin: installs only what is missing.
set -euo pipefail

missing=()
# Any npm does: `npm ci` brings the Node that the project runs on (Linux x64).
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
# The repository's own test asks git for its files.
command -v git >/dev/null || missing+=(git)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
# A test makes a certificate of its own.
command -v openssl >/dev/null || missing+=(openssl)
# RocksDB's binding is linked against both.
libraries=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p)
grep -q 'libatomic\.so\.1' <<<"$libraries" || missing+=(libatomic1)
grep -q 'libstdc++\.so\.6' <<<"$libraries" || missing+=(libstdc++6)
# Real Kafka brokers and Kafka Streams for the tests: a JDK of 17 or newer, and Maven, which fetches Kafka's jars.
java_version=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p' || true)
{ [ "${java_version%%.*}" -ge 17 ] && command -v javac; } >/dev/null 2>&1 || missing+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
# For the S3 server of the lake's tests (install-moto.sh).
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  echo "install ${missing[*]}, or what your system calls them" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
