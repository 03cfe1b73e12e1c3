#!/usr/bin/env python3
"""Makes JPEGs with a second JPEG behind the first: mpo.mpo, as stereo cameras write them, and gain-map.mpo, as
phones do, and mpo.txt with Pillow's pixels of the first image. Needs Pillow 13.

A line per file: FILE WIDTH HEIGHT CRC, the CRC-32 of Image.open(FILE).convert("RGB").
"""

import io
import pathlib
import random
import zlib

from PIL import Image

HERE = pathlib.Path(__file__).parent
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>"""


def picture(rng, width, height, mode):
    small = Image.new(mode, (5, 4))
    bands = len(small.getbands())
    small.putdata([tuple(rng.randrange(256) for _ in range(bands)) if bands > 1 else rng.randrange(256) for _ in range(20)])
    return small.resize((width, height), Image.Resampling.BICUBIC)


def main():
    rng, lines = random.Random(13), []
    for name, second, options in (
        ("mpo.mpo", picture(rng, 41, 30, "RGB"), {}),
        ("gain-map.mpo", picture(rng, 20, 15, "L"), {"xmp": XMP}),
    ):
        out = io.BytesIO()
        picture(rng, 41, 30, "RGB").save(out, "MPO", save_all=True, append_images=[second], **options)
        (HERE / name).write_bytes(out.getvalue())
        im = Image.open(HERE / name)
        assert im.format == ("JPEG" if "map" in name else "MPO"), name  # as which it reads gain maps
        lines.append(f"{name} {im.width} {im.height} {zlib.crc32(im.convert('RGB').tobytes())}")
    (HERE / "mpo.txt").write_text("\n".join(lines) + "\n")


main()
