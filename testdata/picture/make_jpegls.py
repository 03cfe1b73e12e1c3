#!/usr/bin/env python3
"""Makes jpegls.tar.gz: JPEG-LS files of every kind, and what CharLS decodes them to.

Pinned: Python 3.11, numpy 2.4.6, imagecodecs 2026.3.6 (CharLS 2.4.3) and pylibjpeg-libjpeg 2.5.0, and libcharls.so of
CharLS 3.0.0, which encodes; CHARLS is its path:

    pip install numpy==2.4.6 imagecodecs==2026.3.6 pylibjpeg-libjpeg==2.5.0
    CHARLS=libcharls.so python make_jpegls.py

The archive has NAME.jls, and a member sums.txt with a line for each, NAME PRECISION WIDTH HEIGHT CHANNELS SUM: the
first half of the SHA-256 of the samples, 16 bits each, big-endian, as imagecodecs decodes them. Those without loss must
be what was encoded, and libjpeg's, where it takes the file; those with loss must be near it. Restart intervals, which
CharLS doesn't write, are pictures encoded apart and put together.
"""

import ctypes
import gzip
import hashlib
import io
import os
import pathlib
import struct
import tarfile

import imagecodecs
import libjpeg
import numpy as np

HERE = pathlib.Path(__file__).parent
charls = ctypes.CDLL(os.environ["CHARLS"])
charls.charls_jpegls_encoder_create.restype = ctypes.c_void_p
PLANES, LINES, SAMPLES = range(3)
files = {}
sums = {}


def scene(seed, height, width, channels, top):
    """Gradients, areas of one colour, an edge, and some noise."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(float)
    out = (x * (5 + 3 * c) + y * (9 - 4 * c) + 40 * c) % 256
    out += np.random.default_rng(seed).normal(0, 4, out.shape)
    out[(x - width / 2) ** 2 + (y - height / 3) ** 2 < 60] = 245
    out[height // 2 : height // 2 + 4] = 17
    return (out.clip(0, 255) / 255 * top).round().astype(np.uint16)


def call(name, encoder, *arguments):
    error = getattr(charls, "charls_jpegls_encoder_" + name)(ctypes.c_void_p(encoder), *arguments)
    assert error == 0, (name, error)


def encode(samples, bits, near=0, interleave=None, preset=None, transform=0):
    """A file of CharLS."""
    height, width, channels = samples.shape
    if interleave is None:
        interleave = PLANES if channels == 1 else SAMPLES
    layout = samples.transpose(2, 0, 1) if interleave == PLANES else samples
    data = np.ascontiguousarray(layout.astype("u1" if bits <= 8 else "<u2")).tobytes()
    encoder = charls.charls_jpegls_encoder_create()
    call("set_frame_info", encoder, struct.pack("IIii", width, height, bits, channels))
    call("set_near_lossless", encoder, near)
    call("set_interleave_mode", encoder, interleave)
    if preset:
        call("set_preset_coding_parameters", encoder, struct.pack("5i", *preset))
    if transform:
        call("set_color_transformation", encoder, transform)
    out = ctypes.create_string_buffer(4 * len(data) + 4096)
    call("set_destination_buffer", encoder, out, ctypes.c_size_t(len(out)))
    call("encode_from_buffer", encoder, data, ctypes.c_size_t(len(data)), 0)
    written = ctypes.c_size_t()
    call("get_bytes_written", encoder, ctypes.byref(written))
    charls.charls_jpegls_encoder_destroy(ctypes.c_void_p(encoder))
    return out.raw[: written.value]


def keep(name, data, precision, samples, near=0, check_libjpeg=True):
    decoded = imagecodecs.jpegls_decode(data)
    if samples.shape[2] > 1 and decoded.shape[-1] != samples.shape[2]:
        decoded = decoded.transpose(1, 2, 0)
    decoded = decoded.reshape(samples.shape)
    assert abs(decoded.astype(int) - samples.astype(int)).max() <= near, name
    if check_libjpeg:
        other = libjpeg.decode(data).reshape(samples.shape)
        assert (other == decoded).all(), name
    height, width, channels = samples.shape
    assert name not in files
    files[name] = data
    sums[name] = f"{precision} {width} {height} {channels} {hashlib.sha256(decoded.astype('>u2').tobytes()).hexdigest()[:32]}"


def parts(data):
    """What stands before the entropy-coded data of a file with one scan, and these."""
    at = data.index(b"\xff\xda")
    at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    assert data[-2:] == b"\xff\xd9"
    return data[:at], data[at:-2]


def with_height(head, height):
    at = head.index(b"\xff\xf7") + 5
    return head[:at] + struct.pack(">H", height) + head[at + 2 :]


def with_restarts(samples, bits, lines, **options):
    """A file with a restart marker every so many lines."""
    out = b""
    for i, top in enumerate(range(0, samples.shape[0], lines)):
        head, coded = parts(encode(samples[top : top + lines], bits, **options))
        if i == 0:
            head = with_height(head, samples.shape[0])
            at = head.index(b"\xff\xda")
            out = head[:at] + b"\xff\xdd\0\4" + struct.pack(">H", lines) + head[at:]
        else:
            out += bytes([0xFF, 0xD0 + (i - 1) % 8])
        out += coded
    return out + b"\xff\xd9"


def kinds():
    for bits in range(2, 17):
        top = (1 << bits) - 1
        samples = scene(bits, 19, 23, 1, top)
        keep(f"grey-{bits}-bits", encode(samples, bits), bits, samples)
        noise = np.random.default_rng(bits).integers(0, top + 1, (19, 23, 1))
        keep(f"noise-{bits}-bits", encode(noise, bits), bits, noise)
        for near in (1, 3, 10):
            if near <= top // 2 and near < 255:
                keep(f"grey-{bits}-bits-near-{near}", encode(samples, bits, near), bits, samples, near)
        colour = scene(bits, 19, 23, 3, top)
        for name, interleave in ("planes", PLANES), ("lines", LINES), ("samples", SAMPLES):
            keep(f"rgb-{bits}-bits-{name}", encode(colour, bits, 0, interleave), bits, colour)
            if bits in (8, 12, 16):
                keep(f"rgb-{bits}-bits-{name}-near-2", encode(colour, bits, 2, interleave), bits, colour, 2)
    for bits in 8, 16:
        top = (1 << bits) - 1
        for height, width in (1, 1), (1, 40), (40, 1), (2, 3), (70, 300):
            samples = scene(height, height, width, 1, top)
            keep(f"size-{bits}-bits-{width}x{height}", encode(samples, bits), bits, samples)
        flat = np.full((64, 700, 1), top // 3)
        keep(f"flat-{bits}-bits", encode(flat, bits), bits, flat)
        flat = np.full((64, 700, 3), top // 3)
        keep(f"flat-{bits}-bits-rgb", encode(flat, bits), bits, flat)
        extremes = np.random.default_rng(40).integers(0, 2, (19, 23, 1)) * top
        keep(f"extremes-{bits}-bits", encode(extremes, bits), bits, extremes)


def presets():
    samples = scene(41, 29, 37, 1, 255)
    for name, preset in {"thresholds": (255, 5, 12, 40, 64), "reset-3": (255, 3, 7, 21, 3), "reset-255": (255, 3, 7, 21, 255), "wide": (255, 9, 9, 255, 31)}.items():
        keep(f"preset-{name}", encode(samples, 8, preset=preset), 8, samples)
    # CharLS takes the precision's largest sample in place of the file's for the range of errors, in writing and reading;
    # these files are as the standard has it, and compared with libjpeg, which does, too.
    for bits, top in (8, 200), (8, 100), (12, 3000), (16, 4095), (16, 50000):
        samples = scene(42, 29, 37, 1, top)
        for near in 0, 3:
            data = encode_to(samples[..., 0].astype(int), bits, top, near)
            decoded = libjpeg.decode(data).reshape(samples.shape)
            assert abs(decoded.astype(int) - samples).max() <= near, (bits, top, near)
            keep_as(f"preset-{bits}-bits-to-{top}-near-{near}", data, decoded, bits)
    for near in 0, 3:  # the encoder below is CharLS's where both follow the standard
        samples = scene(42, 29, 37, 1, 255)
        assert parts(encode_to(samples[..., 0].astype(int), 8, 255, near))[1] == parts(encode(samples, 8, near))[1]


def thresholds(top, near):
    """The defaults for a largest sample (C.2.4.1.1.1)."""
    clamp = lambda v, least: least if v > top or v < least else v
    if top >= 128:
        factor = (min(top, 4095) + 128) // 256
        wanted = factor + 2 + 3 * near, 4 * factor + 3 + 5 * near, 17 * factor + 4 + 7 * near
    else:
        factor = 256 // (top + 1)
        wanted = max(2, 3 // factor + 3 * near), max(3, 7 // factor + 5 * near), max(4, 21 // factor + 7 * near)
    out = [near + 1]
    for v in wanted:
        out.append(clamp(v, out[-1]))
    return out[1:]


def encode_to(samples, bits, top, near):
    """A grey file with a largest sample of its own, by ITU-T T.87, annex A."""
    height, width = samples.shape
    step = 2 * near + 1
    values = (top + 2 * near) // step + 1
    error_bits, sample_bits = (values - 1).bit_length(), max(2, top.bit_length())
    limit = 2 * (sample_bits + max(8, sample_bits))
    start = max(2, (values + 32) // 64)
    t1, t2, t3 = thresholds(top, near)
    a, b, c, n = [start] * 367, [0] * 365, [0] * 365, [1] * 367
    below = [0, 0]
    lengths = [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [4, 4, 5, 5, 6, 6, 7, 7] + list(range(8, 16))
    out = []

    def region(d):
        size = abs(d)
        r = 4 if size >= t3 else 3 if size >= t2 else 2 if size >= t1 else 1 if size > near else 0
        return r if d > 0 else -r

    def code(value, k, most):
        if value >> k < most - error_bits - 1:
            out.append("0" * (value >> k) + "1" + (format(value & ((1 << k) - 1), f"0{k}b") if k else ""))
        else:
            out.append("0" * (most - error_bits - 1) + "1" + format(value - 1, f"0{error_bits}b"))

    def quantized(error):
        error = (error + near) // step if error > 0 else -((near - error) // step)
        if error < 0:
            error += values
        return error - values if error >= (values + 1) // 2 else error

    def mended(v):
        if v < -near:
            v += values * step
        elif v > top + near:
            v -= values * step
        return max(0, min(top, v))

    above, index = [0] * (width + 2), 0
    for y in range(height):
        above[width + 1] = above[width]
        here, x = [above[1]] + [0] * (width + 1), 1
        while x <= width:
            ra, rb, rc, rd = here[x - 1], above[x], above[x - 1], above[x + 1]
            q = 81 * region(rd - rb) + 9 * region(rb - rc) + region(rc - ra)
            if q:
                sign = 1 if q > 0 else -1
                q = abs(q)
                guess = min(ra, rb) if rc >= max(ra, rb) else max(ra, rb) if rc <= min(ra, rb) else ra + rb - rc
                guess = max(0, min(top, guess + sign * c[q]))
                error = quantized(sign * (int(samples[y, x - 1]) - guess))
                here[x] = mended(guess + sign * error * step)
                k = 0
                while n[q] << k < a[q]:
                    k += 1
                mapped = 2 * error if error >= 0 else -2 * error - 1
                if near == 0 and k == 0 and 2 * b[q] <= -n[q]:
                    mapped = 2 * error + 1 if error >= 0 else -2 * (error + 1)
                code(mapped, k, limit)
                a[q], b[q] = a[q] + abs(error), b[q] + error * step
                if n[q] == 64:
                    a[q], b[q], n[q] = a[q] >> 1, b[q] >> 1, n[q] >> 1
                n[q] += 1
                if b[q] <= -n[q]:
                    b[q], c[q] = max(b[q] + n[q], 1 - n[q]), max(c[q] - 1, -128)
                elif b[q] > 0:
                    b[q], c[q] = min(b[q] - n[q], 0), min(c[q] + 1, 127)
                x += 1
                continue
            run = 0
            while x + run <= width and abs(int(samples[y, x + run - 1]) - ra) <= near:
                here[x + run] = ra
                run += 1
            x += run
            while run >= 1 << lengths[index]:
                out.append("1")
                run -= 1 << lengths[index]
                index = min(index + 1, 31)
            if x > width:
                out.append("1" if run else "")
                continue
            out.append("0" + (format(run, f"0{lengths[index]}b") if lengths[index] else ""))
            rb = above[x]
            same = int(abs(ra - rb) <= near)
            guess, sign = (ra, 1) if same else (rb, -1 if ra > rb else 1)
            error = quantized(sign * (int(samples[y, x - 1]) - guess))
            here[x] = mended(guess + sign * error * step)
            q, temp = 365 + same, a[365 + same] + (n[366] >> 1) * same
            k = 0
            while n[q] << k < temp:
                k += 1
            odd = int(k == 0 and error > 0 and 2 * below[same] < n[q] or error < 0 and (2 * below[same] >= n[q] or k != 0))
            mapped = 2 * abs(error) - same - odd
            code(mapped, k, limit - lengths[index] - 1)
            below[same] += error < 0
            a[q] += (mapped + 1 - same) >> 1
            if n[q] == 64:
                a[q], n[q], below[same] = a[q] >> 1, n[q] >> 1, below[same] >> 1
            n[q] += 1
            index = max(0, index - 1)
            x += 1
        above = here
    data, pending = bytearray(), "".join(out)
    while pending:
        size = 7 if data and data[-1] == 0xFF else 8
        data.append(int(pending[:size].ljust(size, "0"), 2))
        pending = pending[size:]
    if data[-1] == 0xFF:
        data.append(0)
    preset = b"\xff\xf8\0\x0d\1" + struct.pack(">5H", top, *thresholds(top, near), 64)
    frame = b"\xff\xf7\0\x0b" + struct.pack(">BHHB", bits, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + frame + preset + b"\xff\xda\0\x08\1\1\0" + bytes([near]) + b"\0\0" + bytes(data) + b"\xff\xd9"


def restarts():
    grey, colour = scene(43, 29, 37, 1, 255), scene(44, 29, 37, 3, 4095)
    for lines in 1, 2, 10, 29, 40:
        keep(f"restarts-{lines}", with_restarts(grey, 8, lines), 8, grey)
    keep("restarts-rgb-samples", with_restarts(colour, 12, 3, interleave=SAMPLES), 12, colour)
    keep("restarts-rgb-lines", with_restarts(colour, 12, 4, near=1, interleave=LINES), 12, colour, 1)


def sizes_apart():
    samples = scene(45, 29, 37, 1, 255)
    head, coded = parts(encode(samples, 8))
    keep_as("height-behind", with_height(head, 0) + coded + b"\xff\xdc\0\4\0\x1d\xff\xd9", samples)
    keep_as("height-behind-of-4-bytes", with_height(head, 0) + coded + b"\xff\xdc\0\6\0\0\0\x1d\xff\xd9", samples)
    at = head.index(b"\xff\xf7")
    without = head[: at + 5] + bytes(4) + head[at + 9 :]
    size = b"\xff\xf8\0\x0c\4\4" + struct.pack(">II", 29, 37)
    keep_as("size-in-preset", without[:at] + size + without[at:] + coded + b"\xff\xd9", samples)
    wide = scene(46, 1, 66000, 1, 255)
    keep("size-66000x1", encode(wide, 8), 8, wide, check_libjpeg=False)


def keep_as(name, data, samples, precision=8):
    """A file whose samples are known, whatever decoders say."""
    files[name] = data
    height, width, channels = samples.shape
    sums[name] = f"{precision} {width} {height} {channels} {hashlib.sha256(samples.astype('>u2').tobytes()).hexdigest()[:32]}"


if __name__ == "__main__":
    kinds()
    presets()
    restarts()
    sizes_apart()
    with open(HERE / "jpegls.tar.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        lines = "".join(f"{name} {sums[name]}\n" for name in sorted(sums))
        for name, data in [("sums.txt", lines.encode())] + [(f"{name}.jls", files[name]) for name in sorted(files)]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    print(len(files), "files")
