#!/usr/bin/env bash
# Makes a cluster of Apache Flink with Beam's job server, out of Maven's central repository,
# for the test of extract-beam on a real engine (make test-cluster).
#
#   scripts/cluster.sh install   fetch the jars into the cache, unless that is done already
#   scripts/cluster.sh dir       print their directory
#   scripts/cluster.sh lock      write their checksums anew, after a change of the list
#
# What Maven fetches must be exactly the files of scripts/cluster/checksums.txt. Maven's own plugins are
# at fixed versions, and checked by the checksums that the repository states.
#
# Needs Java 11 or 17 and Maven. 160 MB.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
pom=$root/scripts/cluster/pom.xml
sums=$root/scripts/cluster/checksums.txt
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
# Another list of versions or checksums is another directory.
jars=$cache/flink-$(cat "$pom" "$sums" | cksum | cut -d ' ' -f 1)

fail() {
	echo "cluster: $1" >&2
	exit 1
}

fetch() {
	for program in java mvn; do
		command -v "$program" >/dev/null || fail "$program is not installed (Debian: apt-get install openjdk-17-jre-headless maven)"
	done
	mkdir -p "$cache"
	rm -rf "$jars"
	echo "cluster: fetching Flink and Beam's job server (160 MB)" >&2
	timeout --kill-after=10 900 mvn --batch-mode --quiet --strict-checksums --file "$pom" dependency:copy-dependencies \
		-DincludeScope=runtime "-DoutputDirectory=$jars" </dev/null >&2 ||
		fail "Maven could not fetch the jars within 15 minutes (its message is above): run it again to try once more"
}

state() { (cd "$jars" && LC_ALL=C sha256sum -- *.jar); } # the checksums of what is there

case "${1:-}" in
install)
	[ -e "$jars/.complete" ] && exit 0
	fetch
	if ! difference=$(diff <(state) "$sums"); then
		rm -rf "$jars"
		echo "$difference" >&2
		fail "what Maven fetched is not what scripts/cluster/checksums.txt names (the differences are above): run it again, or scripts/cluster.sh lock after a change of the versions"
	fi
	touch "$jars/.complete"
	;;
lock)
	fetch
	state >"$sums"
	rm -rf "$jars" # its name was that of the old checksums
	;;
dir) echo "$jars" ;;
*) fail "usage: scripts/cluster.sh install|dir|lock" ;;
esac
