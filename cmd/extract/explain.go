package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/internal/text"
	"fovea/models"
	"fovea/objects"
	"fovea/pipeline"
	"fovea/vgg"
)

// explain adds a remedy to an error of a run, and marks wrong usage.
func (o *options) explain(result extraction.Result, err error) error {
	var store *pipeline.StoreError
	again, kept := o.again(result)
	switch {
	case o.Sync && errors.Is(err, pipeline.ErrNoPictures):
		err = fmt.Errorf("%w; the dataset keeps its rows: is everything mounted? --allow-empty lets them go", err)
	case errors.Is(err, inference.ErrUnknownLayer):
		err = fmt.Errorf("%w; see --list-layers%s", err, o.weightsHint())
	case errors.Is(err, featurestore.ErrExists):
		err = fmt.Errorf("%w: --resume continues it, --sync makes it follow its images, --overwrite replaces it, another --out leaves it alone", err)
	case o.Sync && errors.Is(err, featurestore.ErrLabels):
		err = fmt.Errorf("%w: give --labels (csv:FILE with a column split keeps splits), those that the dataset was made with or others, which replace them", err)
	case errors.Is(err, featurestore.ErrLabels):
		err = fmt.Errorf("%w: resume with --labels, those that the dataset was made with or others, which replace them", err)
	case errors.Is(err, extraction.ErrFewClasses):
		err = fmt.Errorf("%w: if that is meant, extract dataset relabel --allow-one-class does it", err)
	case errors.Is(err, featurestore.ErrLocked) && !result.Saved:
		err = fmt.Errorf("%w: wait for it to finish, or give another --out", err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		err = fmt.Errorf("%w: free space on the disk of %s and run %s%s", err, cmp.Or(result.Dir, o.Out), again, kept)
	case errors.As(err, &store) && result.Dir == "": // while listing
		err = fmt.Errorf("%w; --exclude 'DIR/**' leaves out a directory", err)
	case errors.As(err, &store):
		err = fmt.Errorf("%w; then run %s (--exclude PATTERN leaves out what cannot be read at all)", err, again)
	case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		err = fmt.Errorf("%w: raise the limit on open files (ulimit -n) and run %s", err, again)
	}
	return asUsage(err)
}

// again says how a run that ended early goes on, and what it has kept, as far as that is known: not before its dataset was
// begun, when --overwrite may have left the old one.
func (o *options) again(result extraction.Result) (again, kept string) {
	again = "the same command"
	if result.Dir == "" || o.Overwrite && !result.Begun {
		return again, ""
	}
	switch rows, there := result.Kept(); {
	case !there:
		return again, "; nothing was kept"
	case rows < 0:
		kept = "; finished files are kept"
	default:
		kept = "; the dataset has kept " + text.Plural(rows, "row")
	}
	switch {
	case o.Overwrite:
		again += " with --resume instead of --overwrite"
	case !o.Sync && !o.Add:
		again += " with --resume"
	}
	return again, kept
}

// asUsage marks errors that flags and arguments cause.
func asUsage(err error) error {
	var wrong *extraction.OptionsError
	if errors.As(err, &wrong) {
		return cli.UsageError{Err: err}
	}
	return cli.UsageWhen(err, models.ErrSize, models.ErrNotDense, models.ErrUnstated, vgg.ErrUnknown, inference.ErrUnknownLayer, inference.ErrPooling, objects.ErrNotLocal)
}

// weightsHint says where to get layers that the network has but the installed weights lack.
func (o *options) weightsHint() string {
	c, err := vgg.ByName(o.Model)
	if err != nil {
		return ""
	}
	for _, l := range c.Layers(true) {
		requested := slices.ContainsFunc(o.Layers, func(name string) bool { return name == l.Name || slices.Contains(l.Aliases, name) })
		if l.Kind == vgg.KindDense && requested {
			return fmt.Sprintf("; the fully connected layers of %s do not ship: extract model fetch %s (0.5 GB) or extract model import %s FILE adds them", c.Name, c.Name, c.Name)
		}
	}
	return ""
}
