package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/inference"
	"fovea/models"
)

// checkOptions are the flags of extract model check.
type checkOptions struct {
	models.CheckOptions
	reference, photos string
	trust             bool
	result            cli.ResultFlags
}

func newCheck() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:   "check NAME|DIR",
		Short: "Run photographs through a model and say what looks wrong",
		Long: `Check runs four built-in photographs through every layer of the model. For each layer it prints
statistics, including dead channels (0 for all photographs). For each known preprocessing it
prints how far the features are from those with the model's own, and how much different photographs
look alike, as they do when the scale is wrong.

To compare with the framework that a model comes from, print a script, run it on the same
photographs, and pass its result:

  extract model check NAME --reference keras > reference.py     (or torch)
  extract model check NAME --photos photos
  python reference.py photos
  extract model check NAME --reference reference.npz

The exit status is 1 if a layer has values that are not finite, or a cosine below 0.999 with the
reference.`,
		Example: "  extract model check vgg16",
		Args:    cli.Arguments(1, "a model's name or directory"),
		RunE: func(c *cobra.Command, arguments []string) error {
			name, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			return cli.UsageWhen(o.run(c.Context(), name), models.ErrUnknown)
		},
	}
	f := command.Flags()
	cli.PreprocessingVar(f, &o.Preprocessing, "`HOW` to normalize pixels (default: the model's own preprocessing)")
	cli.TrustVar(f, &o.trust)
	cli.PathVar(f, &o.reference, "reference", "", "compare with `FILE.npz`, the layers as the model's framework computes them; keras or torch prints a script that writes it")
	cli.PathVar(f, &o.photos, "photos", "", "write the photographs to `DIR` and stop")
	o.result.Add(f)
	return command
}

func (o *checkOptions) run(ctx context.Context, name string) error {
	if script, found := models.ReferenceScript(o.reference); found {
		_, err := fmt.Print(script)
		return err
	}
	if o.photos != "" {
		return models.WritePhotos(o.photos)
	}
	if o.reference != "" {
		var err error
		if o.Reference, err = models.ReadReference(o.reference, cli.MaxMemory(ctx)); err != nil {
			return err
		}
	}
	model, err := models.Open(name, models.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Preprocessing: o.Preprocessing, Trust: o.trust})
	if err != nil {
		return err
	}
	defer model.Close() // the process exits anyway
	check, err := o.Run(ctx, model)
	if err != nil {
		return err
	}
	if err := o.result.Print(check, func(w io.Writer) error { return check.WriteText(w, name) }); err != nil {
		return err
	}
	return check.Verdict()
}
