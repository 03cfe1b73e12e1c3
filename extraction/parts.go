package extraction

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fovea/featurestore"
	"fovea/pipeline"
)

const (
	// fewestOfPart is how many rows show that a dataset is a part of the images: that so many are in it by chance has a
	// probability of 2^-29 at most.
	fewestOfPart = 30
	// mostOfPart bounds the rows that are looked at.
	mostOfPart = 4096
)

// part is a part of the images, as --shard makes it; of 1 is none.
type part struct{ number, of uint64 }

// partOf tells which part of the images a dataset has, by its rows' paths: their numbers have the same remainder by the
// number of parts, and therefore differences of which it is a divisor.
func partOf(paths []string) part {
	if len(paths) < fewestOfPart {
		return part{of: 1}
	}
	first, divisor := pipeline.PartNumber(paths[0]), uint64(0)
	for _, path := range paths[1:] {
		number := pipeline.PartNumber(path)
		for a, b := max(first, number)-min(first, number), divisor; ; a, b = b, a%b {
			if b == 0 {
				divisor = a
				break
			}
		}
	}
	if divisor < 2 { // 0 of equal paths, which no dataset has
		return part{of: 1}
	}
	return part{first % divisor, divisor}
}

// doubtParts are warnings about what the datasets to be merged lack: rows that are not extracted yet, and parts of the
// images. What cannot be opened is left to merging.
func doubtParts(ctx context.Context, dirs []string, read featurestore.ReadOptions) (warnings []string) {
	var parts []*featurestore.Dataset
	for _, dir := range dirs {
		d, err := read.Open(dir)
		if err != nil {
			return nil
		}
		if unfinished := d.Unfinished(); unfinished != "" {
			warnings = append(warnings, unfinished+": finish it with extract --resume, and merge again")
		}
		parts = append(parts, d)
	}
	if missing := missingParts(ctx, parts); missing != "" {
		warnings = append(warnings, missing)
	}
	return warnings
}

// missingParts says which parts of the images the datasets lack, if all of them are parts of the same number, "" if none
// is missing or nothing can be said.
func missingParts(ctx context.Context, datasets []*featurestore.Dataset) string {
	have := map[uint64]bool{}
	of := uint64(0)
	for _, d := range datasets {
		paths, err := somePaths(ctx, d)
		if err != nil { // which merging tells
			return ""
		}
		p := partOf(paths)
		if p.of == 1 || of != 0 && p.of != of {
			return ""
		}
		of, have[p.number] = p.of, true
	}
	if uint64(len(have)) == of || of > 1<<20 {
		return ""
	}
	var missing []string
	for i := range of {
		if !have[i] && len(missing) < 5 {
			missing = append(missing, fmt.Sprintf("%d/%d", i, of))
		}
	}
	if more := int(of) - len(have) - len(missing); more > 0 {
		missing = append(missing, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("these are %d of the %d parts that extract --shard made of the images; missing are %s, and so are their rows in the result", len(have), of, strings.Join(missing, ", "))
}

var errEnough = errors.New("enough")

// somePaths are the paths of the first rows.
func somePaths(ctx context.Context, d *featurestore.Dataset) (paths []string, err error) {
	err = d.Scan(ctx, featurestore.ScanOptions{Layers: []string{}, Readers: 1}, func(b *featurestore.Batch) error {
		for _, row := range b.Rows {
			paths = append(paths, row.Path)
		}
		if len(paths) >= mostOfPart {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return paths, err
}
