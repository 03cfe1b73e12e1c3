package featurestore

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/apache/arrow/go/v15/arrow"

	"fovea/recipe"
)

// lateRows are the vectors of rows that cannot be taken in the order of the dataset, in a file without a name: rows of
// images that were moved since are made in the order in which the images are found, and may be many.
type lateRows struct {
	file   *os.File
	places map[int]int // in the file, by row
	bytes  int64       // of one row
	buffer []byte
	rows   [][]float32 // in the buffer
}

// keepLate puts the vectors that are not in their turn aside.
func (a *addedColumns) keepLate() error {
	turn := increasing(a.rowOf)
	if len(turn) == len(a.rowOf) {
		return nil
	}
	places := map[int]int{}
	for _, row := range a.rowOf {
		if row >= 0 && !turn[row] {
			places[row] = -1
		}
	}
	if len(places) == 0 {
		return nil
	}
	dir := inDir(a.staged.root, tempDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "late"+tempSuffix))
	if err != nil {
		return err
	}
	a.late = newLateRows(file, a.layers, places)
	err = errors.Join(os.Remove(file.Name()), a.late.write(a))
	if err != nil {
		a.late.close()
		return fmt.Errorf("put vectors in order: %w", err)
	}
	return nil
}

func newLateRows(file *os.File, layers []recipe.Layer, places map[int]int) *lateRows {
	l := &lateRows{file: file, places: places, bytes: rowBytes(layers, Float32)}
	l.buffer = make([]byte, l.bytes)
	values := arrow.Float32Traits.CastFromBytes(l.buffer)
	for _, layer := range layers {
		l.rows = append(l.rows, values[:layer.Size()])
		values = values[layer.Size():]
	}
	return l
}

// write writes the rows that have a place.
func (l *lateRows) write(a *addedColumns) error {
	w, n := bufio.NewWriterSize(l.file, 1<<20), 0
	var failed error
	err := a.scan(func(r stagedRow) bool {
		if _, late := l.places[r.row]; !late {
			return true
		}
		l.places[r.row] = n
		n++
		for _, v := range r.vectors {
			if _, failed = w.Write(arrow.Float32Traits.CastToBytes(v)); failed != nil {
				return false
			}
		}
		return true
	})
	return errors.Join(err, failed, w.Flush())
}

// read returns the vectors of a row if it is one of them. They are valid until the next call.
func (l *lateRows) read(row int) (vectors [][]float32, late bool, err error) {
	if l == nil {
		return nil, false, nil
	}
	place, late := l.places[row]
	if !late {
		return nil, false, nil
	}
	_, err = l.file.ReadAt(l.buffer, int64(place)*l.bytes)
	return l.rows, true, err
}

func (l *lateRows) close() {
	if l != nil {
		_ = l.file.Close() // it has no name any more
	}
}

// increasing are the numbers of one of the longest increasing parts of a sequence, without negative numbers.
func increasing(numbers []int) map[int]bool {
	var ends []int // the index of the least number at which a part of each length ends
	before := make([]int, len(numbers))
	for i, n := range numbers {
		if n < 0 {
			continue
		}
		at := sort.Search(len(ends), func(k int) bool { return numbers[ends[k]] >= n })
		before[i] = -1
		if at > 0 {
			before[i] = ends[at-1]
		}
		if at == len(ends) {
			ends = append(ends, i)
		} else {
			ends[at] = i
		}
	}
	found := make(map[int]bool, len(ends))
	if len(ends) == 0 {
		return found
	}
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		found[numbers[i]] = true
	}
	return found
}
