package main

import (
	"github.com/spf13/pflag"

	"fovea/app/cli"
)

// fileSizes say how large the files of a dataset become. They are no part of its recipe, but
// all of its files keep to one size: resuming without them goes on with that of the dataset,
// and with another one is refused.
type fileSizes struct {
	rows int
	size string
	// bytes is size, parsed; 0 for none.
	bytes int64
}

func (s *fileSizes) add(f *pflag.FlagSet) {
	f.IntVar(&s.rows, "rows-per-file", 0, "`N` rows in every file but the last (default: by size)")
	f.StringVar(&s.size, "bytes-per-file", "", "`SIZE` of a file's vectors before compression, as 256MB or 2GB; a killed run loses one file at most (default: 64MB, but at most 8192 rows)")
}

// parse finds what cannot be meant.
func (s *fileSizes) parse() error {
	switch {
	case s.rows < 0:
		return cli.Usagef("--rows-per-file %d: give a positive number", s.rows)
	case s.rows > 0 && s.size != "":
		return cli.Usagef("--rows-per-file and --bytes-per-file exclude each other")
	case s.size == "":
		return nil
	}
	var err error
	s.bytes, err = cli.ParseSize("--bytes-per-file", s.size)
	return err
}
