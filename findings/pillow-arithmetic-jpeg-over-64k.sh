#!/usr/bin/env bash
# pillow 13.0.0 (with libjpeg-turbo 3.2.0): arithmetic-coded JPEGs load if they are small, and fail if they are not.
#
# One would guess: Pillow either reads JPEGs with arithmetic coding or refuses them; features.check says nothing of
# sizes, and djpeg reads them all.
# What happens: files of up to 64 KB or so load, with the right pixels. Longer ones, such as nearly every photo, end with
# "broken data stream when reading image file": Pillow feeds the decoder 64 KB at a time, and libjpeg's arithmetic
# decoder cannot stop within a scan to wait for more. ImageFile.MAXBLOCK, set beyond the file's size, makes them load.
# Who is hurt: archives made with "jpegtran -arithmetic", which saves 10 percent: thumbnails pass the tests, and
# the photos are reported as damaged.
# Remedy: set PIL.ImageFile.MAXBLOCK to the size of the largest file, or turn them into Huffman coding with jpegtran.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
cd "$work"
apt-get download -q libjpeg-turbo-progs=1:2.1.5-2 libjpeg62-turbo=1:2.1.5-2 >/dev/null
for package in ./*.deb; do dpkg -x "$package" programs; done
export LD_LIBRARY_PATH=$(dirname "$(find "$work/programs" -name 'libjpeg.so.62' | head -n 1)")
"$work/venv/bin/python" - <<'PYTHON'
import io
import random
import subprocess

from PIL import Image, ImageFile


def arithmetic(height):
    """Grey noise of 256 columns, as an arithmetic-coded JPEG."""
    pixels = bytes(random.Random(1).choices(range(256), k=256 * height))
    made = subprocess.run(["programs/usr/bin/cjpeg", "-arithmetic", "-quality", "95"],
                          input=b"P5 256 %d 255\n" % height + pixels, capture_output=True, check=True)
    return made.stdout


def load(data):
    try:
        Image.open(io.BytesIO(data)).load()
        return "loads"
    except OSError as error:
        return f"fails: {error}"


small, large = arithmetic(200), arithmetic(400)
seen = [load(small), load(large)]
print(f"{len(small)} bytes: {seen[0]}")
print(f"{len(large)} bytes: {seen[1]}")
ImageFile.MAXBLOCK = 1 << 20
seen.append(load(large))
print(f"{len(large)} bytes, with MAXBLOCK of 1 MB: {seen[2]}")
assert len(small) < 65536 < len(large)
assert seen[0] == seen[2] == "loads" and "broken data stream" in seen[1], "it changed"
PYTHON
