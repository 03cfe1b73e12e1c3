package featurestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// goldenBytes are the SHA-256 of datasets without columns on request, manifest included but for its times, as they were
// written before there were such columns.
var goldenBytes = map[string]string{
	"parquet float32 false": "1c9ace979b5a2cb612a22ba7d60ceb6a8c659e810f400f0fe02dce6a7c896637",
	"parquet float32 true":  "7e46d355cea4b63f24b88896b071096e157ee8a6c0a0500105755766f52f3c5d",
	"parquet float16 false": "4a1f7d44b3f96c1f219e0d151f503a2210c7411feddc1db6a64dd467e500681c",
	"parquet float16 true":  "063fdd0d45e5267a6045c8609749181993fec2b69861dab610d11fe7608aa14e",
	"arrow float32 false":   "679f2b55d9082f0416ede69f7d8f77a3a386ecd9d54587ba20ce0f990db19fa0",
	"arrow float32 true":    "b7abb0d9ffd946292997c711ad8cd2a933daa9546b8d022de767967629b624f0",
	"arrow float16 false":   "c30b239c68b554dc7edd845008419d4f484b2e5b8524f311835b6d12b4b55d13",
	"arrow float16 true":    "9ae4d731f5e958fe8cd9fd8ab43bc8beb6210e933075358c4bb8e8793af8f126",
}

// digestOf sums up all files of a dataset.
func digestOf(t *testing.T, dir string) string {
	t.Helper()
	files := contents(t, dir)
	raw, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	must(t, err)
	files[ManifestFile] = regexp.MustCompile(`"(created|finished|checksum)": "[^"]*"`).ReplaceAllString(string(raw), `"$1"`)
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func TestBytesOfDatasetsWithoutExtraColumns(t *testing.T) {
	for _, format := range formats {
		for _, dtype := range dtypes {
			for _, tensors := range []bool{false, true} {
				name := fmt.Sprintf("%s %s %v", format, dtype, tensors)
				dir, options := verified(t), testOptions(format)
				options.TensorExtension = tensors
				writeAll(t, dir, testInfo(dtype), options, makeRows(testRecipe(), 0, 2*testShard+5), makeFailures(0, 3))
				if got := digestOf(t, dir); got != goldenBytes[name] {
					t.Errorf("%q: %q,", name, got)
				}
			}
		}
	}
}
