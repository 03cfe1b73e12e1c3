"""The speed of pyarrow with a dataset's files: bench_store.py DATASET WORK

Prints, for each of write, read-one (a single thread) and read (all threads), a line for each of
several runs, in MB of vectors (as float32) per second. It writes what Go's writer writes: the
same columns, one file per shard, zstd level 1 without dictionaries, or uncompressed Arrow.
Arrow files are mapped; one value of every page of memory is looked at, as in Go.
"""

import glob
import json
import os
import sys
import time

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

RUNS = 5


def measure(name, size, run, before=lambda: None):
    for _ in range(RUNS):
        before()
        begin = time.perf_counter()
        run()
        print(name, size / 1e6 / (time.perf_counter() - begin))


def main():
    dataset, work = sys.argv[1:]
    with open(os.path.join(dataset, ".fovea", "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    files = sorted(glob.glob(os.path.join(dataset, "data", "*")))
    parquet = manifest["format"] == "parquet"
    size = 0
    for layer in manifest["recipe"]["layers"]:
        values = 1
        for n in layer["shape"]:
            values *= n
        size += 4 * values * manifest["rows"]

    def read_file(file, threads):
        if parquet:
            return pq.read_table(file, use_threads=threads)
        return ipc.open_file(pa.memory_map(file), options=ipc.IpcReadOptions(use_threads=threads)).read_all()

    def look(table):
        total = 0
        for layer in manifest["recipe"]["layers"]:
            for chunk in table[layer["name"]].chunks:
                total += chunk.flatten().to_numpy()[::1024].sum()
        assert total != 0

    tables = [read_file(file, True) for file in files]

    def write():
        for i, table in enumerate(tables):
            name = os.path.join(work, f"{i}")
            with open(name, "wb") as f:
                if parquet:
                    pq.write_table(table, f, compression="zstd", compression_level=1,
                                   use_dictionary=["label", "split"], write_statistics=False, row_group_size=len(table))
                else:
                    with ipc.new_file(f, table.schema) as writer:
                        writer.write_table(table, max_chunksize=41)
                f.flush()
                os.fsync(f.fileno())

    def clear():
        for name in os.listdir(work):
            os.remove(os.path.join(work, name))

    measure("write", size, write, clear)
    for name, threads in (("read-one", False), ("read", True)):
        measure(name, size, lambda: [look(read_file(file, threads)) for file in files])
    if parquet:
        print("bytes", sum(os.path.getsize(os.path.join(work, f"{i}")) for i in range(len(tables))))


main()
