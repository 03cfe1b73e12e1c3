package pipeline

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/picture"
)

// TestLimits: an image that takes too long is a failure of its own stage, and a file that is too large
// is not read. Others are rows.
func TestLimits(t *testing.T) {
	items := greyPictures(t, 1)
	noise := image.NewNRGBA(image.Rect(0, 0, 500, 300))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(random.Uint32())
	}
	var content bytes.Buffer
	if err := png.Encode(&content, noise); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	add := func(name string, data []byte, size int64) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if size > 0 {
			if err := os.Truncate(file, size); err != nil { // most of it is a hole
				t.Fatal(err)
			}
		}
		items = append(items, Item{Path: name, File: file})
	}
	add("large.png", content.Bytes(), picture.MaxFileBytes+1)
	add("slow.png", content.Bytes(), 0)

	c, sink := config(1), &memorySink{}
	c.Limit(0, 1)
	stats, err := Run(context.Background(), items, &meanExtractor{batch: 1}, sink, c)
	if err != nil || stats.Rows != 1 || len(sink.failures) != 2 {
		t.Fatalf("%d rows, failures %+v, %v", stats.Rows, sink.failures, err)
	}
	if f := sink.failures[0]; f.Stage != StageRead || !strings.Contains(f.Reason, "the limit is 512 MB: scale it down") {
		t.Errorf("%s: %s", f.Stage, f.Reason)
	}
	if f := sink.failures[1]; f.Stage != StageTime || !strings.Contains(f.Reason, "--max-decode-seconds") {
		t.Errorf("%s: %s", f.Stage, f.Reason)
	}
	sink = &memorySink{}
	if _, err := Run(context.Background(), items[2:], &meanExtractor{batch: 1}, sink, config(1)); err != nil || len(sink.rows) != 1 {
		t.Errorf("with the usual limit: %+v, %v", sink.failures, err)
	}
	sink = &memorySink{}
	c = config(1)
	c.Limit(100, 0)
	if _, err := Run(context.Background(), items[2:], &meanExtractor{batch: 1}, sink, c); err != nil || len(sink.failures) != 1 || sink.failures[0].Stage != StageDecode {
		t.Errorf("with few pixels: %+v, %v", sink.failures, err)
	}
}
