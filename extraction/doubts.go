package extraction

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/picture"
	"fovea/pipeline"
)

const (
	// fewTransparent is the number of images with transparent pixels that need not mean anything.
	fewTransparent = 5
	// fewFaint is the number of images that may be nearly black.
	fewFaint = 3
	// fewIdentical is the number of images of a class that may look the same.
	fewIdentical = 3
	// mostRemembered bounds the images of which copies are looked for, about 150 bytes each.
	mostRemembered = 4_000_000
	// mostNamed bounds the pairs that are named.
	mostNamed = 3
)

// doubts looks, while rows are written, for what surely is a mistake: transparency that is dropped in many images,
// images that come out black, a class whose images all have the same features, and copies of an image under different
// labels. It knows the rows of one run. It is for one goroutine.
type doubts struct {
	warn func(string)
	// confined asks whether decoders have given up their rights; unconfined says that it was told of them.
	confined   func() bool
	unconfined bool
	// rows counts all, transparent those with dropped transparency, of which first is the first.
	rows, transparent int
	first             string
	// faint are those that use little of their range, of which firstFaint is the first.
	faint      int
	firstFaint string
	seed       maphash.Seed
	classes    map[string]*class
	files      map[[16]byte]remembered
	// gone are rows of earlier runs whose images are not there any more, by half their SHA-256; moved counts images that
	// are stored a second time because of that, and firstMoved names one.
	gone       map[[16]byte]string
	moved      int
	firstMoved string
	// conflicts counts copies under another label than the first, and pairs names some.
	conflicts int
	pairs     []string
}

// class is what is known of the rows with one label.
type class struct {
	rows int
	// sum is the hash of the first row's features; differ says that another row has others.
	sum    uint64
	differ bool
}

// remembered is the first image with some content.
type remembered struct{ path, label string }

// confined says whether decoders run without rights, where the system is known to have a way.
func confined() bool { return runtime.GOOS != "linux" || picture.Confined() }

func newDoubts() *doubts {
	return &doubts{
		warn: func(message string) { logrus.Warn(message) }, confined: confined,
		seed: maphash.MakeSeed(), classes: map[string]*class{}, files: map[[16]byte]remembered{},
	}
}

// see takes rows that were stored.
func (d *doubts) see(rows []pipeline.Row) {
	d.seeConfinement()
	for i := range rows {
		d.rows++
		d.seeTransparency(&rows[i])
		d.seeFaint(&rows[i])
		d.seeClass(&rows[i])
		d.seeFile(&rows[i])
	}
}

// seeConfinement warns, once, that hostile images could do more than they should.
func (d *doubts) seeConfinement() {
	if d.unconfined || d.confined() {
		return
	}
	d.unconfined = true
	d.warn("the system does not let the processes that decode AVIF and HEIC give up their rights (seccomp): their memory and time are bounded, but a hostile image that takes one over has the rights of this program; extract doctor says what to do")
}

// seeTransparency warns as soon as there are many, so that nobody waits for the end of a run in vain.
func (d *doubts) seeTransparency(r *pipeline.Row) {
	if !r.Transparent {
		return
	}
	if d.transparent++; d.transparent == 1 {
		d.first = spelling.Spell(r.Path)
	}
	if d.transparent == fewTransparent {
		d.warn(fmt.Sprintf("the transparency of images is dropped, %d of the first %d, so that they show whatever colour lies under it, such as %s: if they should stand on a background, begin anew with --background white, or another colour", d.transparent, d.rows, d.first))
	}
}

// seeFaint warns of images of more than 8 bits that come out nearly black, such as those of 12 bits in files of 16, as
// soon as there are some.
func (d *doubts) seeFaint(r *pipeline.Row) {
	if !r.Faint {
		return
	}
	if d.faint++; d.faint == 1 {
		d.firstFaint = spelling.Spell(r.Path)
	}
	if d.faint == fewFaint {
		d.warnFaint()
	}
}

func (d *doubts) warnFaint() {
	d.warn(fmt.Sprintf("images of more than 8 bits use so little of the range of their samples that they come out nearly black, %d of the first %d, such as %s: begin anew with --range minmax, or with the range that they share, such as --range 0..4095", d.faint, d.rows, d.firstFaint))
}

// seeClass compares the features of the rows with one label, until two differ.
func (d *doubts) seeClass(r *pipeline.Row) {
	c := d.classes[r.Label]
	if c == nil {
		c = &class{}
		d.classes[r.Label] = c
	}
	c.rows++
	if c.differ {
		return
	}
	sum := d.hash(r.Features)
	if c.rows == 1 {
		c.sum = sum
	}
	c.differ = sum != c.sum
}

func (d *doubts) hash(features [][]float32) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	buffer := make([]byte, 0, 4096)
	for _, layer := range features {
		for part := range slices.Chunk(layer, cap(buffer)/4) {
			buffer = buffer[:0]
			for _, v := range part {
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
			}
			_, _ = h.Write(buffer) // never fails
		}
	}
	return h.Sum64()
}

// seeFile compares the labels of copies.
func (d *doubts) seeFile(r *pipeline.Row) {
	var sum [16]byte // half of it tells files apart
	if n, err := hex.Decode(sum[:], []byte(r.SHA256[:min(len(r.SHA256), 2*len(sum))])); err != nil || n < len(sum) {
		return
	}
	if former, found := d.gone[sum]; found {
		if d.moved++; d.moved == 1 {
			d.firstMoved = fmt.Sprintf("%s, which was %s", spelling.Spell(r.Path), spelling.Spell(former))
		}
	}
	if r.Label == "" {
		return
	}
	first, found := d.files[sum]
	switch {
	case !found && len(d.files) < mostRemembered:
		d.files[sum] = remembered{r.Path, r.Label}
	case found && first.label != r.Label:
		if d.conflicts++; d.conflicts <= mostNamed {
			d.pairs = append(d.pairs, fmt.Sprintf("%s (%s) and %s (%s)", spelling.Spell(first.path), spelling.Spell(first.label), spelling.Spell(r.Path), spelling.Spell(r.Label)))
		}
	}
}

// conclude warns of what only the end shows.
func (d *doubts) conclude() {
	d.seeConfinement()
	if d.faint > 0 && d.faint < fewFaint && 2*d.faint >= d.rows {
		d.warnFaint()
	}
	if d.moved > 0 {
		d.warn(fmt.Sprintf("stored again under other paths: %s, such as %s; the old rows are kept, so that these images count twice: extract --sync with the same flags takes the old rows out", text.Plural(d.moved, "image"), d.firstMoved))
	}
	if d.conflicts > 0 {
		more := ""
		if n := d.conflicts - len(d.pairs); n > 0 {
			more = fmt.Sprintf("; %d more", n)
		}
		d.warn(fmt.Sprintf("equal files have different labels: %s%s: correct the labels, or remove the copies (extract dataset duplicates lists them)", strings.Join(d.pairs, "; "), more))
	}
	var same []string
	for _, label := range slices.Sorted(maps.Keys(d.classes)) {
		if c := d.classes[label]; !c.differ && c.rows >= fewIdentical {
			name := spelling.Spell(label)
			if label == "" {
				name = "no label"
			}
			same = append(same, fmt.Sprintf("%s (%s)", name, text.Plural(c.rows, "image")))
		}
	}
	if len(same) > 0 {
		d.warn(fmt.Sprintf("all images of a class have the same features: %s: the files may be placeholders or copies, or the model may not fit them", text.Some(same)))
	}
}
