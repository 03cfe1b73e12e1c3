package docs_test

import (
	"encoding/json"
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

// manifest writes a dataset and reads its manifest as JSON. Without close it is that of a
// dataset being written.
func manifest(t *testing.T, options featurestore.Options, rows int, status featurestore.Status) map[string]any {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: cookbookRecipe, ToolVersion: "v1", Device: "cpu"}, options)
	must(t, err)
	for i := range rows {
		must(t, w.Append(cookbookRow(i)))
	}
	if status != featurestore.StatusWriting {
		must(t, w.Close(status))
	}
	raw, err := os.ReadFile(filepath.Join(dir, featurestore.ManifestFile))
	must(t, err)
	must(t, w.Abort())
	m := map[string]any{}
	must(t, json.Unmarshal(raw, &m))
	return m
}

func TestManifestSchemaAccepts(t *testing.T) {
	schema := manifestSchema(t)
	for _, status := range []featurestore.Status{featurestore.StatusWriting, featurestore.StatusInterrupted, featurestore.StatusComplete} {
		for _, format := range []featurestore.Format{featurestore.FormatParquet, featurestore.FormatArrow} {
			for _, rows := range []int{0, 5} {
				m := manifest(t, featurestore.Options{Format: format, ShardRows: 2, TensorExtension: rows > 0}, rows, status)
				if err := schema.Validate(m); err != nil {
					t.Errorf("%s, %s, %d rows: %v", status, format, rows, err)
				}
			}
		}
	}
}

func TestManifestSchemaRefuses(t *testing.T) {
	schema := manifestSchema(t)
	for name, spoil := range map[string]func(m map[string]any){
		"a field missing":  func(m map[string]any) { delete(m, "rows") },
		"an unknown field": func(m map[string]any) { m["colour"] = "red" },
		"another kind":     func(m map[string]any) { m["kind"] = "x" },
		"a later version":  func(m map[string]any) { m["version"] = 2.0 },
		"a negative count": func(m map[string]any) { m["failures"] = -1.0 },
		"no time":          func(m map[string]any) { m["created"] = "yesterday" },
		"no digest":        func(m map[string]any) { m["fingerprint"] = "abc" },
		"an odd shard":     func(m map[string]any) { m["shards"].([]any)[0].(map[string]any)["file"] = "../x.parquet" },
		"recipe no layers": func(m map[string]any) { m["recipe"].(map[string]any)["layers"] = []any{} },
		"layer with size 0": func(m map[string]any) {
			m["recipe"].(map[string]any)["layers"].([]any)[0].(map[string]any)["shape"] = []any{0.0}
		},
	} {
		m := manifest(t, featurestore.Options{}, 1, featurestore.StatusComplete)
		spoil(m)
		if schema.Validate(m) == nil {
			t.Errorf("%s: accepted", name)
		}
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
	for _, c := range []struct {
		value any
		have  map[string]any
	}{
		{featurestore.Manifest{}, schema.Properties}, {featurestore.Shard{}, schema.Defs["shard"].Properties},
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
