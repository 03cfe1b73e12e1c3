package picture

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"fovea/picture/internal/jpeg"
)

// rareJPEG is a file of jpeg.tar.gz, and what it decodes to.
type rareJPEG struct {
	data                               []byte
	precision, width, height, channels int
	sum                                string
}

func rareJPEGs(t testing.TB) map[string]*rareJPEG {
	t.Helper()
	files := map[string]*rareJPEG{}
	file := func(name string) *rareJPEG {
		if files[name] == nil {
			files[name] = new(rareJPEG)
		}
		return files[name]
	}
	readArchive(t, "jpeg.tar.gz", func(member string, data []byte) {
		if name, found := strings.CutSuffix(member, ".jpg"); found {
			file(name).data = data
			return
		}
		for line := range strings.Lines(string(data)) {
			name, rest, _ := strings.Cut(line, " ")
			f := file(name)
			if _, err := fmt.Sscan(rest, &f.precision, &f.width, &f.height, &f.channels, &f.sum); err != nil {
				t.Fatal(err)
			}
		}
	})
	for name, f := range files {
		if len(f.data) == 0 || f.sum == "" {
			t.Fatalf("%s is not complete", name)
		}
	}
	if len(files) < 200 {
		t.Fatalf("%d files", len(files))
	}
	return files
}

// rareExamples are some of them, of each kind.
func rareExamples(t testing.TB) map[string][]byte {
	t.Helper()
	files, out := rareJPEGs(t), map[string][]byte{}
	for _, name := range []string{
		"no-tables-420-restarts", "height-behind-420", "height-behind-progressive", "arithmetic-sequential-420", "arithmetic-sequential-restarts",
		"arithmetic-progressive-422", "arithmetic-progressive-restarts", "12-bits-huffman-420", "12-bits-huffman-grey", "12-bits-progressive-411",
		"12-bits-arithmetic-440", "lossless-4-bits-predictor-3", "lossless-8-bits-predictor-4", "lossless-16-bits-predictor-7", "lossless-16-bits-420",
	} {
		if files[name] == nil {
			t.Fatalf("there is no %s", name)
		}
		out[name+".jpg"] = files[name].data
	}
	return out
}

// sumOfWords is as make_jpeg.py computes it.
func sumOfWords(words []uint16) string {
	h := sha256.New()
	for _, v := range words {
		h.Write(binary.BigEndian.AppendUint16(nil, v))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// TestRareJPEGs: JPEGs without Huffman tables, with arithmetic coding, of 12 bits, lossless ones and those with their
// height behind the scan have the samples that libjpeg-turbo decodes, or encoded.
func TestRareJPEGs(t *testing.T) {
	for name, f := range rareJPEGs(t) {
		decoded, err := new(jpeg.Decoder).Decode(f.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if decoded.Width != f.width || decoded.Height != f.height || decoded.Precision != f.precision {
			t.Errorf("%s is %d bits of %dx%d", name, decoded.Precision, decoded.Width, decoded.Height)
		}
		var words []uint16
		if f.precision == 8 {
			p, err := Decode(f.data, Options{Width: f.width, Height: f.height})
			if err != nil || p.Format != "jpeg" {
				t.Errorf("%s: %s, %v", name, p.Format, err)
				continue
			}
			for _, v := range p.Pix {
				words = append(words, uint16(v))
			}
		} else {
			channels, row := deepJPEG(decoded)
			for y := range f.height {
				words = append(words, make([]uint16, channels*f.width)...)
				row(y, words[len(words)-channels*f.width:])
			}
		}
		if len(words) != f.width*f.height*f.channels || sumOfWords(words) != f.sum {
			t.Errorf("%s: %d samples are not libjpeg-turbo's", name, len(words))
		}
	}
}
