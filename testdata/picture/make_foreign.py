#!/usr/bin/env python3
"""Makes foreign.tar.gz: the beginnings of pictures of kinds that are not decoded, as libraries write them.

Pinned: Pillow 13.0.0, numpy 2.4.6, pydicom 3.0.2, nibabel 5.4.2, pynrrd 1.1.3, pillow-heif 1.8.1,
tifffile 2026.3.3. Run it in a virtual environment that holds these:

    python make_foreign.py

A member KIND/NAME is the first 600 bytes of a picture of that kind, which is what its recognition
needs. KIND "none" is of files that are no pictures, "tiff" of one that is decoded though DICOM
wraps it. Where no library of the above writes a kind, the bytes are the header that its
specification asks for.
"""

import gzip
import io
import pathlib
import struct
import sqlite3
import tarfile
import tempfile
import wave
import zipfile

import nibabel
import nrrd
import numpy as np
import pillow_heif
import pydicom
import pydicom.uid
import tifffile
from PIL import Image

HERE = pathlib.Path(__file__).parent
HEAD = 600
files = {}
pixels = np.add.outer(np.arange(40), 3 * np.arange(48)).astype(np.uint8)
rgb = np.dstack([pixels, 255 - pixels, pixels // 2])
colours, grey = Image.fromarray(rgb), Image.fromarray(pixels)


def add(kind, name, data):
    files[f"{kind}/{name}"] = bytes(data)[:HEAD]


def pillow(kind, name, image=colours, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    add(kind, name, buffer.getvalue())


def by_pillow():
    pillow("JPEG 2000", "a.jp2", format="JPEG2000")
    pillow("JPEG 2000", "a.j2k", format="JPEG2000", no_jp2=True)
    pillow("AVIF", "a.avif", format="AVIF")
    pillow("a Windows icon", "a.ico", format="ICO", sizes=[(16, 16), (32, 32)])
    pillow("a Windows icon", "bitmap.ico", format="ICO", bitmap_format="bmp", sizes=[(16, 16)])
    pillow("a macOS icon", "a.icns", colours.resize((64, 64)), format="ICNS")
    pillow("PCX", "a.pcx", format="PCX")
    pillow("PCX", "grey.pcx", grey, format="PCX")
    pillow("PCX", "bilevel.pcx", grey.convert("1"), format="PCX")
    pillow("PNM", "a.ppm", format="PPM")
    pillow("PNM", "a.pgm", grey, format="PPM")
    pillow("PNM", "a.pbm", grey.convert("1"), format="PPM")
    pillow("PFM", "a.pfm", grey.convert("F"), format="PPM")
    pillow("TGA", "a.tga", format="TGA")
    pillow("TGA", "packed.tga", format="TGA", compression="tga_rle")
    pillow("TGA", "alpha.tga", colours.convert("RGBA"), format="TGA")
    pillow("TGA", "grey.tga", grey, format="TGA")
    pillow("TGA", "palette.tga", colours.quantize(16), format="TGA")
    pillow("SGI", "a.sgi", format="SGI")
    pillow("SGI", "grey.bw", grey, format="SGI")
    pillow("XBM", "a.xbm", grey.convert("1"), format="XBM")
    pillow("DDS", "a.dds", format="DDS")
    pillow("QOI", "a.qoi", format="QOI")
    pillow("EPS", "a.eps", format="EPS")
    pillow("BigTIFF", "a.btf", format="TIFF", big_tiff=True)
    pillow("none", "a.pdf", format="PDF")
    heif = pillow_heif.from_pillow(colours)
    buffer = io.BytesIO()
    heif.save(buffer)
    add("HEIC", "a.heic", buffer.getvalue())
    add("HEIC", "unnamed", buffer.getvalue())


def dicom():
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3.4"
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = 40, 48, 8, 8, 7
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.SpecificCharacterSet = "ISO_IR 100"
    data.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    add("DICOM", "a.dcm", buffer.getvalue())
    add("DICOM", "unnamed", buffer.getvalue())
    add("DICOM", "IM000001", buffer.getvalue())
    # Files of before part 10 of the standard have neither preamble nor mark.
    for implicit, name in ((False, "explicit"), (True, "implicit")):
        buffer = io.BytesIO()
        bare = pydicom.Dataset(data)
        bare.save_as(buffer, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        plain = buffer.getvalue()
        add("DICOM", f"bare-{name}.dcm", plain)
        add("DICOM", f"bare-{name}", plain)
    # A preamble may be a TIFF's header, as slide scanners write it; here it leads nowhere.
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    add("DICOM", "with-tiff-header.dcm", b"II*\0" + struct.pack("<I", 1 << 20) + buffer.getvalue()[8:])
    # One that leads to a TIFF's directory behind the mark.
    directory = b""
    tags = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 144 + 2 + 12 * 9 + 4, 277: 1, 278: 4, 279: 16}
    for tag, value in tags.items():
        directory += struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value)
    whole = b"II*\0" + struct.pack("<I", 144) + bytes(120) + b"DICM" + bytes(12)
    add("tiff", "dual.dcm", whole + struct.pack("<H", len(tags)) + directory + bytes(4) + bytes(range(16)))


def volumes():
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        volume = np.dstack([pixels] * 3).astype(np.int16)
        for version, image in ((1, nibabel.Nifti1Image), (2, nibabel.Nifti2Image)):
            nibabel.save(image(volume, np.eye(4)), scratch / "a.nii")
            add("NIfTI", f"version{version}.nii", (scratch / "a.nii").read_bytes())
            add("NIfTI", f"version{version}", (scratch / "a.nii").read_bytes())
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), scratch / "a.nii.gz")
        add("NIfTI", "packed.nii.gz", (scratch / "a.nii.gz").read_bytes())
        nrrd.write(str(scratch / "a.nrrd"), volume)
        add("NRRD", "a.nrrd", (scratch / "a.nrrd").read_bytes())
        add("NRRD", "unnamed", (scratch / "a.nrrd").read_bytes())
        tifffile.imwrite(scratch / "a.tif", rgb, bigtiff=True)
        add("BigTIFF", "a.tif", (scratch / "a.tif").read_bytes())


def by_specification():
    add("a Windows cursor", "a.cur", struct.pack("<HHHBBBBHHII", 0, 2, 1, 32, 32, 0, 0, 5, 5, 300, 22) + bytes(300))
    add("PNM", "plain.ppm", b"P3\n# a comment\n4 4 255\n" + b"1 2 3 " * 16)
    add("PNM", "a.pam", b"P7\nWIDTH 4\nHEIGHT 4\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + bytes(48))
    add("PNM", "unnamed", b"P5 4 4 255\n" + bytes(16))
    add("farbfeld", "a.ff", b"farbfeld" + struct.pack(">II", 4, 4) + bytes(128))
    add("a Sun raster", "a.ras", struct.pack(">8I", 0x59A66A95, 4, 4, 24, 48, 1, 0, 0) + bytes(48))
    add("XPM", "a.xpm", b'/* XPM */\nstatic char *a[] = {\n"2 1 2 1",\n"a c #ff0000",\n"b c #00ff00",\n"ab"};\n')
    add("IFF ILBM", "a.iff", b"FORM" + struct.pack(">I", 100) + b"ILBMBMHD" + bytes(92))
    add("SVG", "a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>')
    add("SVG", "declared.svg", b'<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>')
    add("SVG", "a.svgz", gzip.compress(b'<svg xmlns="http://www.w3.org/2000/svg"/>', mtime=0))
    add("a Photoshop document", "a.psd", b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 4, 4, 8, 3) + bytes(60))
    add("a GIMP document", "a.xcf", b"gimp xcf v011\0" + struct.pack(">III", 4, 4, 0))
    add("OpenEXR", "a.exr", struct.pack("<II", 20000630, 2) + b"channels\0chlist\0" + bytes(40))
    add("Radiance HDR", "a.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 4\n" + bytes(64))
    add("FITS", "a.fits", b"".join(c.ljust(80) for c in (b"SIMPLE  =                    T", b"BITPIX  =                    8", b"NAXIS   =                    2")))
    add("FITS", "a.fit", b"SIMPLE  =                    T".ljust(80))
    add("JPEG XL", "a.jxl", b"\xff\x0a\x7a\x1f" + bytes(40))
    add("JPEG XL", "container.jxl", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl ")
    add("JPEG-LS", "a.jls", b"\xff\xd8\xff\xf7\0\x0b\x08\0\4\0\4\1\1\x11\0\xff\xda\0\x08\1\1\0\0\0\0" + bytes(20))
    add("JPEG XR", "a.jxr", b"II\xbc\x01\x20\0\0\0" + bytes(60))
    add("BPG", "a.bpg", b"BPG\xfb\x20\0\x04\x04" + bytes(40))
    add("FLIF", "a.flif", b"FLIF31\3\3" + bytes(40))
    add("Fuji raw", "a.raf", b"FUJIFILMCCD-RAW 0201FF383501X-T2" + bytes(60))
    add("Olympus raw", "a.orf", b"IIRO\x08\0\0\0" + bytes(60))
    add("Panasonic raw", "a.rw2", b"IIU\0\x18\0\0\0" + bytes(60))
    add("Canon raw", "a.cr2", b"II*\0\x10\0\0\0CR\x02\0" + bytes(60))
    add("Canon raw", "a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom")
    add("Sigma raw", "a.x3f", b"FOVb\0\0\4\0" + bytes(60))
    add("a Windows metafile", "a.wmf", struct.pack("<IHhhhhHIH", 0x9AC6CDD7, 0, 0, 0, 100, 100, 96, 0, 0) + bytes(20))
    add("a Windows metafile", "a.emf", struct.pack("<II", 1, 108) + bytes(32) + b" EMF" + bytes(64))
    add("KTX", "a.ktx2", b"\xabKTX 20\xbb\r\n\x1a\n" + bytes(60))


def no_pictures():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "text")
    add("none", "a.zip", packed.getvalue())
    add("none", "named.tga", packed.getvalue())
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(8000)
        out.writeframes(bytes(200))
    add("none", "a.wav", sound.getvalue())
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        database = sqlite3.connect(file.name)
        database.execute("create table t (x)")
        database.commit()
        database.close()
        add("none", "Thumbs.db", pathlib.Path(file.name).read_bytes())
    add("none", "notes.txt", b"P5 was the name of the street, 12 houses.\n")
    add("none", "BMW.txt", b"BMW makes cars.\n")
    add("none", "labels.csv", b"path,label\na.jpg,cat\n")
    add("none", "data.json", b'{"path": "a.jpg"}\n')
    add("none", "README.md", b"# Pictures\n\nSee <svg> below.\n")
    add("none", "page.html", b"<!DOCTYPE html><html><body><svg/></body></html>")
    add("none", "pointer.qoi", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    add("none", "icons.h", b"#define ICON_width 16\n#define ICON_height 16\n")
    add("none", "text.dcm", b"to be fetched\n")
    add("none", "array.npy", (np.lib.format.magic(1, 0) + bytes(100)))
    add("none", "font.ttf", b"\0\1\0\0\0\x0c\0\x80\0\3\0\x40" + bytes(60))
    add("none", "zeros.bin", bytes(600))
    add("none", "track.fit", b"\x0e\x10\x43\x08\x10\0\0\0.FIT" + bytes(40))


if __name__ == "__main__":
    by_pillow()
    dicom()
    volumes()
    by_specification()
    no_pictures()
    with open(HERE / "foreign.tar.gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in sorted(files.items()):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    print(len(files), "files")
