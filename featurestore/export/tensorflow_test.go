package export

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/featurestore"
)

// TensorFlow itself reads the records, checksums included, and parses the examples.
func TestTensorFlowReads(t *testing.T) {
	const rows = 7
	d := dataset(t, featurestore.Float32, rows)
	file := filepath.Join(t.TempDir(), "x.tfrecord")
	must(t, os.WriteFile(file, []byte(write(t, d, 0, featurestore.ScanOptions{}, TFRecord)), 0o644))

	s := op.NewScope()
	constants := 0
	constant := func(value any) tf.Output { // each needs a name of its own
		constants++
		return op.Const(s.SubScope(fmt.Sprint("constant", constants)), value)
	}
	queue := op.FIFOQueueV2(s, []tf.DataType{tf.String})
	enqueue := op.QueueEnqueueV2(s, queue, []tf.Output{constant(file)})
	closed := op.QueueCloseV2(s, queue)
	_, records := op.ReaderReadUpToV2(s, op.TFRecordReaderV2(s), queue, constant(int64(rows+1)))
	texts := []string{"label", "path", "sha256", "split"}
	keys := append(append([]string{}, texts...), "width", "height", "pool5")
	defaults := []tf.Output{
		constant([]string{""}), constant([]string{""}), constant([]string{""}), constant([]string{""}), // an absent split is ""
		constant([]int64{}), constant([]int64{}), constant([]float32{}),
	}
	one := tf.MakeShape(1)
	_, _, _, values, _, _ := op.ParseExampleV2(s, records, constant(make([]string, rows)), constant([]string{}), constant(keys), constant([]string{}),
		defaults, 0, nil, nil, nil, []tf.Shape{one, one, one, one, one, one, tf.MakeShape(10)})
	graph, err := s.Finalize()
	must(t, err)
	session, err := tf.NewSession(graph, nil)
	must(t, err)
	defer session.Close()
	for _, target := range []*tf.Operation{enqueue, closed} {
		_, err = session.Run(nil, nil, []*tf.Operation{target})
		must(t, err)
	}
	// All values in one run: each run reads on.
	got, err := session.Run(nil, values, nil)
	must(t, err)

	scanned := 0
	must(t, d.Scan(t.Context(), featurestore.ScanOptions{Layers: []string{"pool5"}}, func(b *featurestore.Batch) error {
		for _, r := range b.Rows {
			i := b.Index[scanned-b.Index[0]]
			for n, want := range []string{r.Label, featurestore.EscapeText(r.Path), r.SHA256, r.Split} {
				if text := got[n].Value().([][]string)[i][0]; text != want {
					t.Errorf("row %d, %s: %q, want %q", i, texts[n], text, want)
				}
			}
			if w, h := got[4].Value().([][]int64)[i][0], got[5].Value().([][]int64)[i][0]; w != int64(r.Width) || h != int64(r.Height) {
				t.Errorf("row %d: %dx%d", i, w, h)
			}
			for j, x := range got[6].Value().([][]float32)[i] {
				want := b.Vectors[0][(i-b.Index[0])*10+j]
				if math.Float32bits(x) != math.Float32bits(want) {
					t.Errorf("row %d, value %d: %g, want %g", i, j, x, want)
				}
			}
			scanned++
		}
		return nil
	}))
	if n := len(got[0].Value().([][]string)); n != rows || scanned != rows {
		t.Errorf("TensorFlow sees %d records, want %d", n, rows)
	}
}
