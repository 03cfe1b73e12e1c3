package featurestore

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever the text is, it is a manifest that says the same when it is written again, or an error.
func FuzzManifest(f *testing.F) {
	m := newManifest(&writerConfig{info: testInfo(Float32), options: Options{Format: FormatParquet}})
	m.RowsPerShard = 1
	text, err := m.Encode()
	must(f, err)
	f.Add(text)
	f.Add([]byte(`{"kind": "fovea-features", "version": 1, "shards": [{"rows": -1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text)
		if m.Kind == manifestKind {
			inspectManifest(text, m)
		}
		if err != nil {
			return
		}
		again, err := m.Encode()
		must(t, err)
		got, err := ParseManifest(again)
		must(t, err)
		if diff := cmp.Diff(m, got); diff != "" {
			t.Errorf("written and read again (-want +got):\n%s", diff)
		}
	})
}
