#!/usr/bin/env bash
# github.com/scigolib/hdf5 leaves out groups and fill values without an error.
#
# Versions: github.com/scigolib/hdf5 v0.14.1 (Go 1.26), h5py 3.16.0 (HDF5 2.0.0), NumPy 2.0.2.
# Seen 2026-11-28.
#
# One would guess: File.Walk visits every dataset of a file (its change log says of v0.14.0 that
# groups of more than eight links in the format of HDF5 1.8 and later "are now fully readable"), and
# Dataset.Read gives what h5py gives, or an error.
#
# What happens, without an error:
#   1. Of a file by h5py with libver="latest", a group "layers" of 40 datasets is not visited at all:
#      Walk finds 1 of 41 datasets.
#   2. Chunks that were never written come as 0, not as the dataset's fill value.
#
# Who is hurt: who reads files of others in Go and trusts that no error means all of it: weights of
# networks lose layers, measurements get zeros where the file says "missing" (fill values such as
# -9999 or NaN).
#
# Exits with 0 while this is so, with 1 when the behaviour has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv env
env/bin/pip -q install --disable-pip-version-check h5py==3.16.0 numpy==2.0.2
env/bin/python - <<'PYTHON'
import h5py
import numpy as np

with h5py.File("groups.h5", "w", libver="latest") as f:
    for i in range(40):
        f[f"layers/layer_{i}"] = np.arange(2, dtype="<f4")
    f["single"] = np.arange(2, dtype="<f4")
with h5py.File("fill.h5", "w") as f:
    d = f.create_dataset("filled", (6, 5), "<f4", chunks=(2, 5), fillvalue=7)
    d[:2] = 1
with h5py.File("groups.h5") as f, h5py.File("fill.h5") as g:
    assert len(f["layers"]) == 40 and g["filled"][5, 4] == 7
PYTHON

cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/scigolib/hdf5"
)

// datasets opens a file and lists what Walk visits.
func datasets(name string) map[string]*hdf5.Dataset {
	file, err := hdf5.Open(name)
	if err != nil {
		panic(err)
	}
	found := map[string]*hdf5.Dataset{}
	file.Walk(func(path string, object hdf5.Object) {
		if d, ok := object.(*hdf5.Dataset); ok {
			found[path] = d
		}
	})
	return found
}

func main() {
	groups := datasets("groups.h5")
	fmt.Printf("groups.h5: Walk visits %d of 41 datasets\n", len(groups))
	values, err := datasets("fill.h5")["/filled"].Read()
	if err != nil {
		panic(err)
	}
	fmt.Printf("fill.h5: the last value is %v, h5py says 7\n", values[len(values)-1])
	if len(groups) == 1 && values[29] == 0 {
		fmt.Println("as told above")
		return
	}
	fmt.Println("the behaviour has changed")
	os.Exit(1)
}
GO
go get github.com/scigolib/hdf5@v0.14.1 >/dev/null 2>&1
go run .
