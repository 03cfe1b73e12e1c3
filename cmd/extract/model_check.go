package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/inference"
	"fovea/models"
)

// checkOptions are those of extract model check.
type checkOptions struct {
	models.CheckOptions
	reference, photos string
	json              bool
}

func newCheck() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:   "check NAME|DIR",
		Short: "Run photographs through a model and say what looks wrong",
		Long: `Check runs four photographs, which are in the program, through every layer of the model. It
prints the statistics of each layer, with channels that are dead (0 for all photographs), and
what the features would be by every known preprocessing: how far from those by the model's own,
and how alike different photographs become, which they do when the scale is wrong.

To compare with the framework that a model comes from, print a script, run it on the same
photographs, and give its result:

  extract model check NAME --reference keras > reference.py     (or torch)
  extract model check NAME --photos photos
  python reference.py photos
  extract model check NAME --reference reference.npz

The status is 1 if a layer's cosine with the reference is below 0.999, or if a layer has values
that are not finite.`,
		Example: "  extract model check vgg16",
		Args:    exactly(1, "a model's name or directory"),
		RunE: func(c *cobra.Command, arguments []string) error {
			name, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			return o.run(c.Context(), name, os.Stdout)
		},
	}
	f := command.Flags()
	cli.PreprocessingVar(f, &o.Preprocessing, "`HOW` pixels become numbers (default: the model's own)")
	cli.PathVar(f, &o.reference, "reference", "", "`FILE.npz` with the layers as the model's framework computes them; or keras or torch, to print a script that makes one")
	cli.PathVar(f, &o.photos, "photos", "", "write the photographs to `DIR`, and stop")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return command
}

func (o *checkOptions) run(ctx context.Context, name string, w io.Writer) error {
	if script, found := models.ReferenceScript(o.reference); found {
		fmt.Fprint(w, script)
		return nil
	}
	if o.photos != "" {
		return models.WritePhotos(o.photos)
	}
	if o.reference != "" {
		var err error
		if o.Reference, err = models.ReadReference(o.reference); err != nil {
			return err
		}
	}
	model, err := models.Open(name, models.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Preprocessing: o.Preprocessing})
	if err != nil {
		return err
	}
	defer model.Close() //nolint:errcheck // the process ends here
	check, err := o.Run(ctx, model)
	if err != nil {
		return err
	}
	if o.json {
		if err := cli.PrintJSON(w, check); err != nil {
			return fmt.Errorf("print the check: %w", err)
		}
	} else if err := printCheck(w, name, check); err != nil {
		return err
	}
	return verdict(check)
}

// leastReferenceCosine is what a layer must have with its reference. Rounding leaves 0.99999;
// another preprocessing, order of channels or kernel hardly ever more than 0.99.
const leastReferenceCosine = 0.999

func verdict(check models.Check) error {
	var errs []error
	for _, l := range check.Layers {
		if l.NotFinite > 0 {
			errs = append(errs, fmt.Errorf("layer %s has %d values that are not finite", l.Name, l.NotFinite))
			break
		}
	}
	if i := slices.IndexFunc(check.Comparisons, func(c models.Comparison) bool { return c.Cosine < leastReferenceCosine }); i >= 0 {
		c := check.Comparisons[i]
		errs = append(errs, fmt.Errorf("layer %s has a cosine of %.5f with the reference: if the layers before it agree, its weights are wrong; if none does, the preprocessing is", c.Layer, c.Cosine))
	}
	return errors.Join(errs...)
}

func printCheck(w io.Writer, name string, check models.Check) error {
	fmt.Fprintf(w, "model          %s\npreprocessing  %s (%s)\nphotographs    %s\n\n", name, check.Preprocessing, check.Preprocessing.Describe(), strings.Join(check.Photos, ", "))
	table := newTable(w)
	fmt.Fprintln(table, "LAYER\tSHAPE\tMEAN\tSTD\tMIN\tMAX\tZEROS\tDEAD\tNOT FINITE")
	for _, l := range check.Layers {
		fmt.Fprintf(table, "%s\t%s\t%.3g\t%.3g\t%.3g\t%.3g\t%.0f %%\t%d of %d\t%d\n",
			l.Name, dimensions(l.Shape), l.Mean, l.Std, l.Least, l.Largest, 100*l.Zeros, l.Dead, l.Channels, l.NotFinite)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(table, "PREPROCESSING\tCOSINE TO THE ONE USED\tPHOTOGRAPHS ALIKE\tMAX")
	for _, c := range check.Candidates {
		fmt.Fprintf(table, "%s\t%.4f\t%.3f\t%.3g\n", c.Spec, c.Cosine, c.Alike, c.Largest)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(check.Comparisons) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	fmt.Fprintln(table, "REFERENCE\tCOSINE\tWORST DIFFERENCE")
	for _, c := range check.Comparisons {
		fmt.Fprintf(table, "%s\t%.6f\t%.2g of the largest value\n", c.Layer, c.Cosine, c.Worst)
	}
	return table.Flush()
}
