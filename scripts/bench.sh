#!/usr/bin/env bash
# The speed of the whole command beside that of the model alone, in one run: the model alone
# is measured before and after, because machines are not steady.
#
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   SAMPLE=N     the number of photos (default 1000)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
[ -d "$photos" ] || photos=testdata/photos
sample=${SAMPLE:-1000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -c -o "$work/models.test" ./models

bare() {
	(cd models && "$work/models.test" -test.run '^$' -test.bench BareSession -test.benchtime "$((sample / 32 + 1))x") |
		awk '/images\/s/ { for (i = 1; i < NF; i++) if ($(i + 1) == "images/s") print $i }'
}

echo "the model alone, a quarter of the pictures ..." >&2
before=$(bare)
echo "the whole command, $sample photos of $photos ..." >&2
begin=$(date +%s.%N)
status=0
bin/extract --quiet --out "$work/features" --sample "$sample" "$photos" || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"
end=$(date +%s.%N)
rows=$(sed -n 's/^  "rows": \([0-9]*\),/\1/p' "$work/features/manifest.json" | head -n 1)
echo "the model alone once more ..." >&2
after=$(bare)

awk -v b="$before" -v a="$after" -v n="$rows" -v s="$(echo "$end $begin" | awk '{print $1 - $2}')" 'BEGIN {
	bare = 2 / (1 / a + 1 / b)
	printf "model alone, before          %6.2f images/s\n", b
	printf "whole command, %5d photos  %6.2f images/s  (%.1f s, start and end included)\n", n, n / s, s
	printf "model alone, after           %6.2f images/s\n", a
	printf "whole command / model alone  %6.3f\n", n / s / bare
}'
