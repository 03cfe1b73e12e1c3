package featurestore

import (
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"

	"fovea/recipe"
)

// DefaultShardBytes is the size of a full shard's vectors before compression: 64 MiB, or 668 rows of
// VGG16's pool5 in float32. A killed run loses at most one shard.
const DefaultShardBytes = 64 << 20

const (
	// maxShardRows bounds what a killed run loses when vectors are short, unless the options give a
	// size.
	maxShardRows = 8192
	// groupBytes is the size of a row group's vectors before compression. Readers hold a column of a
	// row group in memory.
	groupBytes = 64 << 20
	// recordBytes and maxRecordRows bound the rows collected before they are encoded.
	// Large records only cost memory.
	recordBytes   = 4 << 20
	maxRecordRows = 256
)

// Options say how to write a dataset. The zero value writes Parquet into a new or empty directory.
type Options struct {
	// Format is the format of the shards; "" means FormatParquet.
	Format Format
	// ShardBytes is the size of a full shard's vectors in bytes before compression, which decides
	// the number of rows per shard (at least 1). 0 means DefaultShardBytes, but at most 8192 rows,
	// or the earlier run's choice when resuming.
	ShardBytes int64
	// ShardRows is the number of rows of a full shard; 0 lets ShardBytes decide.
	ShardRows int
	// TensorExtension declares layers with several dimensions as tensors, with Arrow's extension
	// type arrow.fixed_shape_tensor: pyarrow then returns arrays of the layer's shape, but some
	// readers reject the files (docs/datasets.md lists them).
	TensorExtension bool
	// Resume continues the dataset in the directory, if there is one.
	Resume bool
	// Overwrite deletes the dataset in the directory, if there is one, and nothing else.
	Overwrite bool
	// Selected, if set, are images with their current paths, labels, splits and groups. Resuming a dataset
	// that has one of them with another label, split or group is ErrLabels and changes nothing.
	Selected iter.Seq[Row]
	// OwnGroups says that groups come from within the images, so that Selected says nothing of them.
	OwnGroups bool
	// Written, if set, is called when files have received their final names or were removed: by
	// Create, after each shard, and by Close, with the manifest that describes them. It must not
	// block.
	Written func(Manifest)
	// MaxMemory is how many bytes of memory reading a file of the dataset that is resumed may take; see ReadOptions.
	MaxMemory int64

	// unseen keeps shards hidden until showShards, so that nobody takes them for the directory's own.
	unseen bool
	hooks  hooks
}

// hooks let tests choose small sizes and other settings, fail writes and count memory.
type hooks struct {
	shardRows, groupRows, recordRows int
	wrap                             func(io.Writer) io.Writer
	mem                              memory.Allocator
	properties                       []parquet.WriterProperty
}

func (o Options) validate() error {
	switch {
	case o.Format != FormatParquet && o.Format != FormatArrow:
		return fmt.Errorf("unknown format %q: want %q or %q", o.Format, FormatParquet, FormatArrow)
	case o.ShardBytes < 0 || o.ShardRows < 0:
		return fmt.Errorf("shard size of %d bytes or %d rows is negative", o.ShardBytes, o.ShardRows)
	case o.Resume && o.Overwrite:
		return fmt.Errorf("resume and overwrite are mutually exclusive")
	}
	return nil
}

// sizes are numbers of rows. Together with the rows they decide every byte of a shard.
type sizes struct {
	shard, group, record int
}

func chooseSizes(layers []recipe.Layer, dtype DType, o Options) sizes {
	perRow := rowBytes(layers, dtype)
	shardBytes, shardRows := o.ShardBytes, int64(math.MaxInt32) // an explicit size is taken literally
	if shardBytes == 0 {
		shardBytes, shardRows = DefaultShardBytes, maxShardRows
	}
	if o.hooks.shardRows == 0 {
		o.hooks.shardRows = o.ShardRows
	}
	rows := func(bytes, most int64, hook int) int {
		if hook > 0 {
			return hook
		}
		return int(max(1, min(bytes/perRow, most)))
	}
	s := sizes{
		shard:  rows(shardBytes, shardRows, o.hooks.shardRows),
		group:  rows(groupBytes, maxShardRows, o.hooks.groupRows),
		record: rows(recordBytes, maxRecordRows, o.hooks.recordRows),
	}
	if o.Format == FormatArrow {
		// Arrow has no row groups, and readers count rows on the assumption that all records of a
		// shard but the last are equally long.
		s.group = math.MaxInt
	}
	return s
}
