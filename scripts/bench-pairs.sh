#!/usr/bin/env bash
# Finding near duplicates: `extract dataset duplicates`, from start to end, beside the search of
# faiss-cpu's flat index on the same rows (IndexFlatIP, range_search on normalized rows, without
# reading them), taking turns. Both must find the same groups. faiss gets its own Python environment
# in the cache, made on the first run.
#
#   ROWS=N          made rows (default 100000)
#   COLUMNS=N       (default 512)
#   THRESHOLDS="…"  cosines (default "0.95 0.8")
#   ROUNDS=N        how often each takes its turn (default 3)
#   OTHER=FILE      another build of extract that takes its turn, too
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
interpreter=$(scripts/peers/environment.sh faiss)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/extract" ./cmd/extract

echo "making ${ROWS:-100000} rows of ${COLUMNS:-512} ..." >&2
FOVEA_BENCH_PAIRS=$work/features FOVEA_BENCH_ROWS=${ROWS:-100000} FOVEA_BENCH_COLUMNS=${COLUMNS:-512} \
	go test -tags nocloud -count=1 -run '^TestMakeRows$' ./featurestore/explore >&2
"$work/extract" --quiet dataset export --format npy --out "$work/rows.npy" "$work/features" >&2

# What a command prints goes to a file, what it took to the results.
timed() { # NAME THRESHOLD PROGRAM
	echo "$1, $2 ..." >&2
	local used
	used=$("$python" - "$3" --quiet dataset duplicates --json --threshold "$2" "$work/features" 2>&1 >"$work/groups.json" <<-'MEASURE'
		import resource, subprocess, sys, time
		begin = time.monotonic()
		subprocess.run(sys.argv[1:], check=True)
		used = resource.getrusage(resource.RUSAGE_CHILDREN)
		print(f"{time.monotonic() - begin:.2f} {used.ru_utime:.2f} {used.ru_maxrss / 1024:.0f}", file=sys.stderr)
	MEASURE
	)
	echo "$1 $2 $used" >>"$work/results"
}

for threshold in ${THRESHOLDS:-0.95 0.8}; do
	for _ in $(seq "${ROUNDS:-3}"); do
		if [ -n "${OTHER:-}" ]; then timed other "$threshold" "$OTHER"; fi
		timed here "$threshold" "$work/extract"
		echo "faiss, $threshold ..." >&2
		echo "faiss $threshold $("$interpreter" scripts/peers/faiss_pairs.py "$work/rows.npy" "$threshold" "$work/groups.json")" >>"$work/results"
	done
done

# The middle of three is their median.
sort -k 1,2 -k 4,4g "$work/results" | awk '
	{ key = $1 " " $2; if (!(key in n)) keys[++count] = key; user[key, ++n[key]] = $4; all[key] = all[key] " " $3; best[key] = (n[key] == 1 || $3 < best[key]) ? $3 : best[key] }
	END {
		printf "%-8s %-9s %22s %22s %s\n", "program", "threshold", "user seconds, median", "least wall seconds", "wall seconds"
		for (i = 1; i <= count; i++) { key = keys[i]; split(key, f, " "); printf "%-8s %-9s %22.2f %22.2f %s\n", f[1], f[2], user[key, int((n[key] + 1) / 2)], best[key], all[key] }
	}'
