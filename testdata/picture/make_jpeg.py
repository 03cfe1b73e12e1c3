#!/usr/bin/env python3
"""Makes jpeg.tar.gz: JPEGs of the rarer kinds, and what libjpeg-turbo decodes them to.

Pinned: Python 3.11, Pillow 13.0.0 (libjpeg-turbo 3.2.0), numpy 2.4.6, imagecodecs 2026.3.6 (libjpeg-turbo 3.1.3) and
pylibjpeg-libjpeg 2.5.0, and the programs cjpeg and djpeg of libjpeg-turbo 3.2.0, in the directory CJPEG, with that of
make_jpeg_special.c:

    pip install pillow==13.0.0 numpy==2.4.6 imagecodecs==2026.3.6 pylibjpeg-libjpeg==2.5.0
    CJPEG=DIR python make_jpeg.py

The archive has NAME.jpg, and a member sums.txt with a line for each, NAME PRECISION WIDTH HEIGHT CHANNELS SUM: the
first half of the SHA-256 of the samples, 16 bits each, big-endian. Those of 8 bits are what Pillow's convert("RGB")
gives; the others, which Pillow refuses, are djpeg's, grey or RGB, and imagecodecs' where it decodes the file; lossless
ones are the samples that were encoded, less the bits that a point transform drops. Files without Huffman tables, and
with their height behind the scan, are others with these segments taken out; their pixels stay. CMYK of 12 bits has the
pixels that Pillow makes of the high bytes.
"""

import gzip
import hashlib
import io
import os
import pathlib
import struct
import subprocess
import tarfile
import tempfile

import imagecodecs
import libjpeg
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
PROGRAMS = pathlib.Path(os.environ["CJPEG"])
files = {}
sums = {}


def scene(seed, height, width, channels, top=255):
    """Gradients, an edge, and some noise."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(float)
    out = (x * (5 + 3 * c) + y * (9 - 4 * c) + 40 * c) % 256
    out[(x - width / 2) ** 2 + (y - height / 3) ** 2 < 40] = 245
    out += np.random.default_rng(seed).normal(0, 6, out.shape)
    return (out.clip(0, 255) / 255 * top).round().astype(np.uint16)


def netpbm(samples, top):
    height, width, channels = samples.shape
    body = samples.astype(">u2" if top > 255 else "u1").tobytes()
    return f"P{5 if channels == 1 else 6}\n{width} {height}\n{top}\n".encode() + body


def run(program, arguments, data):
    return subprocess.run([PROGRAMS / program, *arguments], input=data, stdout=subprocess.PIPE, check=True).stdout


def djpeg(data):
    """The samples that djpeg gives."""
    out = run("djpeg", [], data)
    kind, size, top, body = out.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(body, ">u2" if int(top) > 255 else "u1").reshape(height, width, 1 if kind == b"P5" else 3)


def keep(name, data, precision, samples):
    samples = np.asarray(samples)
    if samples.ndim == 2:
        samples = samples[..., None]
    height, width, channels = samples.shape
    digest = hashlib.sha256(samples.astype(">u2").tobytes()).hexdigest()[:32]
    assert name not in files
    files[name] = data
    sums[name] = f"{precision} {width} {height} {channels} {digest}"


def keep_8(name, data):
    with Image.open(io.BytesIO(data)) as image:
        keep(name, data, 8, np.asarray(image.convert("RGB")))


def without(data, *kinds):
    """A file less the segments of some kinds before its first scan."""
    out, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if data[at + 1] not in kinds:
            out += data[at:end]
        at = end
    return out + data[at:]


def height_behind(data):
    """A file with its height in a DNL segment behind its first scan."""
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2, 0xC3):
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    height = data[at + 5 : at + 7]
    data = data[: at + 5] + b"\0\0" + data[at + 7 :]
    at = data.index(b"\xff\xda") + 2
    while data[at] != 0xFF or data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
        at += 1
    return data[:at] + b"\xff\xdc\0\4" + height + data[at:]


SAMPLINGS = {"444": "1x1", "422": "2x1", "440": "1x2", "420": "2x2", "411": "4x1"}


def webcams():
    for name, sampling in SAMPLINGS.items():
        for restart in ([], ["-restart", "1"]):
            data = run("cjpeg", ["-sample", sampling, *restart], netpbm(scene(1, 29, 37, 3), 255))
            keep_8(f"no-tables-{name}{'-restarts' if restart else ''}", without(data, 0xC4))
    data = run("cjpeg", [], netpbm(scene(2, 29, 37, 1), 255))
    keep_8("no-tables-grey", without(data, 0xC4))
    avi = without(data, 0xC4, 0xE0)  # as in AVI: "AVI1" in place of "JFIF"
    keep_8("no-tables-avi", avi[:2] + b"\xff\xe0\0\x10AVI1" + bytes(10) + avi[2:])


def heights_behind():
    for name, arguments, channels in ("grey", [], 1), ("420", [], 3), ("restarts", ["-restart", "1"], 3), ("progressive", ["-progressive"], 3):
        data = run("cjpeg", arguments, netpbm(scene(3, 29, 37, channels), 255))
        with Image.open(io.BytesIO(data)) as image:
            keep(f"height-behind-{name}", height_behind(data), 8, np.asarray(image.convert("RGB")))


def arithmetic():
    for kind, switch in ("sequential", []), ("progressive", ["-progressive"]):
        for name, sampling in SAMPLINGS.items():
            keep_8(f"arithmetic-{kind}-{name}", run("cjpeg", ["-arithmetic", *switch, "-sample", sampling], netpbm(scene(4, 29, 37, 3), 255)))
        for quality in 5, 40, 95, 100:
            data = run("cjpeg", ["-arithmetic", *switch, "-quality", str(quality)], netpbm(scene(5, 70, 61, 3), 255))
            keep_8(f"arithmetic-{kind}-quality-{quality}", data)
        grey = netpbm(scene(6, 29, 37, 1), 255)
        keep_8(f"arithmetic-{kind}-grey", run("cjpeg", ["-arithmetic", *switch], grey))
        keep_8(f"arithmetic-{kind}-restarts", run("cjpeg", ["-arithmetic", *switch, "-restart", "3B"], netpbm(scene(7, 29, 37, 3), 255)))
        keep_8(f"arithmetic-{kind}-rgb", run("cjpeg", ["-arithmetic", *switch, "-rgb"], netpbm(scene(8, 29, 37, 3), 255)))
        keep_8(f"arithmetic-{kind}-flat", run("cjpeg", ["-arithmetic", *switch], netpbm(np.full((64, 64, 3), 77), 255)))
        keep_8(f"arithmetic-{kind}-1x1", run("cjpeg", ["-arithmetic", *switch], netpbm(scene(9, 1, 1, 3), 255)))
        noise = np.random.default_rng(10).integers(0, 256, (29, 37, 3))
        keep_8(f"arithmetic-{kind}-noise", run("cjpeg", ["-arithmetic", *switch, "-quality", "100"], netpbm(noise, 255)))


def twelve_bits():
    for kind, switch in {"huffman": [], "progressive": ["-progressive"], "arithmetic": ["-arithmetic"],
                         "arithmetic-progressive": ["-arithmetic", "-progressive"]}.items():
        cases = [(sampling, 3, ["-sample", factors], scene(11, 29, 37, 3, 4095)) for sampling, factors in SAMPLINGS.items()]
        cases += [("grey", 1, [], scene(12, 29, 37, 1, 4095)), ("rgb", 3, ["-rgb"], scene(13, 29, 37, 3, 4095)),
                  ("restarts", 3, ["-restart", "2B"], scene(14, 29, 37, 3, 4095)),
                  ("quality-100", 3, ["-quality", "100"], scene(15, 29, 37, 3, 4095)),
                  ("quality-5", 1, ["-quality", "5"], scene(16, 29, 37, 1, 4095)),
                  ("noise", 1, ["-quality", "100"], np.random.default_rng(17).integers(0, 4096, (29, 37, 1))),
                  ("extremes", 1, ["-quality", "20"], np.random.default_rng(18).integers(0, 2, (29, 37, 1)) * 4095)]
        for name, channels, arguments, samples in cases:
            data = run("cjpeg", ["-precision", "12", *switch, *arguments], netpbm(samples, 4095))
            decoded = djpeg(data)
            if not kind.startswith("arithmetic"):
                assert (imagecodecs.jpeg_decode(data).reshape(decoded.shape) == decoded).all(), name
            keep(f"12-bits-{kind}-{name}", data, 12, decoded)


def lossless():
    for precision in range(2, 17):
        top = (1 << precision) - 1
        for predictor in range(1, 8):
            channels = 3 if (precision + predictor) % 4 == 0 else 1
            shift = predictor % precision if predictor in (2, 5) else 0
            restart = ["-restart", "2"] if predictor in (3, 4) else []
            samples = scene(20 + predictor, 19, 23, channels, top)
            if predictor == 6:
                samples = np.random.default_rng(precision).integers(0, top + 1, samples.shape)
            arguments = ["-precision", str(precision), "-lossless", f"{predictor},{shift}", *restart]
            data = run("cjpeg", arguments, netpbm(samples, top))
            decoded = samples >> shift << shift
            assert (imagecodecs.jpeg_decode(data).reshape(decoded.shape) == decoded).all(), (precision, predictor)
            if channels == 1 and shift == 0:
                assert (libjpeg.decode(data).reshape(decoded.shape) == decoded).all(), (precision, predictor)
            if precision == 8:
                decoded = np.repeat(decoded, 3 // channels, axis=2)
            keep(f"lossless-{precision}-bits-predictor-{predictor}", data, precision, decoded)
    extremes = np.random.default_rng(30).integers(0, 2, (19, 23, 1)) * 32768  # differences of 32,768
    keep("lossless-extremes", run("cjpeg", ["-precision", "16", "-lossless", "1"], netpbm(extremes, 65535)), 16, extremes)
    for name, factors in ("422", "2x1"), ("420", "2x2"):
        for precision in 8, 16:
            top = (1 << precision) - 1
            data = run("cjpeg", ["-precision", str(precision), "-lossless", "7", "-rgb", "-sample", factors], netpbm(scene(31, 19, 23, 3, top), top))
            keep(f"lossless-{precision}-bits-{name}", data, precision, djpeg(data))


def scans_apart():
    """A scan for each component, of lossless files with a predictor each."""
    for name, arguments, top in ("huffman", ["-sample", "2x2"], 255), ("arithmetic", ["-arithmetic", "-sample", "2x2"], 255), (
        "12-bits-huffman", ["-precision", "12", "-sample", "2x2"], 4095), ("12-bits-arithmetic", ["-arithmetic", "-precision", "12"], 4095), (
        "lossless", ["-lossless", "1", "-rgb"], 255), ("lossless-420", ["-lossless", "1", "-rgb", "-sample", "2x2"], 255):
        lossless = name.startswith("lossless")
        with tempfile.NamedTemporaryFile("w") as script:
            script.write("0: 1-0, 0, 0;\n1: 4-0, 0, 0;\n2: 7-0, 0, 0;\n" if lossless else "0;\n1;\n2;\n")
            script.flush()
            data = run("cjpeg", [*arguments, "-restart", "1", "-scans", script.name], netpbm(scene(50, 29, 37, 3, top), top))
        assert data.count(b"\xff\xda") == 3
        keep(f"scans-apart-{name}", data, 12 if top > 255 else 8, djpeg(data))


def special():
    for channels in 1, 3:
        samples = scene(51, 70, 61, channels)
        data = run("special", ["dac", "61", "70", str(channels)], samples.astype("u1").tobytes())
        assert data.count(b"\xff\xcc") == 1
        keep_8(f"arithmetic-conditioned-{channels}", data)
    samples = scene(52, 29, 37, 4, 4095)
    data = run("special", ["cmyk12", "37", "29", "4"], samples.astype("<u2").tobytes())
    high = (imagecodecs.jpeg_decode(data, outcolorspace="CMYK") >> 4).astype("u1")
    keep("12-bits-cmyk", data, 12, np.asarray(Image.frombytes("CMYK", (37, 29), high.tobytes(), "raw", "CMYK;I").convert("RGB")))


if __name__ == "__main__":
    webcams()
    heights_behind()
    arithmetic()
    twelve_bits()
    lossless()
    scans_apart()
    special()
    with open(HERE / "jpeg.tar.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        lines = "".join(f"{name} {sums[name]}\n" for name in sorted(sums))
        for name, data in [("sums.txt", lines.encode())] + [(f"{name}.jpg", files[name]) for name in sorted(files)]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    print(len(files), "files")
