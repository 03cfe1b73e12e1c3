#!/usr/bin/env python3
"""Makes heif-ranges.txt: what --range makes of the samples of heif.tar.gz that have more than 8 bits.

Pinned: Python 3.11, pillow-heif 1.8.1 (libheif 1.23.6), imagecodecs 2026.3.6 (libavif 1.4.0) and numpy 2.4.6.

A line per case: FILE RANGE WIDTH HEIGHT CRC. The samples are those of imagecodecs (AVIF) and pillow-heif (HEIC), of 10
or 12 bits, with a premultiplied alpha divided out; the bytes are round((v - LOW) / (HIGH - LOW) * 255), halves to even;
CRC is the CRC-32 of the RGB.
"""

import io
import pathlib
import tarfile
import zlib

import imagecodecs
import numpy as np
import pillow_heif

HERE = pathlib.Path(__file__).parent


def samples(name, data):
    """The samples, and how many bits they have."""
    if name.endswith(".avif"):
        pixels = imagecodecs.avif_decode(data)
        return pixels, 12 if "12" in name else 10
    image = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    bits = image.info["bit_depth"]
    assert bits == 10, (name, bits, image.mode)
    pixels = np.asarray(image)
    assert pixels.dtype == np.uint16, (name, image.mode)
    return pixels >> (16 - bits), bits


def main():
    lines = []
    with tarfile.open(HERE / "heif.tar.gz") as archive:
        for member in archive:
            if "bits" not in member.name:
                continue
            try:
                pixels, bits = samples(member.name, archive.extractfile(member).read())
            except Exception as e:
                print(member.name, repr(e))
                continue
            if pixels.dtype != np.uint16:
                print(member.name, pixels.dtype)
                continue
            if pixels.ndim == 2 or pixels.shape[2] < 3:
                pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 3, 2)
            rgb = pixels[..., :3].astype(float)
            top = (1 << bits) - 1
            for text, low, high in (("100..900", 100, 900), ("full", None, None), ("minmax", rgb.min(), rgb.max())):
                if text == "full":
                    out = (pixels[..., :3] >> (bits - 8)).astype(np.uint8)
                else:
                    out = np.rint((rgb.clip(low, high) - low) / (high - low) * 255).astype(np.uint8)
                lines.append(f"{member.name} {text} {out.shape[1]} {out.shape[0]} {zlib.crc32(out.tobytes())}")
    (HERE / "heif-ranges.txt").write_text("\n".join(lines) + "\n")


main()
