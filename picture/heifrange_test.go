package picture

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// TestRangesOfHEIF: a range other than auto sees all bits of AVIF and HEIC, as imagecodecs and pillow-heif do.
// make_heif_ranges.py wrote the sums.
func TestRangesOfHEIF(t *testing.T) {
	needCodecs(t)
	files := heifFiles(t)
	list, err := os.Open(filepath.Join(goldenDir, "heif-ranges.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	cases := 0
	for lines := bufio.NewScanner(list); lines.Scan(); cases++ {
		var name string
		var o Options
		var sum uint32
		if _, err := fmt.Sscan(lines.Text(), &name, &o.Range, &o.Width, &o.Height, &sum); err != nil {
			t.Fatal(err)
		}
		p, err := Decode(files[name], o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := crc32.ChecksumIEEE(p.Pix); got != sum {
			t.Errorf("%s, %s: other pixels than NumPy's: sum %d, want %d", name, o.Range, got, sum)
		}
	}
	if cases < 20 {
		t.Errorf("%d cases", cases)
	}
}
