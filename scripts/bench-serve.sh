#!/usr/bin/env bash
# Loads finetune serve, with VGG16 and the head of the tests, with more and more clients, on
# this machine alone, and prints throughput, latencies and memory.
#
#   CLIENTS=LIST  numbers of clients (default "1 2 4 8 16 100"; beyond 64 some are refused)
#   SECONDS_EACH=N (default 10)
#   BEFORE=FILE   another build of finetune, measured in turns with this one as server 2
#   SLOW=N        8 clients instead, in turns alone and beside N that send a byte a second
#   PORT=N        (default 18080; the next one for BEFORE)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

port=${PORT:-18080} work=$(mktemp -d) servers=() urls=
finish() {
	for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
	rm -rf "$work"
}
trap finish EXIT

# serve PROGRAM PORT starts a server and waits until it answers.
serve() {
	"$1" serve --head testdata/heads/cats-vs-dogs.json --listen "localhost:$2" 2>"$work/log" &
	servers+=($!)
	for _ in $(seq 120); do
		if (exec 3<>"/dev/tcp/localhost/$2") 2>/dev/null; then
			urls="$urls http://localhost:$2"
			return
		fi
		kill -0 "${servers[-1]}" 2>/dev/null || break
		sleep 0.5
	done
	echo "bench-serve: the server does not answer:" >&2
	cat "$work/log" >&2
	exit 1
}

go build -o "$work/finetune" ./cmd/finetune
go test -c -o "$work/load.test" ./serving
serve "$work/finetune" "$port"
if [ -n "${BEFORE:-}" ]; then serve "$(realpath "$BEFORE")" $((port + 1)); fi
cd serving
test=TestLoad
if [ -n "${SLOW:-}" ]; then test=TestLoadBesideSlow; fi
FOVEA_BENCH_SERVE=$urls FOVEA_BENCH_SECONDS=${SECONDS_EACH:-10} FOVEA_BENCH_CLIENTS=${CLIENTS:-1 2 4 8 16 100} FOVEA_BENCH_SLOW=${SLOW:-} \
	"$work/load.test" -test.run "^$test\$" | grep -v '^PASS$'
kill -INT "${servers[@]}"
wait "${servers[@]}" || true
servers=()
