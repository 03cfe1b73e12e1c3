"""Makes animations and what Pillow shows of them, for the tests of package picture/frames.

    python make_frames.py        writes frames/ beside this file; needs Pillow 13

frames.json lists, for each file, when its frames show (in milliseconds, with the end) and the SHA-256 of
each frame's pixels: in RGB, as convert("RGB") gives them, and in RGBA where the frame has alpha.
"""

import hashlib
import io
import json
import pathlib
import random
import struct
import zlib

from PIL import GifImagePlugin, Image, ImageDraw

HERE = pathlib.Path(__file__).parent / "frames"
WIDTH, HEIGHT = 24, 17


def noise(rng, width, height, mode, colours=256):
    if mode == "P":
        im = Image.new("P", (width, height))
        im.putdata([rng.randrange(colours) for _ in range(width * height)])
        im.putpalette([rng.randrange(256) for _ in range(3 * colours)])
        return im
    im = Image.new(mode, (width, height))
    bands = len(im.getbands())
    im.putdata([tuple(rng.randrange(256) for _ in range(bands)) for _ in range(width * height)])
    return im


def gif(rng, frames, palette_of_all=True, transparent=None, disposals=(0, 1, 2, 3), colours=16, interlace=False, background=3):
    """A GIF with frames of any size and place; transparent gives each frame's index or None."""
    shared = [rng.randrange(256) for _ in range(3 * colours)]
    out = b"GIF89a" + struct.pack("<HH", WIDTH, HEIGHT)
    bits = colours.bit_length() - 2
    out += bytes([(0x80 | bits) if palette_of_all else 0, background, 0]) + (bytes(shared) if palette_of_all else b"")
    for i in range(frames):
        x, y = (0, 0) if i == 0 and rng.random() < 0.5 else (rng.randrange(WIDTH - 1), rng.randrange(HEIGHT - 1))
        width, height = (WIDTH, HEIGHT) if (x, y) == (0, 0) else (rng.randint(1, WIDTH - x), rng.randint(1, HEIGHT - y))
        im = noise(rng, width, height, "P", colours)
        own = not palette_of_all or rng.random() < 0.3
        if not own:
            im.putpalette(shared)
        index = transparent(i) if transparent else None
        disposal = rng.choice(disposals)
        out += b"!\xf9\x04" + struct.pack("<BHB", disposal << 2 | (index is not None), 10 * i + 5, index or 0) + b"\0"
        table = bytes(im.getpalette()[: 3 * colours])
        table += bytes(3 * colours - len(table))
        out += b"," + struct.pack("<HHHHB", x, y, width, height, (0x80 | bits if own else 0) | (0x40 if interlace else 0))
        out += table if own else b""
        im.encoderinfo = {"interlace": interlace}
        data = GifImagePlugin.getdata(im, interlace=interlace)
        out += b"".join(data[1:])  # behind the descriptor
    return out + b";"


def saved(images, kind, **options):
    out = io.BytesIO()
    images[0].save(out, kind, save_all=True, append_images=images[1:], **options)
    return out.getvalue()


def moving(rng, frames, mode):
    """Drawings of which a part changes."""
    images = []
    base = noise(rng, WIDTH, HEIGHT, mode)
    for i in range(frames):
        im = base.copy()
        draw = ImageDraw.Draw(im)
        colour = tuple(rng.randrange(256) for _ in im.getbands())
        draw.rectangle([2 * i, i, 2 * i + 6, i + 5], fill=colour)
        images.append(im)
    return images


def webp_chunks(rng, frames, alpha):
    """Frames at any place, blended or not, cleared or not, lossy and lossless."""
    def chunk(name, content):
        return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    def u24(n):
        return struct.pack("<I", n)[:3]

    body = chunk(b"VP8X", bytes([2 | (0x10 if alpha else 0), 0, 0, 0]) + u24(WIDTH - 1) + u24(HEIGHT - 1))
    body += chunk(b"ANIM", b"\0\0\0\0" + b"\0\0")
    for i in range(frames):
        x, y = (0, 0) if i == 0 else (2 * rng.randrange(WIDTH // 2), 2 * rng.randrange(HEIGHT // 2))
        width, height = (WIDTH, HEIGHT) if i == 0 else (rng.randint(1, WIDTH - x), rng.randint(1, HEIGHT - y))
        im = noise(rng, width, height, "RGBA" if alpha else "RGB")
        if alpha:  # all of the range, and its ends more often
            im.putalpha(Image.frombytes("L", (width, height), bytes(rng.choice([0, 255, rng.randrange(256)]) for _ in range(width * height))))
        one = io.BytesIO()
        im.save(one, "WEBP", lossless=rng.random() < 0.6, exact=True, quality=90)
        chunks, rest = b"", one.getvalue()[12:]
        while rest:
            length = 8 + struct.unpack("<I", rest[4:8])[0]
            length += length % 2
            if rest[:4] in (b"ALPH", b"VP8 ", b"VP8L"):
                chunks += rest[:length]
            rest = rest[length:]
        flags = (0 if rng.random() < 0.6 else 2) | (rng.random() < 0.4)
        body += chunk(b"ANMF", u24(x // 2) + u24(y // 2) + u24(width - 1) + u24(height - 1) + u24(40 * i + 20) + bytes([flags]) + chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def apng(rng, frames, mode):
    """Frames at any place, blended or not, cleared or not."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    bands = len(mode)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, {3: 2, 4: 6}[bands], 0, 0, 0))
    out += chunk(b"acTL", struct.pack(">II", frames, 0))
    number = 0
    for i in range(frames):
        x, y = (0, 0) if i == 0 else (rng.randrange(WIDTH - 1), rng.randrange(HEIGHT - 1))
        width, height = (WIDTH, HEIGHT) if i == 0 else (rng.randint(1, WIDTH - x), rng.randint(1, HEIGHT - y))
        im = noise(rng, width, height, mode)
        if mode == "RGBA":
            im.putalpha(Image.frombytes("L", (width, height), bytes(rng.choice([0, 255, rng.randrange(256)]) for _ in range(width * height))))
        out += chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, x, y, i + 1, 0 if i % 2 else 10, rng.choice([0, 1, 2]), rng.choice([0, 1])))
        number += 1
        raw = im.tobytes()
        packed = zlib.compress(b"".join(b"\0" + raw[width * bands * j : width * bands * (j + 1)] for j in range(height)))
        if i == 0:
            out += chunk(b"IDAT", packed)
        else:
            out += chunk(b"fdAT", struct.pack(">I", number) + packed)
            number += 1
    return out + chunk(b"IEND", b"")


def turned(avif):
    """Puts a turn by three quarters against the clock, EXIF's 6, where the track says what its colours are."""
    at = avif.index(b"colrnclx", avif.index(b"moov")) - 4
    assert avif[at : at + 4] == struct.pack(">I", 19)
    return avif[:at] + struct.pack(">I4sB", 9, b"irot", 3) + struct.pack(">I4s2x", 10, b"free") + avif[at + 19 :]


def main():
    HERE.mkdir(exist_ok=True)
    rng = random.Random(20261130)
    files = {
        "opaque.gif": gif(rng, 6),
        "transparent.gif": gif(rng, 8, transparent=lambda i: 5),
        "later-transparent.gif": gif(rng, 8, transparent=lambda i: 2 if i % 3 else None),
        "first-transparent.gif": gif(rng, 8, transparent=lambda i: 4 if i % 2 == 0 else None),
        "own-palettes.gif": gif(rng, 6, palette_of_all=False, transparent=lambda i: i if i % 2 else None),
        "previous.gif": gif(rng, 6, disposals=(3,), transparent=lambda i: 1),
        "background.gif": gif(rng, 6, disposals=(2,)),
        "interlaced.gif": gif(rng, 4, interlace=True),
        "pillow.gif": saved(moving(rng, 5, "RGB"), "GIF", duration=[10, 20, 30, 40, 50]),
        "opaque.webp": webp_chunks(rng, 6, False),
        "alpha.webp": webp_chunks(rng, 10, True),
        "pillow.webp": saved(moving(rng, 5, "RGBA"), "WEBP", duration=40, lossless=True),
        "rgb.png": apng(rng, 7, "RGB"),
        "rgba.png": apng(rng, 9, "RGBA"),
        "pillow.png": saved(moving(rng, 5, "RGBA"), "PNG", duration=40, disposal=[0, 1, 2, 1, 0], blend=[0, 1, 1, 1, 0]),
        "pillow.avif": saved(moving(rng, 5, "RGB"), "AVIF", duration=[10, 20, 30, 40, 50]),
        "alpha.avif": saved(moving(rng, 5, "RGBA"), "AVIF", duration=40, quality=90, subsampling="4:4:4"),
        "turned.avif": turned(saved(moving(rng, 3, "RGB"), "AVIF", duration=1001)),
        "long.avif": saved(moving(rng, 12, "RGB") * 3, "AVIF", duration=33, quality=60),
    }
    listed = {}
    for name, data in files.items():
        (HERE / name).write_bytes(data)
        im = Image.open(io.BytesIO(data))
        starts, frames, at = [], [], 0
        for i in range(im.n_frames):
            # Opened anew, since Pillow 13 composes an APNG differently once an earlier frame was loaded.
            frame = Image.open(io.BytesIO(data))
            frame.seek(i)
            frame.load()
            starts.append(round(at))
            at += frame.info.get("duration", 0)
            entry = {"rgb": hashlib.sha256(frame.convert("RGB").tobytes()).hexdigest()}
            if frame.mode == "RGBA" or "transparency" in frame.info:
                entry["rgba"] = hashlib.sha256(frame.convert("RGBA").tobytes()).hexdigest()
            frames.append(entry)
        listed[name] = {"starts": starts, "end": round(at), "frames": frames}
        if name.endswith(".avif") and (orientation := im.getexif().get(0x0112, 1)) > 1:
            listed[name]["orientation"] = orientation
    (HERE / "frames.json").write_text(json.dumps(listed, indent=1) + "\n")


main()
