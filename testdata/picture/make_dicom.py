#!/usr/bin/env python3
"""Makes dicom.tar.gz, small DICOM files and their pixels, and dicom.txt, sums of pixels of pydicom's test files.

Run in an environment with pydicom 3.0.2, pylibjpeg 2.1.0 with libjpeg 2.5.0 and openjpeg 2.6.0, NumPy, Pillow 13 and imagecodecs 2026.3.6:

    python make_dicom.py

The modality's values are those of pydicom (stored samples, rescale or modality LUT, colours of palettes and
YBR); what of them is to be seen is computed here by the formulas of PS3.3 C.11.2.1, since pydicom 3.0.2's
apply_voi_lut maps the window 40/400 of a CT to -33792..31743 and leaves MONOCHROME1 as it is. Lossy JPEGs of
8 bits are decoded by pydicom through Pillow, of 12 bits by imagecodecs (libjpeg-turbo 3.1.3). The files of dicom.tar.gz are of random numbers with a seed: they
show nobody.

A member NAME of the archive has its first frame's pixels in NAME.rgb: width and height of 32 bits, little endian, and
RGB; NAME.alpha has a byte for each pixel where samples are missing. dicom.txt has a line per file: the path
below pydicom/data/test_files, width, height, the largest difference that is allowed, and the CRC-32 of the
RGB pixels, or the pixels themselves in dicom.tar.gz under the path's name where a difference is allowed.
"""

import gzip
import io
import pathlib
import struct
import tarfile
import warnings
import zlib

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import apply_color_lut, apply_modality_lut, convert_color_space, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian,
                         JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless)

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(20)


def stored(ds, frame=0):
    """The stored samples of a frame, height x width (x 3), and the photometric interpretation that they have."""
    tsyntax = ds.file_meta.TransferSyntaxUID
    if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds or ds.BitsAllocated == 1:  # whose frames begin within bytes
        pixels = pixel_array(ds)
        return (pixels[frame] if ds.get("NumberOfFrames", 1) > 1 else pixels), ds.PhotometricInterpretation
    if ds.HighBit >= ds.BitsStored:  # of which pydicom knows nothing
        return pixel_array(ds, correct_unused_bits=False, index=frame) >> (ds.HighBit + 1 - ds.BitsStored), ds.PhotometricInterpretation
    if tsyntax == JPEGExtended12Bit:
        return imagecodecs.jpeg_decode(get_frame(ds.PixelData, frame, number_of_frames=int(ds.get("NumberOfFrames") or 1))), ds.PhotometricInterpretation
    options = {"raw": False, "index": frame}
    if tsyntax == JPEGBaseline8Bit:
        options["decoding_plugin"] = "pillow"
    pixels = pixel_array(ds, **options)  # with colours as RGB
    return pixels, "RGB" if ds.SamplesPerPixel == 3 else ds.PhotometricInterpretation


def first(value):
    return value[0] if isinstance(value, pydicom.multival.MultiValue) else value


def groups(ds, frame):
    """The attributes of a frame: those of the file, of all frames, of this one."""
    shown = {k: ds.get(k) for k in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction")}
    items = [ds.get("SharedFunctionalGroupsSequence", [None])[:1]]
    per = ds.get("PerFrameFunctionalGroupsSequence", [])
    items.append(per[frame:frame + 1])
    for one in items:
        for item in one or []:
            if item is None:
                continue
            for name in "PixelValueTransformationSequence", "FrameVOILUTSequence":
                for inner in item.get(name, [])[:1]:
                    shown.update({k: inner.get(k) for k in shown if k in inner})
    return shown


def values(ds, pixels, shown):
    if ds.get("ModalityLUTSequence"):
        return apply_modality_lut(pixels, ds).astype(float)
    if shown["RescaleSlope"] is not None and shown["RescaleIntercept"] is not None:
        return pixels * float(shown["RescaleSlope"]) + float(shown["RescaleIntercept"])
    return pixels.astype(float)


def spread(v, low, high):
    if low == high:
        return np.where(v > high, 255, 0).astype(np.uint8)
    return np.rint(np.clip((v - low) / (high - low) * 255, 0, 255)).astype(np.uint8)


def grey(ds, pixels, frame, ranged=None):
    """Bytes of a grey image, and where samples are missing."""
    shown = groups(ds, frame)
    v = values(ds, pixels, shown)
    missing = np.zeros(v.shape, bool) | ~np.isfinite(v)
    for name, limit in ("PixelPaddingValue", "PixelPaddingRangeLimit"), ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"):
        if name in ds:
            low, high = float(ds[name].value), float(ds.get(limit, ds[name].value))
            if ds.PixelRepresentation == 1 and name == "PixelPaddingValue" and low > 32767:
                low, high = low - 65536, high - 65536
            missing |= (pixels >= min(low, high)) & (pixels <= max(low, high))
    center, width = first(shown["WindowCenter"]), first(shown["WindowWidth"])
    function = shown["VOILUTFunction"] or "LINEAR"
    bits = ds.get("BitsStored", 0)
    plain = not ds.get("ModalityLUTSequence") and (shown["RescaleSlope"] in (None, 1) and shown["RescaleIntercept"] in (None, 0))
    if ranged:
        out = spread(v, *ranged)
    elif ds.get("VOILUTSequence"):
        item = ds.VOILUTSequence[0]
        entries, start, depth = item.LUTDescriptor
        data = item.LUTData
        table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.array(data)
        index = np.clip(np.trunc(v - start), 0, (entries or 65536) - 1).astype(int)
        out = spread(table[index].astype(float), 0, 2**depth - 1)
    elif center is not None and width:
        center, width = float(center), float(width)
        if function == "LINEAR":
            out = spread(v, center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2)
        elif function == "LINEAR_EXACT":
            out = spread(v, center - width / 2, center + width / 2)
        else:
            out = np.rint(255 / (1 + np.exp(-4 * (v - center) / width))).astype(np.uint8)
    elif ds.PixelRepresentation == 0 and plain and bits <= 16 and v.dtype == float and "PixelData" in ds:
        if bits < 8:
            out = spread(v, 0, 2**bits - 1)
        else:
            out = (v.astype(int) >> (bits - 8)).astype(np.uint8)
    elif "PixelData" not in ds and np.nanmin(v[~missing]) >= 0 and np.nanmax(v[~missing]) <= 1:
        out = spread(np.where(missing, 0, v), 0, 1)
    else:
        seen = v[~missing]
        out = spread(np.where(missing, seen.min(), v), seen.min(), seen.max())
    if ds.PhotometricInterpretation == "MONOCHROME1":
        out = 255 - out
    return np.where(missing, 0, out).astype(np.uint8), missing


def shown(ds, frame=0, ranged=None):
    """RGB pixels of a frame, and the mask of those that are missing."""
    pixels, _ = stored(ds, frame)
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        out = apply_color_lut(pixels, ds)
        out = (out >> 8).astype(np.uint8) if out.dtype == np.uint16 and out.max() > 255 else out.astype(np.uint8)
        return out[..., :3], None
    if ds.SamplesPerPixel == 1:
        out, missing = grey(ds, pixels, frame, ranged)
        return np.repeat(out[..., None], 3, axis=2), missing if missing.any() else None
    bits = ds.BitsStored
    if bits > 16:
        v = pixels.astype(float)
        return spread(v, v.min(), v.max()), None
    return (pixels >> (bits - 8)).astype(np.uint8) if bits > 8 else pixels.astype(np.uint8), None


# --- pydicom's test files


def corpus(add):
    base = pathlib.Path(pydicom.__file__).parent / "data" / "test_files"
    lines = []
    for path in sorted(base.rglob("*")):
        name = str(path.relative_to(base))
        if not path.is_file() or path.suffix in (".txt", ".json", ".icc", ".gz", ".dump"):
            continue
        try:
            ds = pydicom.dcmread(path)
        except Exception as error:  # no preamble
            lines.append(f"{name} 0 0 0 - {type(error).__name__}\n")
            continue
        if "Rows" not in ds:
            lines.append(f"{name} 0 0 0 - no image\n")
            continue
        try:
            pixels, missing = shown(ds)
        except Exception as error:
            lines.append(f"{name} {ds.Columns} {ds.Rows} 0 - {type(error).__name__}\n")
            continue
        loose = 0
        if ds.SamplesPerPixel == 3 and ds.PhotometricInterpretation.startswith("YBR") and ds.file_meta.TransferSyntaxUID != JPEGBaseline8Bit:
            loose = 1
        lines.append(f"{name} {ds.Columns} {ds.Rows} {loose} {zlib.crc32(pixels.tobytes()):08x} {ds.file_meta.TransferSyntaxUID.name.replace(' ', '_')}\n")
        if loose and pixels.size < 100_000:
            add("corpus/" + name + ".rgb", raw(pixels))
    (HERE / "dicom.txt").write_text("".join(lines))
    print(len(lines), "files of pydicom")


def raw(pixels):
    return struct.pack("<II", pixels.shape[1], pixels.shape[0]) + np.ascontiguousarray(pixels).tobytes()


# --- files of our own


def dataset(pixels, photometric="MONOCHROME2", stored=None, high=None, signed=False, syntax=ExplicitVRLittleEndian, frames=None, planar=0, **more):
    """A file of pixels: (frames x) height x width (x 3)."""
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128,
                     is_implicit_VR=syntax == ImplicitVRLittleEndian, is_little_endian=syntax != ExplicitVRBigEndian)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3"
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PatientName = "Nobody^Secret"
    ds.PatientID = "SECRET-ID"
    colour = photometric.startswith(("RGB", "YBR"))
    shape = pixels.shape[1:] if frames else pixels.shape
    ds.Rows, ds.Columns = shape[:2]
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = photometric
    if colour:
        ds.PlanarConfiguration = planar
    if frames:
        ds.NumberOfFrames = frames
    allocated = 8 * pixels.dtype.itemsize
    if pixels.dtype.kind == "f":
        ds.BitsAllocated = allocated
        ds.PixelRepresentation = 0
        if allocated == 32:
            ds.FloatPixelData = pixels.tobytes()
        else:
            ds.DoubleFloatPixelData = pixels.tobytes()
    else:
        ds.BitsAllocated, ds.BitsStored = allocated, stored or allocated
        ds.HighBit = high if high is not None else ds.BitsStored - 1
        ds.PixelRepresentation = int(signed)
        if planar:
            pixels = np.moveaxis(pixels, -1, -3)
        data = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OW" if allocated > 8 else "OB"
    for key, value in more.items():
        setattr(ds, key, value)
    return ds


def sequence(**attributes):
    item = Dataset()
    for key, value in attributes.items():
        setattr(item, key, value)
    return Sequence([item])


def lut(start, data, bits):
    item = Dataset()
    item.add_new(0x00283002, "SS" if start < 0 else "US", [len(data) % 65536, start, bits])
    item.add_new(0x00283006, "OW", np.asarray(data, "<u2").tobytes())
    return Sequence([item])


def packed(bits):
    return np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little").tobytes()


def rle(ds):
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return ds


def own():
    """The names and files."""
    h, w = 13, 17
    noise = lambda low, high, dtype, shape=(h, w): RNG.integers(low, high, shape, endpoint=True).astype(dtype)
    ct = noise(0, 4095, np.int16)
    yield "mono8", dataset(noise(0, 255, np.uint8))
    yield "mono8-inverted", dataset(noise(0, 255, np.uint8), "MONOCHROME1")
    yield "mono8-signed", dataset(noise(-128, 127, np.int8), signed=True)
    yield "mono4-in-8", dataset(noise(0, 15, np.uint8), stored=4)
    yield "mono16", dataset(noise(0, 65535, np.uint16))
    yield "mono16-signed", dataset(noise(-32768, 32767, np.int16), signed=True)
    yield "mono12", dataset(noise(0, 4095, np.uint16), stored=12)
    yield "mono12-signed-high", dataset((noise(-2048, 2047, np.int16) << 4).astype(np.int16), stored=12, high=15, signed=True)
    yield "mono10-dirty", dataset(noise(0, 65535, np.uint16), stored=10)
    yield "mono32", dataset(noise(0, 2**32 - 1, np.uint32))
    yield "mono32-signed", dataset(noise(-2**31, 2**31 - 1, np.int32), signed=True, RescaleSlope="0.25", RescaleIntercept="7")
    yield "float32", dataset(RNG.normal(0, 100, (h, w)).astype(np.float32), FloatPixelPaddingValue=0.0)
    yield "float32-unit", dataset(RNG.random((h, w)).astype(np.float32))
    yield "float64-window", dataset(RNG.normal(0, 100, (h, w)), WindowCenter="0", WindowWidth="150", RescaleSlope="1.5", RescaleIntercept="-3")
    for name, more in {
        "linear": {}, "linear-1": {"WindowWidth": "1"}, "exact": {"VOILUTFunction": "LINEAR_EXACT"}, "sigmoid": {"VOILUTFunction": "SIGMOID"},
        "several": {"WindowCenter": ["40", "500"], "WindowWidth": ["400", "2000"]}, "none": {"WindowWidth": "0"},
    }.items():
        for inverted in "", "-inverted":
            yield f"window-{name}{inverted}", dataset(ct, "MONOCHROME1" if inverted else "MONOCHROME2", stored=16, signed=True, **{
                "RescaleSlope": "1", "RescaleIntercept": "-1024", "WindowCenter": "40", "WindowWidth": "400", **more})
    yield "rescale", dataset(noise(0, 4095, np.uint16), stored=12, RescaleSlope="0.684", RescaleIntercept="200.5", WindowCenter="1600", WindowWidth="2800.5")
    yield "rescale-falling", dataset(noise(0, 4095, np.uint16), stored=12, RescaleSlope="-2", RescaleIntercept="100")
    table = np.sort(noise(0, 4095, np.uint16, 300))
    yield "modality-lut", dataset(noise(0, 400, np.uint16), stored=12, ModalityLUTSequence=lut(50, table, 16), WindowCenter="2000", WindowWidth="3000")
    yield "modality-lut-signed", dataset(noise(-300, 300, np.int16), signed=True, ModalityLUTSequence=lut(-150, table, 16))
    yield "voi-lut", dataset(noise(0, 400, np.uint16), stored=12, VOILUTSequence=lut(60, np.sort(noise(0, 1023, np.uint16, 256)), 10), WindowCenter="9", WindowWidth="9")
    yield "voi-lut-signed", dataset(noise(0, 4095, np.int16), signed=True, RescaleSlope="1", RescaleIntercept="-1024", VOILUTSequence=lut(-200, table, 12))
    both = dataset(noise(0, 400, np.uint16), "MONOCHROME1", stored=12, ModalityLUTSequence=lut(50, table, 16), VOILUTSequence=lut(1000, np.sort(noise(0, 255, np.uint16, 2000)), 8))
    yield "both-luts", both
    padded = noise(-1000, 1000, np.int16)
    padded[:4] = -2000
    yield "padding", dataset(padded, signed=True, PixelPaddingValue=-2000, WindowCenter="40", WindowWidth="400", RescaleSlope="1", RescaleIntercept="0")
    padded = noise(0, 4095, np.uint16)
    padded[:, 3:6] = [[10, 11, 12]] * h
    yield "padding-range", dataset(padded, "MONOCHROME1", stored=12, PixelPaddingValue=10, PixelPaddingRangeLimit=12)
    rgb8, rgb16 = noise(0, 255, np.uint8, (h, w, 3)), noise(0, 65535, np.uint16, (h, w, 3))
    yield "rgb8", dataset(rgb8, "RGB")
    yield "rgb8-planar", dataset(rgb8, "RGB", planar=1)
    yield "rgb16", dataset(rgb16, "RGB")
    yield "rgb16-planar", dataset(rgb16, "RGB", planar=1)
    yield "ybr-full", dataset(rgb8, "YBR_FULL")
    yield "ybr-full-planar", dataset(rgb8, "YBR_FULL", planar=1)
    pairs = dataset(noise(0, 255, np.uint8, (12, 16, 3)), "YBR_FULL_422")
    pairs.PixelData = noise(0, 255, np.uint8, 12 * 16 * 2).tobytes()
    yield "ybr-full-422", pairs
    colours = {}
    for name in "Red", "Green", "Blue":
        colours[name] = noise(0, 255, np.uint8, 256)
    for bits in 8, 16:
        palette = dataset(noise(0, 255, np.uint8), "PALETTE COLOR")
        for name, data in colours.items():
            setattr(palette, f"{name}PaletteColorLookupTableDescriptor", [256, 0, bits])
            setattr(palette, f"{name}PaletteColorLookupTableData", data.tobytes() if bits == 8 else (data.astype("<u2") * 257).tobytes())
        yield f"palette{bits}", palette
    palette = dataset(noise(0, 1500, np.uint16), "PALETTE COLOR", stored=12)
    for name in colours:
        words = [0, 4, *noise(0, 65535, np.uint16, 4), 1, 600, int(noise(0, 65535, np.uint16, 1)[0]), 1, 396, 40_000]
        setattr(palette, f"{name}PaletteColorLookupTableDescriptor", [1000, 200, 16])
        setattr(palette, f"Segmented{name}PaletteColorLookupTableData", np.array(words, "<u2").tobytes())
    yield "palette-segmented", palette
    bits = noise(0, 1, np.uint8, (3, h, w))
    segments = dataset(bits, frames=3)
    segments.BitsAllocated, segments.BitsStored, segments.HighBit = 1, 1, 0
    data = packed(bits)
    segments.PixelData = data + b"\0" * (len(data) % 2)
    yield "bits-frames", segments
    enhanced = dataset(noise(0, 4095, np.uint16, (4, h, w)), frames=4, stored=12)
    shared, per = Dataset(), []
    shared.PixelValueTransformationSequence = sequence(RescaleSlope="1", RescaleIntercept="-1024")
    enhanced.SharedFunctionalGroupsSequence = Sequence([shared])
    for i in range(4):
        item = Dataset()
        item.FrameVOILUTSequence = sequence(WindowCenter=str(100 * i), WindowWidth=str(800 + i))
        if i == 2:
            item.PixelValueTransformationSequence = sequence(RescaleSlope="2", RescaleIntercept="-2000")
        per.append(item)
    enhanced.PerFrameFunctionalGroupsSequence = Sequence(per)
    enhanced.FrameTime = "40"
    yield "enhanced-frames", enhanced
    yield "rgb8-frames", dataset(noise(0, 255, np.uint8, (3, h, w, 3)), "RGB", frames=3)
    for name, make in {
        "mono8": lambda s: dataset(noise(0, 255, np.uint8), syntax=s), "mono16": lambda s: dataset(ct, stored=16, signed=True, syntax=s, WindowCenter="2000", WindowWidth="900"),
        "mono32": lambda s: dataset(noise(0, 2**32 - 1, np.uint32), syntax=s), "rgb16": lambda s: dataset(rgb16, "RGB", syntax=s),
    }.items():
        for kind, syntax in ("implicit", ImplicitVRLittleEndian), ("big", ExplicitVRBigEndian), ("deflated", DeflatedExplicitVRLittleEndian):
            yield f"{name}-{kind}", make(syntax)
    odd = dataset(noise(0, 255, np.uint8, (3, 5, 3)), syntax=ExplicitVRBigEndian)
    data = np.frombuffer(odd.PixelData, np.uint8).reshape(-1)
    odd.NumberOfFrames, odd.Rows, odd.Columns = 3, 5, 3
    odd.PixelData = data.reshape(-1, 2)[:, ::-1].tobytes()  # words of bytes, swapped
    odd["PixelData"].VR = "OW"
    yield "mono8-big-words-frames", odd
    yield "rle-mono8", rle(dataset(noise(0, 3, np.uint8)))
    yield "rle-mono16", rle(dataset(ct, stored=16, signed=True, WindowCenter="2000", WindowWidth="900"))
    yield "rle-rgb8-frames", rle(dataset(noise(0, 9, np.uint8, (3, h, w, 3)), "RGB", frames=3))
    yield "rle-rgb16", rle(dataset(rgb16, "RGB"))


def jpeg_frames(ds, frames, fragments, table):
    """A file of JPEGs by Pillow, in fragments, with or without a table of offsets."""
    from PIL import Image
    coded = []
    for frame in frames:
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", quality=80)
        coded.append(buffer.getvalue())
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate(coded, fragments_per_frame=fragments, has_bot=table)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.PhotometricInterpretation = "YBR_FULL_422" if frames.ndim == 4 else "MONOCHROME2"
    return ds


def own_jpegs():
    smooth = np.add.outer(np.arange(24), np.arange(40))[None, ..., None] * np.array([1, 2, 3]) + np.arange(3)[:, None, None, None] * 20
    smooth = (smooth % 256).astype(np.uint8)
    for fragments in 1, 3:
        for table in True, False:
            yield f"jpeg-frames-{fragments}-{'table' if table else 'bare'}", jpeg_frames(dataset(smooth, "RGB", frames=3), smooth, fragments, table)
    extended = jpeg_frames(dataset(smooth, "RGB", frames=3), smooth, 1, False)
    yield "jpeg-grey", jpeg_frames(dataset(smooth[0, ..., 0]), smooth[:1, ..., 0], 2, False)
    del extended


def main():
    warnings.simplefilter("ignore")
    members = {}

    def add(name, data):
        members[name] = data

    for name, ds in [*own(), *own_jpegs()]:
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        add(name + ".dcm", buffer.getvalue())
        again = pydicom.dcmread(io.BytesIO(buffer.getvalue()))
        for frame in range(int(ds.get("NumberOfFrames") or 1)):
            number = f"#{frame + 1}" if ds.get("NumberOfFrames") else ""
            pixels, missing = shown(again, frame)
            add(f"{name}.dcm{number}.rgb", raw(pixels))
            if missing is not None:
                add(f"{name}.dcm{number}.alpha", (~missing).astype(np.uint8).tobytes())
        if ds.SamplesPerPixel == 1 and "PALETTE" not in ds.PhotometricInterpretation and "NumberOfFrames" not in ds:
            add(f"{name}.dcm.ranged", raw(shown(again, 0, (-100, 300))[0]))
    # The same without preamble and header, as old programs write it.
    for name, offset in ("mono16.dcm", 128), ("mono16-implicit.dcm", 128):
        data = members[name]
        at = data.index(b"\x08\x00\x16\x00", offset)
        add("bare-" + name, data[at:])
        add("bare-" + name + ".rgb", members[name + ".rgb"])
    corpus(add)
    with (HERE / "dicom.tar.gz").open("wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as zipped, tarfile.open(mode="w", fileobj=zipped, format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(members.items()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    print(len(members), "members,", (HERE / "dicom.tar.gz").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
