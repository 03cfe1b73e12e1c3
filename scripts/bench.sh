#!/usr/bin/env bash
# The speed of the whole command beside that of the model alone, which take turns of a second:
# machines are not steady. Then the same with two runs of the model alone, which shows what a
# ratio means here.
#
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   SAMPLE=N     the number of photos (default 504)
#   ROUNDS=N     how often (default 3)
#   PRECISION=P  of both (default float32)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
[ -d "$photos" ] || photos=testdata/photos
sample=${SAMPLE:-504}
export PRECISION=${PRECISION:-float32} # BenchmarkBareSession reads it
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/alternate" ./scripts/alternate
go test -c -o "$work/models.test" ./models

batch=8 # where there are more than four cores, BenchmarkBareSession's batches are larger
bare="$work/models.test -test.run ^\$ -test.bench BareSession -test.benchtime $((sample / batch + 1))x"

# beside N COMMAND ... runs it and the model alone, the start of N of them not counted, and
# leaves the seconds of both in a file, and what they say in another.
beside() {
	local ready=$1
	shift
	# Status 3: some images could not be read.
	"$work/alternate" -ready "$ready" -accept 3 $bare -- "$@" 2>"$work/log" >"$work/seconds" || { cat "$work/log" >&2; exit 1; }
}

# pictures is the number of those that the model alone computed.
pictures() { awk '/^BenchmarkBareSession/ { for (i = 1; i < NF; i++) if ($(i + 1) == "pictures") { print $i; exit } }' "$work/log"; }

# row NAME PICTURES prints what beside has measured.
row() {
	awk -v name="$1" -v n="$2" -v m="$(pictures)" 'NR == 1 { alone = m / $1 } NR == 2 {
		printf "%-38s %6.2f images/s, the model alone %6.2f: %.3f\n", name, n / $1, alone, n / $1 / alone }' "$work/seconds"
}

for _ in $(seq "${ROUNDS:-3}"); do
	rm -rf "$work/features"
	beside 1 bin/extract --quiet --precision "$PRECISION" --out "$work/features" --sample "$sample" "$photos"
	row "whole command, start and end included" "$(sed -n 's/^  "rows": \([0-9]*\),/\1/p' "$work/features/.fovea/manifest.json" | head -n 1)"
done
beside 2 $bare
row "the model alone" "$(pictures)"
