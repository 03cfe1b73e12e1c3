package extraction

import (
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"fovea/internal/metrics"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
)

func scrape(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() // read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return string(body)
}

// scrapingExtractor asks for the metrics while it computes.
type scrapingExtractor struct{ scrape func() }

func (e scrapingExtractor) BatchSize() int { return 2 }

func (e scrapingExtractor) Extract(_ []float32, n int) ([][]float32, error) {
	e.scrape()
	return [][]float32{make([]float32, n)}, nil
}

// The metrics are there before, during and after a run, are of good form by Prometheus's own
// check, and add up.
func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	var items []pipeline.Item
	for _, name := range []string{"a.png", "b.png", "broken.png", "d.png", "e.png"} {
		items = append(items, pipeline.Item{Path: name, File: filepath.Join(dir, name)})
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "broken.png" {
			_, err = f.WriteString("no image")
		} else {
			err = png.Encode(f, image.NewGray(image.Rect(0, 0, 3, 3)))
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	var m Metrics
	m.begin(5, 7, 2)
	s, err := metrics.Listen("localhost:0", metrics.NewRegistry(&m))
	if err != nil {
		t.Fatal(err)
	}
	if before := scrape(t, s.Address()); !strings.Contains(before, `extract_images_total{outcome="done"} 0`) {
		t.Errorf("before the run: %s", before)
	}
	var during []string
	config := pipeline.Config{Picture: picture.Options{Width: 2, Height: 2}, Preprocessing: preprocessing.Caffe, Workers: 2, Monitor: &m.Monitor}
	stats, err := pipeline.Run(context.Background(), items, scrapingExtractor{func() { during = append(during, scrape(t, s.Address())) }}, discard{}, config)
	if err != nil {
		t.Fatal(err)
	}
	if len(during) != 2 || !strings.Contains(during[1], "extract_batches_total 1\n") || !strings.Contains(during[1], `extract_queue_capacity{stage="decode"} 4`) {
		t.Errorf("%d scrapes during the run, the last: %s", len(during), during[len(during)-1])
	}
	after := scrape(t, s.Address())
	for _, want := range []string{
		"extract_images_wanted 5\n", `extract_images_total{outcome="done"} 4`, `extract_images_total{outcome="failed"} 1`,
		`extract_images_total{outcome="skipped"} 7`, "extract_batches_total 2\n", "extract_batch_size_images 2\n",
		`extract_stage_seconds_total{stage="infer"} `, `extract_queue_length{stage="write"} 0`, "process_resident_memory_bytes ", "go_goroutines ",
	} {
		if !strings.Contains(after, want) {
			t.Errorf("after the run there is no %q in %s", want, after)
		}
	}
	if stats.Bytes == 0 || stats.Rate() <= 0 || stats.Bottleneck().Share <= 0 {
		t.Errorf("the run's own counters are %+v", stats)
	}
	problems, err := promlint.New(strings.NewReader(after)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint says %v, %v", problems, err)
	}
	if problems, err := testutil.CollectAndLint(&m); err != nil || len(problems) > 0 {
		t.Errorf("promlint says %v, %v", problems, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
