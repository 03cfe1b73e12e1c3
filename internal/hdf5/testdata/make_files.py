"""Makes HDF5 files of every kind that the reader knows, and a list of what is in them.

    python make_files.py          the small files beside this script, each compressed by gzip
    python make_files.py DIR      those, and the large ones, as they are in DIR

Each file has an entry in files.json: its arrays' paths, shapes and types, and the rule by
which their values were made, which h5py's own reading of the finished file has confirmed:
element i of the row-major array is

    pattern   ((i * 7919 + salt) % 509 - 254) / 8    (integers: without the division)
    noise     ((i * 2654435761 + salt) % 2**32 / 2**20) - 2048, rounded to the type
    steps     i // 2**14 % 251 - 125
    fill      7, but "pattern" where chunks were written: the first two rows
    sevens    7

Made with h5py 3.16, HDF5 2.0.0, NumPy 2.0, Python 3.11.
"""

import ctypes
import glob
import gzip
import json
import os
import pathlib
import sys

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

SALT = 0
files = {}


def values(shape, dtype, rule="pattern"):
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    dtype = np.dtype(dtype)
    if rule == "noise":
        v = ((i * np.uint64(2654435761) + np.uint64(SALT)) % np.uint64(2**32)).astype("f8") / 2**20 - 2048
    elif rule == "steps":
        v = ((i // np.uint64(2**14)) % np.uint64(251)).astype("f8") - 125
    else:
        v = ((i * np.uint64(7919) + np.uint64(SALT)) % np.uint64(509)).astype("f8") - 254
        if dtype.kind == "u":
            v = np.abs(v) % 128
        elif dtype.kind == "i":
            v = v if dtype.itemsize > 1 else np.trunc(v / 2)
        else:
            v = v / 8
    return v.reshape(shape).astype(dtype)


class Maker:
    def __init__(self, directory, name, **options):
        self.name, self.path = name, directory / name
        self.file = h5py.File(self.path, options.pop("mode", "w"), **options)
        self.arrays = {}

    def note(self, path, rule):
        global SALT
        d = self.file[path]
        self.arrays[path] = dict(shape=list(d.shape), dtype=d.dtype.str, rule=rule, salt=SALT)
        SALT += 1

    def add(self, path, shape, dtype="<f4", rule="pattern", **options):
        self.file.create_dataset(path, data=values(shape, dtype, rule), **options)
        self.note(path, rule)

    def low(self, path, shape, dtype, plist, rule="pattern", most=None):
        """A dataset of properties that h5py has no words for."""
        space = h5s.create_simple(shape, most or shape)
        kind = h5t.py_create(np.dtype(dtype))
        d = h5d.create(self.file.id, path.encode(), kind, space, plist)
        h5py.Dataset(d)[...] = values(shape, dtype, rule)
        self.note(path, rule)

    def close(self):
        self.file.close()
        with h5py.File(self.path) as f:
            for path, a in self.arrays.items():
                global SALT
                SALT = a["salt"]
                want = values(a["shape"], a["dtype"], a["rule"])
                if a["rule"] in ("fill", "sevens"):
                    want[2 if a["rule"] == "fill" else 0:] = 7
                assert f[path].dtype.str == a["dtype"], path
                assert np.array_equal(f[path][...], want), path
        SALT = max([a["salt"] for a in self.arrays.values()], default=SALT) + 1
        files[self.name] = self.arrays


TYPES = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|i1", "|u1", "<i2", ">i2", "<i4", ">u4", "<i8", ">i8"]
FILTERS = {
    "none": {},
    "gzip": dict(compression="gzip"),
    "gzip9": dict(compression="gzip", compression_opts=9),
    "lzf": dict(compression="lzf"),
    "shuffle": dict(shuffle=True),
    "fletcher32": dict(fletcher32=True),
    "gzip_shuffle": dict(compression="gzip", shuffle=True),
    "gzip_shuffle_fletcher32": dict(compression="gzip", shuffle=True, fletcher32=True),
    "lzf_shuffle_fletcher32": dict(compression="lzf", shuffle=True, fletcher32=True),
    "lzf_fletcher32": dict(compression="lzf", fletcher32=True),
}


def everything(directory, name, **options):
    m = Maker(directory, name, **options)
    for t in TYPES:
        m.add(f"types/contiguous_{t[1:]}_{'big' if t[0] == '>' else 'little'}", (3, 5), t)
        m.add(f"types/chunked_{t[1:]}_{'big' if t[0] == '>' else 'little'}", (3, 5), t, chunks=(2, 2), compression="gzip", shuffle=True)
    m.add("scalar", ())
    for f, o in FILTERS.items():
        m.add(f"filters/{f}", (9, 7), chunks=(4, 3), **o)
        m.add(f"filters/{f}_whole", (9, 7), chunks=(9, 7), **o)
        m.add(f"filters/{f}_noise", (9, 8), chunks=(4, 8), rule="noise", **o)
        # lzf and the sum have a case for odd lengths.
        m.add(f"filters/{f}_odd", (31,), "|i1", chunks=(7,), **o)
    for shape, chunks in {(11,): (4,), (6, 10): (3, 10), (6, 10, 1): (6, 3, 1), (3, 3, 5, 7): (2, 3, 2, 4), (2, 3, 2, 3, 2): (1, 2, 2, 2, 1)}.items():
        rank = len(shape)
        for f in ("none", "gzip"):
            o = FILTERS[f]
            m.add(f"grids/{rank}d_{f}_fixed", shape, chunks=chunks, **o)
            m.add(f"grids/{rank}d_{f}_may_grow", shape, chunks=chunks, maxshape=tuple(3 * s + 1 for s in shape), **o)
            for i in range(rank):
                most = tuple(None if j == i else s + j for j, s in enumerate(shape))
                m.add(f"grids/{rank}d_{f}_grows_along_{i}", shape, chunks=chunks, maxshape=most, **o)
            m.add(f"grids/{rank}d_{f}_grows", shape, chunks=chunks, maxshape=(None,) * rank, **o)
    # Chunks larger than the array.
    m.add("grids/small_none", (3, 2), chunks=(5, 8), maxshape=(None, None))
    m.add("grids/small_gzip", (3, 2), chunks=(5, 8), maxshape=(10, 10), compression="gzip")
    special(m)
    m.close()


def special(m):
    compact = h5p.create(h5p.DATASET_CREATE)
    compact.set_layout(h5d.COMPACT)
    m.low("compact", (4, 3), "<f4", compact)
    m.low("compact_big", (4, 3), ">f8", compact)
    early = h5p.create(h5p.DATASET_CREATE)
    early.set_chunk((4, 3))
    early.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    m.low("early", (9, 7), "<f4", early)
    m.low("early_may_grow", (9, 7), "<f4", early, most=(20, 21))
    edges = h5p.create(h5p.DATASET_CREATE)
    edges.set_chunk((4, 3))
    edges.set_deflate(4)
    library = hdf5()
    assert library.H5Pset_chunk_opts(ctypes.c_int64(edges.id), ctypes.c_uint(2)) == 0
    if m.file.libver[0] not in ("earliest", "v108"):
        m.low("edges_not_filtered", (9, 7), "<f4", edges)
        m.low("edges_not_filtered_grows", (9, 7), "<f4", edges, most=(h5s.UNLIMITED, 7))
    # What was never written.
    for name, o in {"contiguous": {}, "chunked": dict(chunks=(2, 3)), "chunked_gzip": dict(chunks=(2, 3), compression="gzip", maxshape=(None, 5)),
                    "chunked_grows": dict(chunks=(2, 3), maxshape=(None, None)), "single": dict(chunks=(6, 5))}.items():
        d = m.file.create_dataset(f"unwritten/{name}", (6, 5), "<f4", fillvalue=7, **o)
        if "chunked" in name:
            d[:2] = values((6, 5), "<f4")[:2]
            m.note(f"unwritten/{name}", "fill")
            continue
        m.arrays[f"unwritten/{name}"] = dict(shape=[6, 5], dtype="<f4", rule="sevens", salt=SALT)
    # An array that was cut after it had been written.
    d = m.file.create_dataset("cut", data=values((20, 20), "<f4"), chunks=(4, 3), maxshape=(None, None))
    m.file.flush()
    d.resize((9, 7))
    d[...] = values((9, 7), "<f4")
    m.note("cut", "pattern")
    # Other names for things.
    m.file["types/again"] = m.file["types/contiguous_f4_little"]
    m.file["soft"] = h5py.SoftLink("/scalar")
    m.file["external"] = h5py.ExternalLink("elsewhere.h5", "/scalar")
    m.file["named_type"] = np.dtype("<f4")
    m.file.create_dataset("of_named_type", data=values((5,), "<f4"), dtype=m.file["named_type"])
    m.note("of_named_type", "pattern")
    m.file["text"] = "words"
    m.file["flags"] = np.array([True, False])
    m.file["pairs"] = np.zeros(2, [("a", "<f4"), ("b", "<i4")])
    m.file["empty"] = h5py.Empty("<f4")
    m.file["none"] = np.zeros((0, 3), "<f4")


def groups(directory, name, count, **options):
    """Many objects in one group, and attributes of many kinds."""
    m = Maker(directory, name, **options)
    for i in range(count):
        m.add(f"layers/layer_with_a_name_of_some_length_{i}", (2,))
    g = m.file.create_group("ordered", track_order=True)
    for i in range(12):
        m.add(f"ordered/{i}", (3,))
    m.file.attrs["model_config"] = '{"class_name": "Sequential", "text": "' + "ä€" * 2000 + '"}'
    m.file.attrs["as_bytes"] = b"bytes"
    m.file.attrs["fixed"] = np.bytes_("fixed length")
    m.file.attrs["number"] = 3.5
    m.close()


def many_attributes(directory, name, **options):
    m = Maker(directory, name, **options)
    m.add("a", (2,))
    for i in range(30):
        m.file.attrs[f"attribute {i}"] = f"value {i}"
    m.file.attrs["model_config"] = "config among many"
    m.close()


def odd_files(directory):
    """Files whose superblocks are unusual."""
    library = hdf5()
    for name, options in {"sizes_4": (4, None), "sizes_2": (2, None), "superblock_1": (8, 100)}.items():
        properties = h5p.create(h5p.FILE_CREATE)
        assert library.H5Pset_sizes(ctypes.c_int64(properties.id), ctypes.c_size_t(options[0]), ctypes.c_size_t(options[0])) == 0
        if options[1]:
            assert library.H5Pset_istore_k(ctypes.c_int64(properties.id), ctypes.c_uint(options[1])) == 0
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST)
        h5py.h5f.create(os.fsencode(directory / f"{name}.h5"), fcpl=properties, fapl=access).close()
        m = Maker(directory, f"{name}.h5", mode="a", libver="earliest")
        m.add("a/contiguous", (4, 5))
        m.add("a/chunked", (4, 5), chunks=(2, 3), compression="gzip")
        m.close()
    m = Maker(directory, "paged.h5", fs_strategy="page", fs_page_size=512, libver="latest")
    m.add("a/contiguous", (4, 5))
    m.add("a/chunked", (4, 5), chunks=(2, 3), compression="gzip")
    m.close()


def hdf5():
    """The HDF5 library itself, for what h5py has no words for."""
    return ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(h5py.__file__), "..", "h5py.libs", "libhdf5-*.so*"))[0])


def large(directory):
    sizes = {"wide": (1100, 4099), "tall": (70000, 67), "kernel": (3, 3, 700, 701)}
    for libver in ("earliest", "latest"):
        m = Maker(directory, f"large_{libver}.h5", libver=libver)
        for s, shape in sizes.items():
            for f in ("gzip", "lzf", "gzip_shuffle_fletcher32"):
                m.add(f"{s}_{f}", shape, chunks=True, **FILTERS[f])
        m.add("wide_none", sizes["wide"], chunks=True)
        m.add("wide_grows", sizes["wide"], chunks=(100, 1000), maxshape=(None, None), compression="gzip")
        m.add("wide_noise", sizes["wide"], chunks=True, compression="gzip", rule="noise")
        m.add("contiguous", sizes["wide"])
        m.close()
        m = Maker(directory, f"chunks_{libver}.h5", libver=libver)
        for f in ("none", "gzip"):
            o = FILTERS[f]
            m.add(f"fixed_{f}", (3000, 3), chunks=(1, 2), **o)
            m.add(f"along_0_{f}", (40000, 5), chunks=(1, 1), maxshape=(None, 5), **o)
            m.add(f"along_1_{f}", (5, 40000), chunks=(1, 1), maxshape=(7, None), **o)
            m.add(f"both_{f}", (200, 100), chunks=(1, 1), maxshape=(None, None), **o)
        d = m.file.create_dataset("sparse_fixed", (30000, 2), "<f4", chunks=(1, 2), fillvalue=7)
        d[:2] = values((30000, 2), "<f4")[:2]
        m.note("sparse_fixed", "fill")
        d = m.file.create_dataset("sparse_grows", (200000, 2), "<f4", chunks=(1, 2), fillvalue=7, maxshape=(None, 2))
        d[:2] = values((200000, 2), "<f4")[:2]
        d[199999] = 7
        m.note("sparse_grows", "fill")
        m.close()
        groups(directory, f"many_{libver}.h5", 12000, libver=libver)


def refused(directory):
    """Files whose arrays are refused: path, and what the refusal says."""
    source = np.arange(30, dtype="<f4").reshape(5, 6)
    expected = {}
    with h5py.File(directory / "refused.h5", "w", libver="latest") as f:
        f.create_dataset("scale_offset", data=source.astype("<i4"), chunks=(5, 6), scaleoffset=0)
        f.create_dataset("szip", data=source, chunks=(5, 6), compression="szip")
        nbit = h5p.create(h5p.DATASET_CREATE)
        nbit.set_chunk((5, 6))
        library = hdf5()
        assert library.H5Pset_nbit(ctypes.c_int64(nbit.id)) == 0
        d = h5d.create(f.id, b"n_bit", h5t.IEEE_F32LE, h5s.create_simple((5, 6)), nbit)
        h5py.Dataset(d)[...] = source
        f.create_dataset("external", (5, 6), "<f4", external=[("refused.bin", 0, 120)])
        layout = h5py.VirtualLayout((5, 6), "<f4")
        layout[...] = h5py.VirtualSource("elsewhere.h5", "x", (5, 6))
        f.create_virtual_dataset("virtual", layout)
        odd = h5t.IEEE_F32LE.copy()
        odd.set_fields(31, 21, 10, 0, 21)
        odd.set_ebias(511)
        expected = {"scale_offset": "scale-offset", "szip": "szip", "n_bit": "n-bit", "external": "other files", "virtual": "virtual"}
    with h5py.File(directory / "refused_type.h5", "w", libver="latest") as f:
        h5d.create(f.id, b"odd", odd, h5s.create_simple((5, 6)))
    return expected


if __name__ == "__main__":
    here = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for libver in ("earliest", "v108", "v110", "latest"):
        everything(here, f"everything_{libver}.h5", libver=libver)
    groups(here, "groups_earliest.h5", 40, libver="earliest")
    groups(here, "groups_latest.h5", 40, libver="latest")
    many_attributes(here, "attributes_latest.h5", libver="latest")
    many_attributes(here, "attributes_earliest.h5", libver="earliest")
    m = Maker(here, "user_block.h5", userblock_size=1024)
    m.add("a", (4, 5), chunks=(2, 3), compression="gzip")
    m.close()
    odd_files(here)
    # More than 4,194,304 values in chunks that are not as wide as the array.
    for libver in ("earliest", "latest"):
        m = Maker(here, f"steps_{libver}.h5", libver=libver)
        m.add("gzip_shuffle", (2100, 2048), rule="steps", chunks=(300, 512), compression="gzip", compression_opts=9, shuffle=True)
        m.close()
    if len(sys.argv) > 1:
        large(here)
    summary = dict(files=files, refused=refused(here))
    (here / "files.json").write_text(json.dumps(summary, indent=0, sort_keys=True) + "\n")
    if len(sys.argv) == 1:
        for path in [*here.glob("*.h5"), here / "files.json"]:
            (here / (path.name + ".gz")).write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
            path.unlink()
