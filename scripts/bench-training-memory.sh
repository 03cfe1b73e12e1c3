#!/usr/bin/env bash
# Trains a head on a synthetic dataset larger than the memory that the process may use, and
# samples its memory. The same is trained without a limit; both heads must be the same.
#
#   ROWS=N       rows of 4,096 values (default 150000: 2.5 GB of numbers)
#   LIMIT=BYTES  memory of the process and its share of the file cache (default 1 GB)
#   WORK=DIR     room for 3.5 times the numbers (default: a new directory in TMPDIR)
#
# The limit is a control group's, which takes root. Without, only the samples are printed.
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
rows=${ROWS:-150000} limit=${LIMIT:-1000000000}
work=$(mktemp -d ${WORK:+-p "$WORK"})
group=
cleanup() {
	rm -rf "$work"
	if [ -n "$group" ]; then rmdir "$group" 2>/dev/null || true; fi
}
trap cleanup EXIT

go build -o "$work/finetune" ./cmd/finetune
echo "making $rows rows ..." >&2
FOVEA_BENCH_DATASET=$work/features FOVEA_BENCH_ROWS=$rows go test -count 1 -timeout 1h -run TestSynthesize ./cmd/finetune >&2
echo "numbers: $((rows * 4096 * 4 / 1000000)) MB; in Parquet: $(du -sm "$work/features" | cut -f 1) MB"

for parent in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	if [ -w "$parent/cgroup.procs" ] && mkdir "$parent/fovea-bench-$$" 2>/dev/null; then
		group=$parent/fovea-bench-$$
		for file in memory.limit_in_bytes memory.max; do
			if [ -e "$group/$file" ]; then echo "$limit" >"$group/$file"; break 2; fi
		done
		rmdir "$group"
		group=
	fi
done
[ -n "$group" ] || echo "no control group can be made here: the limit is not enforced" >&2

# train NAME FLAGS...: in the group, if the name is "limited".
train() {
	local name=$1 begin=$SECONDS most=0 file=0
	shift
	(
		if [ "$name" = limited ] && [ -n "$group" ]; then echo "$BASHPID" >"$group/cgroup.procs"; fi
		TMPDIR=$work exec "$work/finetune" train --quiet --features "$work/features" --out "$work/$name.head" --near-duplicates 0 "$@" >"$work/$name.txt"
	) &
	local child=$!
	while kill -0 "$child" 2>/dev/null; do
		while read -r key value _; do
			case $key in
			RssAnon:) [ "$value" -le "$most" ] || most=$value ;;
			RssFile:) [ "$value" -le "$file" ] || file=$value ;;
			esac
		done <"/proc/$child/status" || true
		sleep 0.2
	done 2>/dev/null
	if ! wait "$child"; then echo "$name: failed" >&2; return 1; fi
	echo "$name: $((SECONDS - begin)) s; most memory of its own $((most / 1000)) MB, most of files mapped $((file / 1000)) MB"
}

memory=$((limit / 2000000))MB
train limited --memory "$memory"
if [ -n "$group" ]; then
	for file in memory.max_usage_in_bytes memory.peak; do
		if [ -e "$group/$file" ]; then echo "limited: the group's most memory, file cache included: $(($(cat "$group/$file") / 1000000)) MB of $((limit / 1000000)) MB"; fi
	done
fi
grep -E '^(trained on|lambda|accuracy)' "$work/limited.txt"
if [ "${COMPARE:-1}" = 1 ]; then
	train unlimited --memory 1000GB
	strip() { grep -vE '^(head|time)' "$1"; }
	if [ "$(strip "$work/limited.txt")" = "$(strip "$work/unlimited.txt")" ] && cmp -s "$work/limited.head" "$work/unlimited.head"; then
		echo "both heads are the same, to the byte"
	else
		echo "the heads differ" >&2
		exit 1
	fi
fi
