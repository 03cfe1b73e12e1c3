package main

import (
	"time"

	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
)

// options are the flags of extract: those of extraction, and what is parsed into them.
type options struct {
	extraction.Options
	log     cli.LogOptions
	session cli.SessionFlags

	labels, groupBy, size, background, shard, filesFrom, project string
	maxErrorRate                                                 float64
	metricsAddress                                               string
	listLayers, dryRun, json                                     bool
}

// grace leaves time to write finished rows within the three seconds in which an interrupted run should end.
const grace = 1500 * time.Millisecond

func (o *options) addFlags(f *pflag.FlagSet) {
	cli.FormerNames(f, map[string]string{"layer": "layers"})
	f.SortFlags = false
	f.StringVar(&o.Out, "out", "", "the directory `DIR` of the dataset, or its URL in an object store, such as s3://BUCKET/NAME (required)")
	cli.PathVar(f, &o.Staging, "staging", "", cli.StagingHelp)
	o.addModelFlags(f)
	o.addImageFlags(f)
	o.addComputingFlags(f)
	o.addSelectionFlags(f)
	o.addStorageFlags(f)
	f.StringVar(&o.metricsAddress, "metrics-addr", "", "serve Prometheus metrics at http://`ADDRESS`/metrics during the run, such as localhost:9090 (port 0: a free one; default: none)")
	f.BoolVar(&o.dryRun, "dry-run", false, "only read the images' headers: count the images by format, estimate time and size, and stop; with --sync, list what would change")
	f.BoolVar(&o.json, "json", false, "print the result as JSON on standard output: a summary of the run, or what --dry-run or --list-layers finds")
}

func (o *options) addModelFlags(f *pflag.FlagSet) {
	cli.PathVar(f, &o.Model, "model", models.Default, "the model: vgg16 (the embedded ImageNet base), another configuration's `NAME` with imported weights, or a SavedModel's directory, DIR or DIR:SIGNATURE")
	cli.TrustVar(f, &o.Trust)
	cli.PreprocessingVar(f, &o.Preprocessing, "`HOW` to normalize pixels: a name such as caffe, torch, tf or none, KEY=VALUE pairs or a .json file; see docs/preprocessing.md (default: the model's own)")
	f.StringSliceVar(&o.Layers, "layers", []string{"pool5"}, "comma-separated `LIST` of layers, one column each")
	f.BoolVar(&o.listLayers, "list-layers", false, "print the model's layers and stop")
	f.StringVar(&o.Pool, "pool", recipe.PoolNone, "`HOW` to pool convolutional layers over positions, and transformers over tokens: none, avg, max, cls (the first token), gem:P, rmac, spp:1,2,4 or gram")
	cli.PathVar(f, &o.project, "project", "", "`HOW` to shorten layers of more than N values after pooling: N or sparse:N:SEED (a sparse random projection, which keeps distances), pca:N or pca:N:whiten (principal components of the images, fitted first), or the file of a projection that was fitted before")
}

func (o *options) addImageFlags(f *pflag.FlagSet) {
	f.StringVar(&o.labels, "labels", "none", "`SOURCE` of labels: none, prefix (of the file name, up to its first dot), dir (the parent directory's name; in archives and tables, the labels there) or csv:FILE (a table with paths and labels; csv,KEY=VALUE:FILE declares encoding, separator, path, label, split or classes)")
	f.StringVar(&o.groupBy, "group-by", "none", "`SOURCE` of a column group, whose rows no split of finetune separates: none, parent (the directory), patient (of DICOM files, hashed with --group-key), labels (a column group of the table of --labels), csv:FILE (a table with paths and groups; csv,group=COLUMN:FILE) or regexp:(EXPRESSION), of which the first part in parentheses counts in the path")
	cli.PathVar(f, &o.GroupKey, "group-key", "", "the secret key in `FILE` with which --group-by patient hashes identifiers; made if there is no such file")
	f.BoolVar(&o.Georeference, "georeference", false, "add columns crs, x_min, y_min, x_max and y_max: where GeoTIFFs and their tiles lie, null for other images")
	f.StringVar(&o.size, "size", "", cli.SidesHelp)
	f.StringVar((*string)(&o.Resize), "resize", string(picture.Squash), "`HOW` to resize images: squash (the whole image, as Keras does) or crop (the centre, as the paper and torchvision do)")
	f.StringVar((*string)(&o.Interpolation), "interpolation", string(picture.Bilinear), "resampling `FILTER`: bilinear, bicubic, lanczos or nearest")
	f.StringVar(&o.background, "background", "", "background `COLOUR` of transparent pixels: white, black or #rrggbb (default: alpha is dropped, as Keras and torchvision do)")
	f.StringVar((*string)(&o.Range), "range", string(picture.RangeAuto), "`RANGE` of samples of more than 8 bits that becomes 0 to 255: "+picture.RangeHelp)
	f.StringVar((*string)(&o.Bands), "bands", "", "`BANDS` of TIFFs that are shown: "+picture.BandsHelp+" (default: the file's own colours)")
	f.StringVar((*string)(&o.Views), "views", string(picture.Center), "`VIEWS` of an image to average features over: center, flip (and the mirror image), tencrop (corners and centre, both ways; 10 times the work) or dense:256,384,512 (whole and mirrored, with the shorter side of these lengths, averaged over positions; about 30 times the work)")
}

func (o *options) addComputingFlags(f *pflag.FlagSet) {
	o.session.PrecisionVar(f, string(inference.Float32), "")
	f.StringVar(&o.session.Device, "device", inference.DeviceAuto, cli.DevicesHelp)
	f.Float64Var(&o.session.GPUMemoryFraction, "gpu-memory-fraction", 0, cli.MemoryHelp)
	f.StringVar(&o.Convolutions, "convolutions", models.Automatic, "`HOW` to compute convolutions: auto (the fastest way for the device) or direct (TensorFlow's own operation; the same up to rounding)")
	cli.BatchVar(f, &o.session.Batch)
	f.IntVar(&o.Workers, "workers", 0, "decode `N` images at a time (default: one per CPU)")
}

// addSelectionFlags adds the flags that select images.
func (o *options) addSelectionFlags(f *pflag.FlagSet) {
	cli.PathVar(f, &o.filesFrom, "files-from", "", "read the images listed in `FILE` (-: standard input), one per line or terminated by zero bytes, instead of IMAGES")
	s := &o.Selection
	f.StringArrayVar(&s.Include, "include", nil, "read only images that match `PATTERN`, such as '*.jpg' or 'cats/**' (may be repeated)")
	f.StringArrayVar(&s.Exclude, "exclude", nil, "leave out images that match `PATTERN` (may be repeated)")
	f.StringVar(&o.shard, "shard", "", "read part `I/N` of the images, 0/N to (N-1)/N, always the same ones: one part per machine")
	f.Var(&o.Frames, "frames", "which `FRAMES` of animations and videos are images: first, all, every:N, or every:DURATION such as every:1s; a row for each, x.gif#3 for the third (first: a row for the file)")
	f.Var(&o.Tiles, "tile", "cut images into square tiles of `SIZE[:STRIDE]` pixels, such as 224 or 224:112; a row for each, scene.tif#448,0 for the one that begins at x 448, y 0 (default: whole images)")
	f.IntVar(&o.Tiles.Level, "level", 0, "cut tiles from level `N` of pyramidal TIFFs: 0 is full resolution, 1 the next smaller one")
	f.BoolVar(&o.Tiles.SkipEmpty, "skip-empty", false, "leave out tiles of which at least 99 % is NoData, transparent or nearly white (240 or more in red, green and blue)")
	f.IntVar(&s.Sample, "sample", 0, "read a random sample of `N` images, the same ones for the same --seed (default: all)")
	f.Uint64Var(&s.Seed, "seed", 1, "`SEED` of --sample")
	f.IntVar(&s.Limit, "limit", 0, "read only the first `N` images by path (default: all)")
}

func (o *options) addStorageFlags(f *pflag.FlagSet) {
	f.StringVar((*string)(&o.DType), "dtype", string(featurestore.Float32), "`TYPE` of the stored numbers: float32 or float16")
	f.StringVar((*string)(&o.Format), "format", string(featurestore.FormatParquet), "`FORMAT` of the files: parquet or arrow")
	f.IntVar(&o.RowsPerFile, "rows-per-file", 0, "`N` rows in every file but the last (default: by size)")
	cli.SizeVar(f, &o.BytesPerFile, "bytes-per-file", 0, "`SIZE` of a file's vectors before compression, such as 256MB or 2GB; a killed run loses one file at most (default: 64MiB, but at most 8192 rows)")
	f.BoolVar(&o.TensorExtension, "tensor-extension", false, "declare layers with several dimensions as arrow.fixed_shape_tensor, which some readers refuse")
	f.BoolVar(&o.Resume, "resume", false, "continue the dataset in --out: read only images that are new or have changed")
	f.BoolVar(&o.Sync, "sync", false, "make the dataset in --out follow IMAGES: like --resume, and rows of moved images get the new paths, of relabelled ones the new labels, and those of images that are gone are removed, all in one step")
	f.BoolVar(&o.AllowEmpty, "allow-empty", false, "with --sync, let more than half of the rows go, or those of a folder without a single image")
	f.BoolVar(&o.Add, "add", false, "add columns by --model and --layers to the dataset in --out; IMAGES are those that its rows were made from")
	f.StringSliceVar(&o.As, "as", nil, "`NAMES` of the columns of --add: a prefix, or LAYER=COLUMN,... (default: the layers' names, with the model's in front where one is taken)")
	f.BoolVar(&o.Overwrite, "overwrite", false, "replace the dataset in --out")
	f.BoolVar(&o.RetryFailed, "retry-failed", false, "with --resume or --sync, read again what could not be read before")
	f.Float64Var(&o.maxErrorRate, "max-error-rate", 1, "fail if more than this `SHARE`, 0 to 1, of the images cannot be read; the dataset is kept")
	cli.DecodingVars(f, &o.MaxPixels, &o.MaxTime, picture.DefaultMaxPixels)
}

// showProgress shows the progress of the run.
func (o *options) showProgress() {
	o.Progress = func(total int) (func(pipeline.Stats), func()) {
		progress := o.log.NewProgress("extracting", total)
		return progress.Update, progress.Done
	}
	o.Steps = func(action string, total int) (func(int), func()) {
		steps := o.log.NewSteps(action, "images", total)
		return steps.Update, steps.Done
	}
}
