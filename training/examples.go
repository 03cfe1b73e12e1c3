package training

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// RecordReader returns byte strings of one size by number, as Records do.
type RecordReader interface {
	// Size is the number of bytes of each.
	Size() int
	// Read reads record i into dst, which has Size bytes.
	Read(dst []byte, i int) error
}

// Examples are records with their classes.
type Examples struct {
	Records RecordReader
	// Classes has the number of the class of every record.
	Classes []int32
	// Rows are the numbers of the records to use.
	Rows []int
	// Values is the number of values of an example.
	Values int
	// Decode writes a record's values to dst. For a given epoch and record, random always yields
	// the same numbers.
	Decode func(dst []float32, record []byte, random *rand.Rand)
}

// batch is the examples of a step, as a Trainer takes them.
type batch struct {
	values []float32
	labels []int32
	record []byte
}

// order is the order of the records in an epoch.
func (e *Examples) order(seed uint64, epoch int) []int {
	rows := make([]int, len(e.Rows))
	random := rand.New(rand.NewPCG(seed, uint64(epoch)))
	for i, k := range random.Perm(len(rows)) {
		rows[i] = e.Rows[k]
	}
	return rows
}

// load decodes rows into the batch.
func (e *Examples) load(b *batch, rows []int, seed uint64, epoch int) error {
	if len(b.record) != e.Records.Size() {
		b.record = make([]byte, e.Records.Size())
	}
	if need := len(rows) * e.Values; cap(b.values) < need {
		b.values = make([]float32, need)
	}
	b.values, b.labels = b.values[:len(rows)*e.Values], b.labels[:0]
	for i, r := range rows {
		if err := e.Records.Read(b.record, r); err != nil {
			return err
		}
		random := rand.New(rand.NewPCG(seed^uint64(epoch)<<32, uint64(r)))
		e.Decode(b.values[i*e.Values:(i+1)*e.Values], b.record, random)
		b.labels = append(b.labels, e.Classes[r])
	}
	return nil
}

func (e *Examples) validate(t *Trainer) error {
	if len(e.Rows) == 0 {
		return errors.New("training: there are no examples")
	}
	if e.Values != t.network.InputSize() {
		return fmt.Errorf("training: examples of %d values do not fit network %s, which takes %d", e.Values, t.network.Name, t.network.InputSize())
	}
	return nil
}

// Each decodes the examples in order and calls use for size of them at a time. The slices are valid
// during the call.
func (e *Examples) Each(size int, use func(rows []int, values []float32, labels []int32) error) error {
	var b batch
	for from := 0; from < len(e.Rows); from += size {
		rows := e.Rows[from:min(from+size, len(e.Rows))]
		if err := e.load(&b, rows, 0, 0); err != nil {
			return err
		}
		if err := use(rows, b.values, b.labels); err != nil {
			return err
		}
	}
	return nil
}
