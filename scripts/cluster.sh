#!/usr/bin/env bash
# Makes a cluster of Apache Flink with Beam's job server, out of Maven's central repository,
# for the test of extract-beam on a real engine (make test-cluster).
#
#   scripts/cluster.sh install   fetch the jars into the cache, unless that is done already
#   scripts/cluster.sh dir       print their directory
#
# Needs Java 11 or 17 and Maven. 160 MB.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
pom=$root/scripts/cluster/pom.xml
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
# Another list of versions is another directory.
jars=$cache/flink-$(cksum <"$pom" | cut -d ' ' -f 1)

fail() {
	echo "cluster: $1" >&2
	exit 1
}

case "${1:-}" in
install)
	for program in java mvn; do
		command -v "$program" >/dev/null || fail "$program is not installed (Debian: apt-get install openjdk-17-jre-headless maven)"
	done
	[ -e "$jars/.complete" ] && exit 0
	mkdir -p "$cache"
	rm -rf "$jars"
	echo "cluster: fetching Flink and Beam's job server (160 MB)" >&2
	timeout --kill-after=10 900 mvn --batch-mode --quiet --file "$pom" dependency:copy-dependencies \
		-DincludeScope=runtime "-DoutputDirectory=$jars" </dev/null >&2 ||
		fail "Maven could not fetch the jars within 15 minutes (its message is above): run it again to try once more"
	touch "$jars/.complete"
	;;
dir) echo "$jars" ;;
*) fail "usage: scripts/cluster.sh install|dir" ;;
esac
