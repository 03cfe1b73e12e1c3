package picture

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// TestMPO: of JPEGs one behind another, such as of stereo cameras and with gain maps, the first is shown, as Pillow does.
func TestMPO(t *testing.T) {
	list, err := os.Open(filepath.Join(goldenDir, "mpo.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	cases := 0
	for lines := bufio.NewScanner(list); lines.Scan(); cases++ {
		var name string
		var o Options
		var sum uint32
		if _, err := fmt.Sscan(lines.Text(), &name, &o.Width, &o.Height, &sum); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(goldenDir, name))
		if err != nil || bytes.Count(data, []byte("\xff\xd8\xff")) != 2 || !bytes.Contains(data, []byte("MPF\x00")) {
			t.Fatalf("%s is no MPO: %v", name, err)
		}
		p, err := Decode(data, o)
		if err != nil || p.Format != "jpeg" || p.SourceWidth != o.Width || p.SourceHeight != o.Height {
			t.Errorf("%s: %s of %dx%d, %v", name, p.Format, p.SourceWidth, p.SourceHeight, err)
		} else if got := crc32.ChecksumIEEE(p.Pix); got != sum {
			t.Errorf("%s: other pixels than Pillow's", name)
		}
		if !Decodes(name, nil) {
			t.Errorf("%s is not looked for in folders", name)
		}
	}
	if cases != 2 {
		t.Errorf("%d cases", cases)
	}
}
