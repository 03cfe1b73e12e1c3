#!/usr/bin/env bash
# Looks the modules up that the programs are built from in Go's database of vulnerabilities, and fails
# when a program calls what is vulnerable. Where the database cannot be reached, it says so and does not fail.
#
#   scripts/vulncheck.sh [PACKAGES]   default: all of both modules
#
#   GOVULNDB=URL                      another database, as govulncheck has it; file:///DIR for a copy
set -euo pipefail
cd "$(dirname "$0")/.."

database=${GOVULNDB:-https://vuln.go.dev}
case "$database" in
file:*) ;;
*)
	if ! command -v curl >/dev/null; then
		echo "vulncheck: nothing was looked up: curl, which asks whether the database can be reached, is not installed" >&2
		exit 0
	fi
	if ! reason=$(curl --silent --show-error --fail --max-time 10 --output /dev/null "$database/index/db.json" 2>&1); then
		echo "vulncheck: nothing was looked up: the database cannot be reached ($reason); run make vulncheck where it can, or give a copy by GOVULNDB=file:///DIR" >&2
		exit 0
	fi
	;;
esac
eval "$(scripts/deps.sh env)"
if [ $# -gt 0 ]; then
	go tool govulncheck -db "$database" "$@"
else
	go build -o bin/tools/ golang.org/x/vuln/cmd/govulncheck
	bin/tools/govulncheck -db "$database" ./...
	cd beam && ../bin/tools/govulncheck -db "$database" ./...
fi
