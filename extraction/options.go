package extraction

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"fovea/featurestore"
	"fovea/models"
	"fovea/picture"
	"fovea/picture/frames"
	"fovea/pipeline"
)

// Options say what a run reads, computes and writes. Images or FilesFrom, Layers and, for Run, Out must be
// set.
type Options struct {
	Features

	// Images are files, directories, tar and zip archives, Parquet tables of images, and URLs of such in object
	// stores; FilesFrom lists image files instead, as pipeline.ListPaths reads them.
	Images    []string
	FilesFrom io.Reader
	// MaxMemory is the number of bytes of memory that reading a table of images or of labels may take (see
	// inputs.Options), or a file of the dataset that is resumed (see featurestore.ReadOptions).
	MaxMemory int64
	// Labels gives the images their labels; nil means none.
	Labels pipeline.Labeler
	// GroupBy gives the dataset a column of groups, whose rows stay together wherever rows are divided. Groups of patients
	// are keyed hashes: GroupKey is the file of the key, which a new dataset makes if it is not there. Georeference adds
	// the columns of where GeoTIFFs lie. A dataset that is continued must have been made with the same.
	GroupBy      pipeline.Grouping
	GroupKey     string
	Georeference bool
	// Frames are those that are wanted of files with several, such as animations, each as an image of its own; by
	// default such a file is one image.
	Frames frames.Selection
	// Selection says which of the images found are wanted.
	Selection pipeline.Selection
	// Workers is the number of images decoded at a time (default: one per CPU).
	Workers int
	// MaxPixels bounds width times height of an image (default picture.DefaultMaxPixels).
	MaxPixels int
	// MaxTime bounds the processor time of decoding an image (default picture.DefaultMaxTime).
	MaxTime time.Duration

	// Out is the dataset: a directory, or a URL in an object store. Staging is the directory in which a
	// dataset lies on its way to a URL (default: staging/ in the cache).
	Out, Staging string
	// Resume continues the dataset in Out, if there is one: images that it has are not read again, unless they
	// have changed. Overwrite replaces it. Without either, one that is there is featurestore.ErrExists.
	Resume, Overwrite bool
	// Sync makes the dataset in Out, if there is one, hold what Overwrite would make of the images, in one step: rows
	// of images that are gone are left out, those of images that were moved, as their SHA-256 tells, get the new paths,
	// labels and splits are those of now, and only images that are new or have changed are extracted; see Plan.
	// More than half of the rows go, or any because of an argument without a single image, only with AllowEmpty;
	// otherwise that is ErrVanished.
	Sync, AllowEmpty bool
	// Add gives the rows of the dataset in Out columns of vectors by the model, in one step, and leaves all else about it
	// as it is. The images must be just those of its rows, unchanged, or it is ErrOtherImages. A run that is interrupted
	// is continued by the next one. Columns that are there, made in the same way, are not made again.
	Add bool
	// As names the columns that are added: LAYER=COLUMN, or a prefix for the names of all others. Without it they have the
	// names of their layers, after the model's and an underscore where the dataset has such a column.
	As []string
	// RetryFailed, with Resume or Sync, reads again what could not be read before.
	RetryFailed bool
	// Format and DType are those of the stored features (default Parquet and float32; with Add, the dataset's).
	Format featurestore.Format
	DType  featurestore.DType
	// RowsPerFile or BytesPerFile, of vectors before compression, sets the size of the dataset's files;
	// 0 is the default of featurestore.Options.
	RowsPerFile  int
	BytesPerFile int64
	// TensorExtension is that of featurestore.Options.
	TensorExtension bool
	// ToolVersion is the program's version, for the dataset's manifest.
	ToolVersion string

	// Grace is how long a cancelled run waits for the batch being computed; 0 waits until it is done.
	// What takes longer is left to a later run.
	Grace time.Duration
	// Metrics, if set, can be read during the run.
	Metrics *Metrics
	// Progress, if set, begins to show a run over total images: update is called after each batch, from one
	// goroutine, and done at the end. Steps does the same for the work before it, such as looking for changed
	// images.
	Progress func(total int) (update func(pipeline.Stats), done func())
	Steps    func(action string, total int) (update func(done int), done func())
}

// Validate finds what is wrong before anything is opened. Its errors are those of Features.Validate.
func (o Options) Validate() error {
	if err := o.Features.Validate(); err != nil {
		return err
	}
	if _, err := parseColumnNames(o.As, nil); err != nil {
		return err
	}
	if err := errors.Join(o.refuseSlower(), o.Selection.Validate()); err != nil {
		return &OptionsError{err}
	}
	switch {
	case !o.Tiles.Whole() && !o.Frames.First():
		return wrong("frames are not cut into tiles: choose either")
	case len(o.Images) == 0 && o.FilesFrom == nil:
		return wrong("no images are given")
	case len(o.Images) > 0 && o.FilesFrom != nil:
		return wrong("images and a list of files are mutually exclusive")
	case o.Workers < 0:
		return wrong("%d workers: use 1 or more", o.Workers)
	case o.MaxPixels < 0:
		return wrong("a limit of %d pixels: use 1 or more", o.MaxPixels)
	case o.MaxTime < 0:
		return wrong("a limit of %s for decoding: use a positive time", o.MaxTime)
	}
	return errors.Join(o.validateOutput(), o.validateProjection(), o.validateGroups())
}

// refuseSlower refuses to begin a dataset in a precision that only makes it less exact. One that exists is
// continued, and direct convolutions are a way to ask for TensorFlow's own arithmetic.
func (o Options) refuseSlower() error {
	err := o.Session.Slower()
	if err == nil || o.Resume || o.Sync || o.Convolutions == models.Direct {
		return nil
	}
	return fmt.Errorf("%w; --resume continues a dataset in bfloat16, and --convolutions %s computes in it nevertheless", err, models.Direct)
}

func (o Options) validateOutput() error {
	switch {
	case o.RetryFailed && !o.Resume && !o.Sync:
		return wrong("retrying failed images requires resuming or synchronizing")
	case o.Resume && o.Overwrite:
		return wrong("resuming and overwriting are mutually exclusive")
	case o.Sync && (o.Resume || o.Overwrite):
		return wrong("synchronizing excludes resuming and overwriting")
	case o.Add && (o.Resume || o.Sync || o.Overwrite || o.RetryFailed):
		return wrong("adding columns excludes resuming, synchronizing, overwriting and retrying")
	case o.Add && o.Labels != nil:
		return wrong("adding columns keeps the labels: leave out --labels; extract dataset relabel changes them")
	case o.Add && (o.RowsPerFile > 0 || o.BytesPerFile > 0 || o.TensorExtension):
		return wrong("adding columns keeps the dataset's files: leave out --rows-per-file, --bytes-per-file and --tensor-extension")
	case len(o.As) > 0 && !o.Add:
		return wrong("names of columns are for adding them: --as requires --add")
	case o.AllowEmpty && !o.Sync:
		return wrong("letting all rows go requires synchronizing")
	case o.RowsPerFile < 0 || o.BytesPerFile < 0:
		return wrong("files of %d rows or %d bytes: use 1 or more", o.RowsPerFile, o.BytesPerFile)
	case o.RowsPerFile > 0 && o.BytesPerFile > 0:
		return wrong("rows and bytes of a file are mutually exclusive")
	}
	switch o.DType {
	case "", featurestore.Float32, featurestore.Float16:
	default:
		return wrong("unknown type of numbers %q: use float32 or float16", o.DType)
	}
	switch o.Format {
	case "", featurestore.FormatParquet, featurestore.FormatArrow:
	default:
		return wrong("unknown format %q: use parquet or arrow", o.Format)
	}
	return nil
}

// withDefaults fills in what zero values stand for and later stages want to be told.
func (o Options) withDefaults() Options {
	if !o.Add {
		o.Format, o.DType = cmp.Or(o.Format, featurestore.FormatParquet), cmp.Or(o.DType, featurestore.Float32)
	}
	o.MaxPixels = cmp.Or(o.MaxPixels, picture.DefaultMaxPixels)
	if o.Metrics == nil {
		o.Metrics = &Metrics{}
	}
	if o.Progress == nil {
		o.Progress = func(int) (func(pipeline.Stats), func()) { return nil, func() {} }
	}
	if o.Steps == nil {
		o.Steps = func(string, int) (func(int), func()) { return nil, func() {} }
	}
	return o
}
