package featurestore

import (
	"fmt"
	"path/filepath"

	"fovea/featurestore/internal/guard"
)

// Shard is one finished file of rows.
type Shard struct {
	// File is its name below the dataset's directory, with a slash: "data/part-00000.parquet".
	File string `json:"file"`
	Rows int    `json:"rows"`
	// Bytes and SHA256 are those of the file.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// TailSHA256 is the SHA-256 of the file's last 64 KiB, or of all of a smaller one, by which Open
	// tells the file from those of other datasets. Datasets of earlier versions lack it.
	TailSHA256 string `json:"tail_sha256,omitempty"`
}

// shardWriter writes one shard into a temporary file.
type shardWriter struct {
	name   string // of the shard, below data/
	sink   *tempFile
	enc    encoder
	config *writerConfig
	// rows counts those handed to the encoder, groupRows those of them in its row group.
	rows, groupRows int
	// seen are the rows' Seen, one after another.
	seen []byte
	// encoding gets the result of the encoding under way, nil if there is none.
	encoding chan error
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
	s.sink, err = createTemp(tempPath(c.dir, s.name), c.options.hooks.wrap)
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
	err := guard.Call(f)
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

// encode begins to encode the collected rows, at most room of them, and empties the batch. It
// returns at once; wait says what came of it, and comes before every other call but room.
func (s *shardWriter) encode(b *batch) {
	done := make(chan error, 1)
	s.encoding = done
	s.rows += b.n
	s.groupRows += b.n
	ends := s.groupRows >= s.config.sizes.group
	if ends {
		s.groupRows = 0
	}
	go func() {
		done <- s.call(func() error {
			record := b.record(s.enc.schema(), s.config.options.hooks.mem)
			defer b.reset()
			defer record.Release()
			if err := s.enc.write(record); err != nil || !ends {
				return err
			}
			return s.enc.endGroup()
		})
	}()
}

// wait returns the error of the last encode, if it was not asked for yet.
func (s *shardWriter) wait() error {
	if s.encoding == nil {
		return nil
	}
	err := <-s.encoding
	s.encoding = nil
	return err
}

// end writes the footer. The shard is then for commit, or for its sink to discard.
func (s *shardWriter) end() error {
	if err := s.wait(); err != nil {
		return err
	}
	return s.call(s.enc.close)
}

// commit puts the shard on disk and gives it its final name. What its pictures were read from
// comes first: a shard is never without it for longer than must be.
func (s *shardWriter) commit() (Shard, error) {
	if err := writeSeen(s.config.dir, s.name, s.sink.sum(), s.seen); err != nil {
		s.sink.discard()
		return Shard{}, err
	}
	final := filepath.Join(s.config.dir, dataDir, s.name)
	if s.config.options.unseen {
		final += tempSuffix
	}
	if err := s.sink.commit(final); err != nil {
		return Shard{}, fmt.Errorf("write %q: %w", s.name, err)
	}
	return Shard{File: dataDir + "/" + s.name, Rows: s.rows, Bytes: s.sink.size, SHA256: s.sink.sum(), TailSHA256: s.sink.tailSum()}, nil
}

// discard gives the shard up.
func (s *shardWriter) discard() {
	_ = s.wait() // it goes away
	s.sink.discard()
	_ = guard.Call(s.enc.close) // releases its memory; the sink refuses every write
}
