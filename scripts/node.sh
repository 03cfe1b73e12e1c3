#!/usr/bin/env bash
# Installs what reads Parquet in JavaScript (testdata/node/package.json) for the tests, where there
# are Node and npm. The product itself needs neither.
#
#   scripts/node.sh install   install it, unless that is done already
#   scripts/node.sh path      print the path of node_modules, nothing if there is none
#   scripts/node.sh lock      write package-lock.json with the checksums anew, after a change of the list
set -euo pipefail

list=$(cd "$(dirname "$0")/.." && pwd)/testdata/node/package.json
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
# Another list of versions is another directory.
locked=${list%.json}-lock.json
dir=$cache/node-$(cat "$list" "$locked" | cksum | cut -d ' ' -f 1)

case "${1:-}" in
install)
	[ -e "$dir/.complete" ] && exit 0
	rm -rf "$dir"
	mkdir -p "$dir"
	cp "$list" "$locked" "$dir"
	if ! (cd "$dir" && npm ci --no-audit --no-fund --ignore-scripts --silent >&2); then
		rm -rf "$dir"
		echo "node: npm could not install its packages (the message is above): no reader in JavaScript will be tried" >&2
		exit 0
	fi
	touch "$dir/.complete"
	;;
path)
	if [ -e "$dir/.complete" ]; then echo "$dir/node_modules"; fi
	;;
lock)
	# Without the address of the registry, which is whichever npm uses.
	(cd "$(dirname "$list")" && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --ignore-scripts --silent >&2)
	;;
*)
	echo "usage: scripts/node.sh install|path|lock" >&2
	exit 2
	;;
esac
