package head

import (
	"path/filepath"
	"testing"

	mutated "fovea/internal/trials"
)

// No change of a head's file ends the program, stalls it or makes it take gigabytes. Files of earlier versions have no
// checksum, which would stop most changes.
func TestTrials(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("..", "testdata", "heads", "unsealed", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no heads: %v", err)
	}
	seeds := []mutated.Seed{{File: filepath.Join("..", "testdata", "heads", "cats-vs-dogs.json")}}
	for _, name := range names {
		seeds = append(seeds, mutated.Seed{File: name})
	}
	mutated.Run(t, seeds, func(file string) error {
		_, err := Load(file)
		return err
	})
}
