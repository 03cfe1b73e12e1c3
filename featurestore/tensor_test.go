package featurestore

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// The extension type changes nothing for readers here; other programs see it (docs/cookbook.md).
func TestTensorExtension(t *testing.T) {
	for _, format := range formats {
		for _, dtype := range dtypes {
			dir, info, options := verified(t), testInfo(dtype), testOptions(format)
			options.TensorExtension = true
			rows := makeRows(info.Recipe, 0, 2*testShard+3)
			writeAll(t, dir, info, options, rows, nil)
			d, err := Open(dir)
			must(t, err)
			checkRows(t, d, rows, dtype)
			if !d.Manifest().TensorExtension {
				t.Errorf("%s: the manifest does not say so", format)
			}
			if format == FormatArrow {
				r, err := openShard(dir, shardName(0, format), d.mem)
				must(t, err)
				md := r.src.schema().Field(len(fixedColumns)).Metadata
				if shape, _ := md.GetValue("ARROW:extension:metadata"); shape != `{"shape":[3,2,4]}` {
					t.Errorf("shape %q", shape)
				}
				r.close()
			}
			options.Resume, options.TensorExtension = true, false
			if _, err := Create(dir, info, options); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "tensor extension: true in the dataset, false now") {
				t.Errorf("resuming without it: %v", err)
			}
			must(t, Compact(context.Background(), dir, MergeOptions{}))
			d, err = Open(dir)
			must(t, err)
			checkRows(t, d, rows, dtype)
			if !d.Manifest().TensorExtension {
				t.Errorf("%s: it is gone after compacting", format)
			}
		}
	}
	plain := filepath.Join(t.TempDir(), "plain")
	writeAll(t, plain, testInfo(Float32), testOptions(FormatParquet), makeRows(testRecipe(), 0, 2), nil)
	must(t, Compact(context.Background(), plain, MergeOptions{TensorExtension: true}))
	d, err := Open(plain)
	must(t, err)
	if !d.Manifest().TensorExtension {
		t.Error("compacting does not add it")
	}
}
