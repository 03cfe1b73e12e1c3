package main

import (
	"errors"
	"fmt"
	"os"

	"fovea/internal/output"
	"fovea/serving"
)

// writeRows writes a table to a file, or to standard output if it has no name. The file gets its name when all rows are
// there.
func writeRows(name string, o serving.WriterOptions, rows func(serving.Writer) error) (err error) {
	file := output.Stdout()
	if name != "" {
		if file, err = output.Create(name); err != nil {
			return fmt.Errorf("cannot write the rows: %w", err)
		}
	}
	defer file.Discard()
	writer, err := serving.NewWriter(file, o)
	if err != nil {
		return err
	}
	counted := &counting{Writer: writer}
	if err := rows(counted); err != nil {
		if counted.rows > 0 { // what is there is ended well
			err = errors.Join(err, writer.Close())
		}
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return file.Commit()
}

// counting counts rows.
type counting struct {
	serving.Writer
	rows int
}

func (c *counting) Write(p serving.Prediction) error {
	c.rows++
	return c.Writer.Write(p)
}

// sameFile reports whether two names refer to the same existing file.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
