package inputs

import (
	"context"
	"path"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/objects"
	_ "fovea/objects/drivers" // the stores of the providers
	"fovea/picture"
	"fovea/picture/frames"
	"fovea/picture/tiles"
	"fovea/pipeline"
)

// Finder finds images in files and directories, archives, Parquet tables and object stores.
func Finder() pipeline.Finder { return Options{}.Finder() }

// Options say how inputs are read.
type Options struct {
	// MaxMemory is how many bytes of memory reading a table may take, of images besides its pictures (see
	// imagetable.Options) or of labels (see pipeline.CSVLabels).
	MaxMemory int64
	// Frames are those that are wanted of files with several, such as animations; by default a file is one image. MaxPixels
	// bounds the pixels of a frame (default picture.DefaultMaxPixels).
	Frames    frames.Selection
	MaxPixels int
	// Tiles says how images are cut (default: they are not), of which Bands and Range are shown; MaxTime bounds the
	// processor time of decoding a piece of one (default picture.DefaultMaxTime).
	Tiles   tiles.Spec
	Bands   picture.Bands
	Range   picture.Range
	MaxTime time.Duration
}

// Finder is the function Finder, with options.
func (o Options) Finder() pipeline.Finder {
	return pipeline.Finder{Openers: []pipeline.Opener{o.whole(pipeline.OpenArchive), o.whole(o.openParquet), o.openFrames, o.openTiles}, Path: objects.OnlyLocalPath, Store: openStore}
}

// Labeler is l, which reads a table of labels with the options if it reads one, and logs how it was understood.
func (o Options) Labeler(l pipeline.Labeler) pipeline.Labeler {
	if table, ok := l.(pipeline.CSVLabels); ok {
		table.MaxMemory = o.MaxMemory
		table.Understood = func(how string) { logrus.Info("labels from " + how) }
		return table
	}
	return l
}

// openStore opens the store that a URL names, and returns nil for other arguments.
func openStore(ctx context.Context, argument string) (pipeline.Store, error) {
	if !objects.IsURL(argument) {
		return nil, nil
	}
	folder, err := objects.Open(ctx, argument)
	if err != nil {
		return nil, err
	}
	return bucket{folder}, nil // open until the process ends
}

// bucket makes a folder a pipeline.Store.
type bucket struct{ folder *objects.Folder }

// Files implements pipeline.Store.
func (b bucket) Files(ctx context.Context, visit func(pipeline.StoredFile) error) error {
	return b.folder.List(ctx, func(o objects.Object) error { return visit(pipeline.StoredFile(o)) })
}

// Open implements pipeline.Store.
func (b bucket) Open(ctx context.Context, file pipeline.StoredFile) (pipeline.File, error) {
	return b.folder.Open(ctx, objects.Object(file)), nil
}

// InArchive reports whether an image's path is that of a file in an archive or a table, as far as names can tell.
func InArchive(name string) bool {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		for _, open := range Finder().Openers {
			if source, err := open(dir, nil); source != nil || err != nil {
				return true
			}
		}
	}
	return false
}
