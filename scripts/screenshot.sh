#!/usr/bin/env bash
# Photographs a page: a PNG of the top of an HTML file, as a browser shows it. The picture of a
# report in the README was made in this way:
#
#   bin/extract --out features --labels prefix --pool avg --sample 600 PHOTOS
#   bin/finetune train --features features --out cats-vs-dogs.head
#   bin/finetune report --head cats-vs-dogs.head --features features --out report
#   scripts/screenshot.sh report/report.html docs/report.png
#
# No --images: thumbnails of other people's photos do not belong into the repository. The picture of
# the explorer is of crops of photos that ship and are in the public domain:
#
#   make build && scripts/screenshot.sh explorer docs/explore.png
#
#   WIDTH=N HEIGHT=N   of the window (default 1100 x 1120; the explorer's is 1400 x 900)
set -euo pipefail

if [ $# -ne 2 ]; then
	echo "usage: scripts/screenshot.sh PAGE.html|explorer OUT.png" >&2
	exit 2
fi
page=$(realpath -m "$1") out=$(realpath -m "$2")
browser=$("$(dirname "$0")/browser.sh" path)
if [ -z "$browser" ]; then
	echo "screenshot: there is no Chromium: make browser installs one, or set FOVEA_CHROMIUM" >&2
	exit 1
fi
profile=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$profile"' EXIT
if [ "$1" = explorer ]; then
	cd "$(dirname "$0")/.."
	go run ./scripts/explorershot crops testdata/photos "$profile/photos"
	bin/extract --quiet --out "$profile/animals" --labels dir --pool avg "$profile/photos"
	bin/extract dataset explore --no-open --images "$profile/photos" "$profile/animals" >"$profile/address" &
	server=$!
	until url=$(grep -om1 'http://[^ ]*' "$profile/address"); do
		if ! kill -0 "$server" 2>/dev/null; then
			echo "screenshot: the explorer has ended, without an address" >&2
			server=
			exit 1
		fi
		sleep 0.1
	done
	FOVEA_CHROMIUM="$browser" go run ./scripts/explorershot shoot "$url" "$out"
	exit
fi
rm -f "$out"
"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" \
	--window-size="${WIDTH:-1100},${HEIGHT:-1120}" --screenshot="$out" "file://$page" >"$profile/log" 2>&1 || true
if [ ! -s "$out" ]; then
	cat "$profile/log" >&2
	echo "screenshot: the browser wrote no $out" >&2
	exit 1
fi
