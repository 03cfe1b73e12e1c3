#!/usr/bin/env bash
# Finds the Chromium that the tests look at pages with, and installs the distribution's where
# there is none and that is possible: as root, on Debian and its like. Nothing of the product
# needs it.
#
#   scripts/browser.sh install   see that there is one, unless that cannot be
#   scripts/browser.sh path      print the path of its program, nothing if there is none
#
#   FOVEA_CHROMIUM=FILE          the one to use
set -euo pipefail

# Debian's package of the first name is enough, and the smallest.
names="chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable headless_shell"

find_program() {
	local name
	if [ -n "${FOVEA_CHROMIUM:-}" ]; then
		echo "$FOVEA_CHROMIUM"
		return
	fi
	for name in $names; do
		# Ubuntu's chromium-browser may be a script that only says how to get a snap.
		if command -v "$name" >/dev/null && timeout 60 "$name" --headless --no-sandbox --version >/dev/null 2>&1; then
			command -v "$name"
			return
		fi
	done
}

skip() {
	echo "browser: there is no Chromium, and $1: the test that looks at the report's page with one will be skipped" >&2
	exit 0
}

install_program() {
	local name
	command -v apt-get >/dev/null || skip "no apt-get to install one with"
	[ "$(id -u)" -eq 0 ] || skip "only root may install one (apt-get install chromium)"
	log=$(mktemp) # not local: the trap runs after the function
	trap 'rm -f "$log"' EXIT
	echo "browser: installing Chromium" >&2
	export DEBIAN_FRONTEND=noninteractive
	# The list of packages may be there and new enough; if not, it is fetched once.
	for attempt in 1 2; do
		if [ "$attempt" -eq 2 ] && ! timeout 300 apt-get update -qq >>"$log" 2>&1; then break; fi
		for name in chromium-headless-shell chromium; do
			if timeout 600 apt-get install -y -qq --no-install-recommends "$name" >>"$log" 2>&1 && [ -n "$(find_program)" ]; then return; fi
		done
	done
	tail -n 3 "$log" >&2
	skip "it could not be installed (the end of apt-get's messages is above)"
}

case "${1:-}" in
install) if [ -z "$(find_program)" ]; then install_program; fi ;;
path) find_program ;;
*)
	echo "usage: scripts/browser.sh install|path" >&2
	exit 2
	;;
esac
