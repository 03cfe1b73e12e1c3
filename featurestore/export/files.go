package export

import (
	"context"
	"io"

	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/recipe"
)

// WriteFiles writes a layer of the rows that the scan chooses to the file name, and what the format needs beside
// it: NAME.csv, the index of an NPY matrix, or NAME.labels.csv, the numbers of LIBSVM's labels. All files appear,
// or none does. It returns the number of rows and the files' names.
func WriteFiles(ctx context.Context, name string, d *featurestore.Dataset, layer recipe.Layer, scan featurestore.ScanOptions, format Format) (rows int, names []string, err error) {
	var files output.Files
	defer files.Discard()
	names = []string{name}
	err = files.Write(name, func(w io.Writer) error {
		var err error
		rows, err = Write(ctx, w, d, layer, scan, format)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	switch format {
	case NPY:
		names = append(names, name+".csv")
		err = files.Write(names[1], func(w io.Writer) error { return WriteIndex(ctx, w, d, scan) })
	case LIBSVM:
		names = append(names, name+".labels.csv")
		err = files.Write(names[1], func(w io.Writer) error { return writeLabels(ctx, w, d) })
	}
	if err != nil {
		return 0, nil, err
	}
	if err := files.Commit(); err != nil {
		return 0, nil, err
	}
	return rows, names, nil
}
