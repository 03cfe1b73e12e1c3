package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/featurestore/remote"
	"fovea/finetuning"
	"fovea/internal/scratch"
)

// featureSource is the dataset that a command reads, and the memory for it.
type featureSource struct {
	dir    string
	memory string
}

func (s *featureSource) add(f *pflag.FlagSet) {
	f.StringVar(&s.dir, "features", "", "the directory `DIR` of the dataset, or its URL in an object store (required)")
	f.StringVar(&s.memory, "memory", "", "`SIZE` of memory for features, as 4GB; with more, they lie in temporary files, which TMPDIR places (default: half of the machine's)")
}

func (s *featureSource) validate() error {
	if s.dir == "" {
		return cli.Usagef("--features DIR is required")
	}
	_, err := s.above()
	return err
}

// tables is the number of tables as large as the features that training needs at a time, and
// then some.
const tables = 4

// above is the size of a table from which it lies in a file.
func (s *featureSource) above() (int64, error) {
	if s.memory == "" {
		return available() / 2 / tables, nil
	}
	size, err := cli.ParseSize("--memory", s.memory)
	if err != nil {
		return 0, err
	}
	return max(1, size/tables), nil
}

func (s *featureSource) load(ctx context.Context, names ...string) (finetuning.Features, error) {
	above, err := s.above()
	if err != nil {
		return finetuning.Features{}, err
	}
	local, done, err := s.fetched(ctx)
	if err != nil {
		return finetuning.Features{}, err
	}
	defer done()
	f, err := finetuning.Load(ctx, &scratch.Memory{Above: above}, local.dir, names...)
	return f, cli.UsageWhen(remote.Located(err, local.dir, s.dir), finetuning.ErrLayers)
}

// fetched is the source in the file system, where done removes what was fetched.
func (s featureSource) fetched(ctx context.Context) (local featureSource, done func(), err error) {
	s.dir, done, err = remote.Fetch(ctx, s.dir)
	return s, done, err
}

// available is the memory that the process may use: the machine's, or its control group's if
// that is less; 0 if it cannot be found out.
func available() int64 {
	least := int64(0)
	note := func(bytes int64) {
		if bytes > 0 && (least == 0 || bytes < least) {
			least = bytes
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(file); err == nil {
			var bytes int64
			_, _ = fmt.Sscan(string(text), &bytes) // it may say "max"
			note(bytes)
		}
	}
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return least
	}
	defer file.Close() //nolint:errcheck // only read from
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			var kilobytes int64
			_, _ = fmt.Sscan(text, &kilobytes)
			note(kilobytes << 10)
		}
	}
	return least
}
