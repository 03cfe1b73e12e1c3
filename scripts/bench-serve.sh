#!/usr/bin/env bash
# Loads finetune serve, with VGG16 and the head of the tests, with more and more clients, on
# this machine alone, and prints throughput, latencies and memory.
#
#   CLIENTS=LIST  numbers of clients (default "1 2 4 8 16 100"; beyond 64 some are refused)
#   SECONDS_EACH=N (default 10)
#   PORT=N        (default 18080)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

port=${PORT:-18080} work=$(mktemp -d) server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
go build -o "$work/finetune" ./cmd/finetune
go test -c -o "$work/load.test" ./serving
"$work/finetune" serve --head testdata/heads/cats-vs-dogs.json --listen "localhost:$port" 2>"$work/log" &
server=$!
for _ in $(seq 120); do
	if (exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null; then ready=1 && break; fi
	kill -0 "$server" 2>/dev/null || break
	sleep 0.5
done
if [ -z "${ready:-}" ]; then
	echo "bench-serve: the server does not answer:" >&2
	cat "$work/log" >&2
	exit 1
fi
cd serving
FOVEA_BENCH_SERVE="http://localhost:$port" FOVEA_BENCH_SECONDS=${SECONDS_EACH:-10} FOVEA_BENCH_CLIENTS=${CLIENTS:-1 2 4 8 16 100} \
	"$work/load.test" -test.run '^TestLoad$' | grep -v '^PASS$'
kill -INT "$server"
wait "$server" || true
server=
