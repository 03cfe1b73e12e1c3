#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: PAM files have red and blue exchanged, and PGMs and PPMs of 12 bits are nearly black.
#
# One would guess: imread() gives blue, green and red of a PAM as of a PPM with the same samples, and where it makes 8 bits of samples, the
# whole range, which MAXVAL names, becomes that of 8 bits.
# What happens, without an error:
#   1. PAM, RGB of 8 and 16 bits: red and blue are exchanged, with IMREAD_COLOR, which is the default, and with IMREAD_UNCHANGED. In
#      IMREAD_GRAYSCALE they are right. imwrite() exchanges them in PAMs that it writes, so that a round trip does not show it.
#   2. MAXVAL 4095 (12 bits), in PGM, PPM and PAM, with IMREAD_COLOR and IMREAD_GRAYSCALE: samples are divided by 256, so that white is 15,
#      whatever MAXVAL is. As text (P2, P3) they are, too.
#   3. MAXVAL 15: white is 255 if the file is text, and 15 if it is not (P5, P6).
# Who is hurt: those who read what netpbm and ffmpeg write, and cameras' and microscopes' PGMs of 10 to 14 bits: a classifier sees blue skin,
# or black.
# Remedy: cvtColor(image, COLOR_RGB2BGR) after reading a PAM; IMREAD_UNCHANGED for the others, and scale by MAXVAL.
# Seen on 2026-12-01, with Pillow 13.0.0 for PGM and PPM, and NumPy 2.4.6. The order of PAM's samples is told in its specification, pam(5).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
OPENCV_LOG_LEVEL=ERROR "$work/venv/bin/python" - <<'PYTHON'
import io

import cv2
import numpy as np
from PIL import Image

COLOR, GREY, AS_IT_IS = cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE, cv2.IMREAD_UNCHANGED


def pam(kind, pixels, maxval=255):
    """A row of pixels, each with its samples in the order that the kind names."""
    pixels = np.array(pixels)
    header = f"P7\nWIDTH {len(pixels)}\nHEIGHT 1\nDEPTH {pixels.shape[1]}\nMAXVAL {maxval}\nTUPLTYPE {kind}\nENDHDR\n"
    return header.encode() + pixels.astype(">u2" if maxval > 255 else np.uint8).tobytes()


def pnm(magic, pixels, maxval):
    pixels = np.array(pixels)
    header = f"{magic}\n{len(pixels)} 1\n{maxval}\n"
    if magic in ("P2", "P3"):
        return f"{header}{' '.join(map(str, pixels.ravel()))}\n".encode()
    return header.encode() + pixels.astype(">u2" if maxval > 255 else np.uint8).tobytes()


def check(name, file, flags, wanted, seen):
    got = cv2.imdecode(np.frombuffer(file, np.uint8), flags)[0].tolist()
    print(f"{name}: {wanted} is wanted, by OpenCV {got}")
    assert got == seen, "it changed"


# Three pixels: red, green and blue.
colours = [[10, 20, 200], [60, 70, 80], [90, 100, 110]]
blue_first = [c[::-1] for c in colours]
greys = [38, 68, 98]
assert np.asarray(Image.open(io.BytesIO(pnm("P6", colours, 255))))[0].tolist() == colours
for flags in (COLOR, AS_IT_IS):
    check("PPM", pnm("P6", colours, 255), flags, blue_first, blue_first)
    # 1.
    check("PAM, RGB", pam("RGB", colours), flags, blue_first, colours)
check("PAM, RGB, as grey", pam("RGB", colours), GREY, greys, greys)
assert cv2.imencode(".pam", np.array([blue_first], np.uint8))[1].tobytes().endswith(bytes(np.ravel(blue_first).tolist())), "it changed"
deep = [[257 * sample for sample in c] for c in colours]
check("PAM, RGB of 16 bits", pam("RGB", deep, 65535), AS_IT_IS, [c[::-1] for c in deep], deep)
# 2.
for name, file in (("PGM", pnm("P5", [[0], [2048], [4095]], 4095)), ("PGM, text", pnm("P2", [[0], [2048], [4095]], 4095)),
                   ("PAM", pam("GRAYSCALE", [[0], [2048], [4095]], 4095))):
    check(name + " of 12 bits", file, GREY, [0, 128, 255], [0, 8, 15])
    check(name + " of 12 bits, as it is", file, AS_IT_IS, [0, 2048, 4095], [0, 2048, 4095])
check("PPM of 12 bits", pnm("P6", [[4095, 2048, 0]], 4095), COLOR, [[0, 128, 255]], [[0, 8, 15]])
# 3.
for magic, seen in (("P2", [0, 119, 255]), ("P5", [0, 7, 15])):
    file = pnm(magic, [[0], [7], [15]], 15)
    assert np.asarray(Image.open(io.BytesIO(file)))[0].tolist() == [0, 119, 255]
    check(f"{magic} of 4 bits", file, GREY, [0, 119, 255], seen)
PYTHON
