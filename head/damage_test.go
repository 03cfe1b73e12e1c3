package head

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trials is the number of trials, unless FOVEA_TRIALS sets it.
func trials(n int) int {
	if asked, err := strconv.Atoi(os.Getenv("FOVEA_TRIALS")); err == nil {
		return asked
	}
	return n
}

func trainedHidden(t *testing.T) *Head {
	t.Helper()
	h := trained(t)
	x, labels := clusters(30, 6, 1, 1)
	mlp, _, err := TrainMLP(context.Background(), x, labels, MLPOptions{Units: 4, Epochs: 2})
	if err != nil {
		t.Fatal(err)
	}
	mlp.Layers, mlp.Recipe, mlp.Notes = h.Layers, h.Recipe, h.Notes
	return mlp
}

// A head with one flipped bit is refused, or is the same head: never one with other predictions.
func TestFlippedBits(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "head.json")
	heads := map[string]*Head{"softmax": trained(t), "hidden": trainedHidden(t), "novelty": withNovelty(t), "several models": severalHead(t)}
	for kind, want := range heads {
		if err := want.Save(name); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		random, same := rand.New(rand.NewPCG(17, 4)), 0
		n := trials(300)
		for range n {
			changed := bytes.Clone(whole)
			at, bit := random.IntN(len(whole)), random.IntN(8)
			changed[at] ^= 1 << bit
			if err := os.WriteFile(name, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := Load(name)
			switch {
			case err != nil && (!errors.Is(err, ErrFile) || !bytes.Contains([]byte(err.Error()), []byte(name))):
				t.Errorf("%s: byte %d, bit %d: %v, want ErrFile that names the file", kind, at, bit, err)
			case err == nil && cmp.Diff(want, got) != "":
				t.Errorf("%s: byte %d, bit %d gives another head: %s", kind, at, bit, cmp.Diff(want, got))
			case err == nil:
				same++
			}
		}
		t.Logf("%s: %d of %d flips are in the name of the checksum and change nothing, all others are refused", kind, same, n)
		if same > n/10 {
			t.Errorf("%s: %d of %d damaged files are accepted", kind, same, n)
		}
	}
}

// Files of earlier versions have no checksum and are read.
func TestLoadUnsealed(t *testing.T) {
	for _, name := range []string{"softmax", "hidden", "layers", "novelty"} {
		file := filepath.Join("..", "testdata", "heads", "unsealed", name+".json")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"checksum"`)) {
			t.Fatalf("%s has a checksum", file)
		}
		h, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		again := filepath.Join(t.TempDir(), "again.json")
		if err := h.Save(again); err != nil {
			t.Fatal(err)
		}
		sealed, err := os.ReadFile(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(sealed, bytes.TrimSuffix(text, []byte("\n}\n"))) {
			t.Errorf("%s: a checksum is not all that is new", file)
		}
	}
}
