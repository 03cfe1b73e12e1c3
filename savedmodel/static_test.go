package savedmodel

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// everyModel are the directories of all SavedModels in testdata.
func everyModel(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*", "inputs/*"} {
		files, err := filepath.Glob(filepath.Join(models, pattern, graphFile))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			all = append(all, filepath.Dir(file))
		}
	}
	if len(all) < 30 {
		t.Fatalf("only %d models", len(all))
	}
	return all
}

// What a model's graph shows without being run is what shows when it is.
func TestExamineAgreesWithOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	for _, dir := range everyModel(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			signatures := []string{""}
			if _, err := prepare(dir, Options{}); errors.Is(err, ErrSignature) {
				meta, _, err := readMetaGraph(dir)
				if err != nil {
					t.Fatal(err)
				}
				signatures = slices.DeleteFunc(sortedKeys(meta.GetSignatureDef()), func(name string) bool { return name == initSignature })
			}
			for _, signature := range signatures {
				compareStatic(t, dir, Options{Signature: signature})
			}
		})
	}
}

// A tensor that is added to itself again and again is not computed twice as often each time.
func TestEvaluateSteps(t *testing.T) {
	w := &inputWay{nodes: map[string]*nodepb.NodeDef{"n0": floats("n0", []int64{1}, 1), "zero": node("zero = Neg(n0)")}}
	for i := range maxDepth {
		name := fmt.Sprintf("n%d", i+1)
		w.nodes[name] = node(fmt.Sprintf("%s = AddV2(n%d, n%d)", name, i, i))
	}
	if values, err := w.evaluate("n5"); err != nil || !slices.Equal(values, []float64{32}) {
		t.Errorf("%v, %v", values, err)
	}
	if values, err := w.evaluate(fmt.Sprintf("n%d", maxDepth-1)); !errors.Is(err, errComputed) {
		t.Errorf("%v, %v", values, err)
	}
}

func compareStatic(t *testing.T, dir string, options Options) {
	t.Helper()
	static, err := Examine(dir, options)
	opened, openErr := Open(dir, options)
	if openErr == nil {
		defer opened.Close()
	}
	if errors.Is(openErr, ErrUntrusted) && errors.Is(err, ErrUntrusted) && filepath.Base(dir) == "writes-in-a-loop" {
		return
	}
	if openErr != nil || err != nil {
		t.Logf("Examine: %v; Open: %v", err, openErr)
		if openErr == nil || err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("Examine: %v, Open: %v", err, openErr)
		}
		return
	}
	if static.Session != nil {
		t.Error("there is a session")
	}
	if static.Name != opened.Name || static.SHA256 != opened.SHA256 || static.InputHeight != opened.InputHeight || static.InputWidth != opened.InputWidth || static.Depth() != opened.Depth() {
		t.Errorf("%+v\nopened: %+v", static, opened)
	}
	if len(static.Notes) > 0 { // random layers, which Open tries to leave out
		if !strings.Contains(static.Notes[0], "random operations") || len(opened.Notes) == 0 && len(opened.Hidden) == 0 {
			t.Errorf("notes %q, opened %q", static.Notes, opened.Notes)
		}
		if len(static.Layers) > 0 || !static.Preprocessing.IsZero() && static.Preprocessing != opened.Preprocessing {
			t.Errorf("preprocessing %s, opened %s; layers %v", static.Preprocessing, opened.Preprocessing, static.Layers)
		}
		return
	}
	if static.Preprocessing != opened.Preprocessing || static.Normalizes != opened.Normalizes || static.Unstated != opened.Unstated {
		t.Errorf("preprocessing %q, %s, %s\nopened: %q, %s, %s", static.Preprocessing, static.Normalizes, static.Unstated, opened.Preprocessing, opened.Normalizes, opened.Unstated)
	}
	of := func(m *inference.Model) map[string]string {
		all := map[string]string{}
		for _, l := range m.Layers {
			all[l.Name] = l.Output.Op.Type() + " " + strings.Trim(strings.Join(l.Aliases, " "), " ")
		}
		return all
	}
	if a, b := of(static), of(opened); !maps.Equal(a, b) {
		for name := range b {
			if a[name] != b[name] {
				t.Errorf("layer %s: %q, opened %q", name, a[name], b[name])
			}
		}
		for name := range a {
			if _, found := b[name]; !found {
				t.Errorf("layer %s: %q, opened: none", name, a[name])
			}
		}
	}
	for _, l := range static.Layers {
		if o, err := opened.Layer(l.Name); err == nil && !slices.Equal(o.Shape, l.Shape) {
			t.Errorf("layer %s has shape %v, opened %v", l.Name, l.Shape, o.Shape)
		}
	}
}
