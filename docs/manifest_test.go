package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fovea/featurestore"
	"fovea/recipe"
)

func manifestSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("manifest.schema.json")
	must(t, err)
	return schema
}

// dataset writes one. With StatusWriting it is left as it is while it is written.
func dataset(t *testing.T, options featurestore.Options, rows int, status featurestore.Status) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: cookbookRecipe, ToolVersion: "v1", Device: "cpu"}, options)
	must(t, err)
	t.Cleanup(func() { must(t, w.Abort()) })
	for i := range rows {
		must(t, w.Append(cookbookRow(i)))
	}
	if status != featurestore.StatusWriting {
		must(t, w.Close(status))
	}
	return dir
}

func readManifest(t *testing.T, dir string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, featurestore.ManifestFile))
	must(t, err)
	m := map[string]any{}
	must(t, json.Unmarshal(raw, &m))
	return m
}

func TestManifestSchemaAccepts(t *testing.T) {
	schema := manifestSchema(t)
	for _, status := range []featurestore.Status{featurestore.StatusWriting, featurestore.StatusInterrupted, featurestore.StatusComplete} {
		for _, format := range []featurestore.Format{featurestore.FormatParquet, featurestore.FormatArrow} {
			for _, rows := range []int{0, 5} {
				m := readManifest(t, dataset(t, featurestore.Options{Format: format, ShardRows: 2, TensorExtension: rows > 0}, rows, status))
				if err := schema.Validate(m); err != nil {
					t.Errorf("%s, %s, %d rows: %v", status, format, rows, err)
				}
			}
		}
	}
}

// spoilings are changes of a manifest by which it is none any more. Those that only the numbers'
// context shows to be wrong are beyond a schema.
var spoilings = []struct {
	name string
	// beyond: the schema cannot tell.
	beyond bool
	spoil  func(m map[string]any)
}{
	{"a field missing", false, func(m map[string]any) { delete(m, "rows") }},
	{"no status", false, func(m map[string]any) { delete(m, "status") }},
	{"an unknown status", false, func(m map[string]any) { m["status"] = "complfte" }},
	{"an unknown field", false, func(m map[string]any) { m["colour"] = "red" }},
	{"an unknown field of a shard", false, func(m map[string]any) { shardOf(m)["colour"] = "red" }},
	{"another kind", false, func(m map[string]any) { m["kind"] = "x" }},
	{"a later version", false, func(m map[string]any) { m["version"] = 2.0 }},
	{"an unknown format", false, func(m map[string]any) { m["format"] = "csv" }},
	{"an unknown type", false, func(m map[string]any) { m["dtype"] = "float64" }},
	{"a negative count", false, func(m map[string]any) { m["failures"] = -1.0 }},
	{"half a row", false, func(m map[string]any) { m["rows"] = 0.5 }},
	{"a count as text", false, func(m map[string]any) { m["rows"] = "1" }},
	{"null for a count", false, func(m map[string]any) { m["failures"] = nil }},
	{"null for the labels", false, func(m map[string]any) { m["labels"] = nil }},
	{"null for the shards", false, func(m map[string]any) { m["shards"] = nil }},
	{"a list of labels", false, func(m map[string]any) { m["labels"] = []any{"a"} }},
	{"a label without rows", false, func(m map[string]any) { m["labels"] = map[string]any{"a": 0.0} }},
	{"a label without a name", false, func(m map[string]any) { m["labels"] = map[string]any{"": 1.0} }},
	{"no time", false, func(m map[string]any) { m["created"] = "yesterday" }},
	{"no digest", false, func(m map[string]any) { m["fingerprint"] = "abc" }},
	{"no size of shards", false, func(m map[string]any) { m["rows_per_shard"] = 0.0 }},
	{"a tensor of text", false, func(m map[string]any) { m["tensor_extension"] = "yes" }},
	{"a device of two", false, func(m map[string]any) { m["device"] = []any{"a", "b"} }},
	{"an odd shard", false, func(m map[string]any) { shardOf(m)["file"] = "../x.parquet" }},
	{"a shard without a digest", false, func(m map[string]any) { delete(shardOf(m), "sha256") }},
	{"a shard with half a digest", false, func(m map[string]any) { shardOf(m)["sha256"] = "abcd" }},
	{"a shard with a digest in capitals", false, func(m map[string]any) { shardOf(m)["sha256"] = strings.ToUpper(shardOf(m)["sha256"].(string)) }},
	{"a shard with half a digest of its end", false, func(m map[string]any) { shardOf(m)["tail_sha256"] = "abcd" }},
	{"a shard of no bytes", false, func(m map[string]any) { shardOf(m)["bytes"] = 0.0 }},
	{"a shard of no rows", false, func(m map[string]any) { shardOf(m)["rows"] = 0.0 }},
	{"a list that is no file", false, func(m map[string]any) { m["failures_file"] = "errors.jsonl" }},
	{"a list without a digest", false, func(m map[string]any) { delete(m["failures_file"].(map[string]any), "sha256") }},
	{"a list of fewer bytes than none", false, func(m map[string]any) { m["failures_file"].(map[string]any)["bytes"] = -1.0 }},
	{"recipe no layers", false, func(m map[string]any) { m["recipe"].(map[string]any)["layers"] = []any{} }},
	{"a recipe without a model", false, func(m map[string]any) { delete(m["recipe"].(map[string]any), "model") }},
	{"layer with size 0", false, func(m map[string]any) {
		m["recipe"].(map[string]any)["layers"].([]any)[0].(map[string]any)["shape"] = []any{0.0}
	}},
	{"no checksum", false, func(m map[string]any) { m["checksum"] = "sha256:abc" }},

	{"another checksum", true, func(m map[string]any) { m["checksum"] = "sha256:" + strings.Repeat("0", 64) }},
	{"another fingerprint", true, func(m map[string]any) { m["fingerprint"] = strings.Repeat("0", 64) }},
	{"another model", true, func(m map[string]any) { m["recipe"].(map[string]any)["model"] = "vgg17" }},
	{"more rows than in the shards", true, func(m map[string]any) { m["rows"] = 3.0 }},
	{"other rows of a shard", true, func(m map[string]any) { shardOf(m)["rows"] = 2.0; m["rows"] = 2.0 }},
	{"other bytes of a shard", true, func(m map[string]any) { shardOf(m)["bytes"] = 12345.0 }},
	{"another digest of a shard", true, func(m map[string]any) { shardOf(m)["sha256"] = strings.Repeat("0", 64) }},
	{"another digest of the end of a shard", true, func(m map[string]any) { shardOf(m)["tail_sha256"] = strings.Repeat("0", 64) }},
	{"another name of a shard", true, func(m map[string]any) { shardOf(m)["file"] = "data/part-00001.parquet" }},
	{"more labels than rows", true, func(m map[string]any) { m["labels"] = map[string]any{"a": 2.0, "b": 1.0} }},
	{"more failures", true, func(m map[string]any) { m["failures"] = 1.0 }},
	{"another digest of the failures", true, func(m map[string]any) { m["failures_file"].(map[string]any)["sha256"] = strings.Repeat("0", 64) }},
	{"other bytes of the failures", true, func(m map[string]any) { m["failures_file"].(map[string]any)["bytes"] = 7.0 }},
}

func shardOf(m map[string]any) map[string]any { return m["shards"].([]any)[0].(map[string]any) }

// The schema and extract dataset validate find the same manifests wrong.
func TestManifestSchemaRefuses(t *testing.T) {
	schema := manifestSchema(t)
	dir := dataset(t, featurestore.Options{}, 1, featurestore.StatusComplete)
	whole := readManifest(t, dir)
	if err := errors.Join(schema.Validate(whole), featurestore.Verify(dir)); err != nil {
		t.Fatalf("the manifest as it was written: %v", err)
	}
	for _, c := range spoilings {
		t.Run(c.name, func(t *testing.T) {
			m := readManifest(t, dir)
			original, err := os.ReadFile(filepath.Join(dir, featurestore.ManifestFile))
			must(t, err)
			delete(m, "checksum") // so that it is not the reason
			c.spoil(m)
			text, err := json.Marshal(m)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, featurestore.ManifestFile), text, 0o644))
			if err := schema.Validate(m); (err == nil) != c.beyond {
				t.Errorf("the schema says %v", err)
			}
			report, err := featurestore.Check(context.Background(), dir)
			if err != nil || len(report.Problems) == 0 {
				t.Errorf("validate finds %v, %v", report.Problems, err)
			}
			must(t, os.WriteFile(filepath.Join(dir, featurestore.ManifestFile), original, 0o644))
		})
	}
}

// A dataset of several models has a manifest of version 2, and only such a one has.
func TestManifestSchemaOfSeveralModels(t *testing.T) {
	schema, more := manifestSchema(t), cookbookRecipe
	more.Model, more.Layers = "vgg19", []recipe.Layer{{Name: "vgg19_fc7", Shape: []int{2}, Layout: recipe.LayoutC, Of: "fc7"}}
	several, err := recipe.Join(cookbookRecipe, more)
	must(t, err)
	for name, r := range map[string]recipe.Recipe{"several": several, "another name": more} {
		dir := filepath.Join(t.TempDir(), "d")
		w, err := featurestore.Create(dir, featurestore.Info{Recipe: r}, featurestore.Options{})
		must(t, err)
		must(t, w.Close(featurestore.StatusComplete))
		if err := errors.Join(schema.Validate(readManifest(t, dir)), featurestore.Verify(dir)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for change, spoil := range map[string]func(m map[string]any){
			"version 1":     func(m map[string]any) { m["version"] = 1.0 },
			"a later one":   func(m map[string]any) { m["version"] = 3.0 },
			"parts of none": func(m map[string]any) { m["recipe"].(map[string]any)["added"] = []any{map[string]any{}} },
		} {
			m := readManifest(t, dir)
			delete(m, "checksum")
			spoil(m)
			text, err := json.Marshal(m)
			must(t, err)
			if _, parsed := featurestore.ParseManifest(text); schema.Validate(m) == nil || parsed == nil {
				t.Errorf("%s, %s: it is taken: %v", name, change, parsed)
			}
		}
	}
}

// Members of a later version do not keep this one from reading a dataset; validate tells of them.
func TestManifestOfLaterVersion(t *testing.T) {
	dir := dataset(t, featurestore.Options{}, 1, featurestore.StatusComplete)
	m := readManifest(t, dir)
	delete(m, "checksum")
	m["colour"], shardOf(m)["seen"] = "red", []any{1.0, nil, map[string]any{"a": "b"}}
	text, err := json.Marshal(m)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, featurestore.ManifestFile), text, 0o644))
	if _, err := featurestore.Open(dir); err != nil {
		t.Error(err)
	}
	report, err := featurestore.Check(context.Background(), dir)
	must(t, err)
	if len(report.Problems) != 2 || !strings.Contains(report.Err().Error(), "colour: it is not known") || !strings.Contains(report.Err().Error(), "shards[0].seen: it is not known") {
		t.Errorf("validate finds %v", report.Problems)
	}
}

// Every field that is written is described.
func TestManifestSchemaIsComplete(t *testing.T) {
	raw, err := os.ReadFile("manifest.schema.json")
	must(t, err)
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	must(t, json.Unmarshal(raw, &schema))
	delete(schema.Properties, "checksum") // of the text, not of what it says
	for _, c := range []struct {
		value any
		have  map[string]any
	}{
		{featurestore.Manifest{}, schema.Properties}, {featurestore.Shard{}, schema.Defs["shard"].Properties},
		{featurestore.FileSum{}, schema.Defs["file"].Properties},
		{recipe.Recipe{}, schema.Defs["recipe"].Properties}, {recipe.Layer{}, schema.Defs["layer"].Properties},
	} {
		kind := reflect.TypeOf(c.value)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if _, ok := c.have[name]; !ok {
				t.Errorf("%s: %q is not in the schema", kind, name)
			}
		}
		if len(c.have) != kind.NumField() {
			t.Error(fmt.Sprint(kind, " has fewer fields than the schema"))
		}
	}
}

// Columns on request make a manifest of version 3, and are a set of known names.
func TestManifestSchemaOfExtraColumns(t *testing.T) {
	schema, dir := manifestSchema(t), filepath.Join(t.TempDir(), "d")
	info := featurestore.Info{Recipe: cookbookRecipe, ToolVersion: "v1", Grouping: "parent", Extra: []featurestore.Extra{featurestore.ExtraGroup, featurestore.ExtraGeoreference}}
	w, err := featurestore.Create(dir, info, featurestore.Options{})
	must(t, err)
	must(t, w.Append(cookbookRow(0)))
	must(t, w.Close(featurestore.StatusComplete))
	if err := schema.Validate(readManifest(t, dir)); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(map[string]any){
		"version 2":      func(m map[string]any) { m["version"] = 2.0 },
		"no grouping":    func(m map[string]any) { delete(m, "grouping") },
		"no columns":     func(m map[string]any) { delete(m, "extra_columns") },
		"another set":    func(m map[string]any) { m["extra_columns"] = []any{"group", "age"} },
		"none":           func(m map[string]any) { m["extra_columns"] = []any{} },
		"twice":          func(m map[string]any) { m["extra_columns"] = []any{"group", "group"} },
		"groups of none": func(m map[string]any) { m["extra_columns"] = []any{"georeference"} },
	} {
		m := readManifest(t, dir)
		change(m)
		if schema.Validate(m) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
		delete(m, "checksum")
		text, err := json.Marshal(m)
		must(t, err)
		if _, err := featurestore.ParseManifest(text); name != "none" && err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}
