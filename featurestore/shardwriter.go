package featurestore

import (
	"fmt"
	"path/filepath"
)

// Shard is one finished file of rows.
type Shard struct {
	// File is its name below the dataset's directory, with a slash: "data/part-00000.parquet".
	File string `json:"file"`
	Rows int    `json:"rows"`
	// Bytes and SHA256 are those of the file.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// shardWriter writes one shard into a temporary file.
type shardWriter struct {
	name   string // of the shard, below data/
	sink   *tempFile
	enc    encoder
	config *writerConfig
	// rows counts those handed to the encoder, groupRows those of them in its row group.
	rows, groupRows int
}

// writerConfig is what all shards of a writer share.
type writerConfig struct {
	dir     string
	info    Info
	options Options
	sizes   sizes
}

func newShardWriter(c *writerConfig, index int) (*shardWriter, error) {
	s := &shardWriter{name: shardName(index, c.options.Format), config: c}
	var err error
	s.sink, err = createTemp(filepath.Join(c.dir, tempDir, s.name), c.options.hooks.wrap)
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", s.name, err)
	}
	err = s.call(func() error {
		s.enc, err = newEncoder(s.sink, c.info, c.options)
		return err
	})
	if err != nil {
		s.sink.discard()
		return nil, err
	}
	return s, nil
}

// call runs the encoder and reports what either it or the sink has to complain of.
func (s *shardWriter) call(f func() error) error {
	err := guard(f)
	if s.sink.err != nil {
		err = s.sink.err
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", s.name, err)
	}
	return nil
}

// room is the number of rows until the next record must be written. It depends on the
// position in the shard alone, so that equal rows make equal bytes.
func (s *shardWriter) room() int {
	z := s.config.sizes
	return min(z.record, z.group-s.groupRows, z.shard-s.rows)
}

// write encodes the collected rows, at most room of them, and empties the batch.
func (s *shardWriter) write(b *batch) error {
	if b.n == 0 {
		return nil
	}
	err := s.call(func() error {
		record := b.record(s.enc.schema(), s.config.options.hooks.mem)
		defer record.Release()
		if err := s.enc.write(record); err != nil {
			return err
		}
		if s.groupRows += b.n; s.groupRows < s.config.sizes.group {
			return nil
		}
		s.groupRows = 0
		return s.enc.endGroup()
	})
	if err != nil {
		return err
	}
	s.rows += b.n
	b.reset()
	return nil
}

// finish writes the footer and gives the shard its final name.
func (s *shardWriter) finish() (Shard, error) {
	if err := s.call(s.enc.close); err != nil {
		s.sink.discard()
		return Shard{}, err
	}
	if err := s.sink.commit(filepath.Join(s.config.dir, dataDir, s.name)); err != nil {
		return Shard{}, fmt.Errorf("write %q: %w", s.name, err)
	}
	return Shard{File: dataDir + "/" + s.name, Rows: s.rows, Bytes: s.sink.size, SHA256: s.sink.sum()}, nil
}

// discard gives the shard up.
func (s *shardWriter) discard() {
	s.sink.discard()
	_ = guard(s.enc.close) // releases its memory; the sink refuses every write
}
