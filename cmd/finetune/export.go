package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/inference"
	"fovea/internal/text"
	"fovea/models"
	"fovea/servable"
	"fovea/serving"
)

type exportOptions struct {
	predictor predictorFlags
	decision  serving.Decision
	out       string
	result    cli.ResultFlags
}

func newExport() *cobra.Command {
	var o exportOptions
	command := &cobra.Command{
		Use:   "export --head HEAD --out DIR [flags] [IMAGES...]",
		Short: "Write head and model as one SavedModel for TensorFlow Serving",
		Long: `Export writes a SavedModel that takes the bytes of JPEG and PNG files and gives
probabilities: decoding, scaling, the head's model and the head are one graph. Its signature
serving_default has the input image_bytes, strings of shape [n], and the outputs probabilities
and classes, of shape [n, classes], and label and novelty, of shape [n].

Export then loads the SavedModel and compares it with what predict says of IMAGES, which are files,
or of an image that it generates. docs/serving.md has the details.`,
		Example: `  finetune export --head cats-vs-dogs.head --out serving/cats-vs-dogs/1 photo.jpg
  tensorflow_model_server --rest_api_port=8501 --model_name=cats-vs-dogs --model_base_path=$PWD/serving/cats-vs-dogs`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, images []string) error { return o.run(c.Context(), images) },
	}
	f := command.Flags()
	f.SortFlags = false
	o.predictor.addHead(f)
	cli.PathVar(f, &o.out, "out", "", "the new directory `DIR` (required); TensorFlow Serving needs its last part to be a number")
	f.StringVar(&o.decision.Unknown, "unknown", "", unknownUsage)
	o.result.Add(f)
	o.predictor.addModel(f)
	_ = f.MarkHidden("batch") // images are compared one by one
	return command
}

func (o *exportOptions) run(ctx context.Context, names []string) error {
	if err := o.predictor.validate(); err != nil {
		return err
	}
	if o.out == "" {
		return cli.Usagef("--out DIR is required")
	}
	images, err := readImages(names)
	if err != nil {
		return err
	}
	h, err := loadOneSize(ctx, o.predictor.head)
	if err != nil {
		return err
	}
	if err := o.decision.CheckUnknown(h); err != nil {
		return cli.Usagef("--unknown %q: %w", o.decision.Unknown, err)
	}
	predictor, err := o.predictor.open(h, serving.Options{Batch: 1, Convolutions: models.Direct})
	if err != nil {
		return err
	}
	defer predictor.Close() // the process exits anyway
	if err := predictor.Export(o.out, o.decision.Unknown); err != nil {
		return err
	}
	comparison, err := predictor.Compare(o.out, inference.SessionConfig{Device: o.predictor.session.Device}, images)
	if err != nil {
		return err
	}
	if err := o.print(comparison, h.Classes); err != nil {
		return err
	}
	if comparison.Failed > 0 {
		return cli.ErrPartly
	}
	return nil
}

// readImages reads the images to compare; where none is given, one is drawn.
func readImages(names []string) ([]serving.Image, error) {
	if len(names) == 0 {
		drawn, err := serving.DrawnImage()
		return []serving.Image{drawn}, err
	}
	var images []serving.Image
	for _, name := range names {
		file, err := cli.LocalPath(name)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot open the image: %w", err)
		}
		images = append(images, serving.Image{Name: name, Content: content})
	}
	return images, nil
}

// exported is what is printed as JSON.
type exported struct {
	Model     string   `json:"model"`
	Signature string   `json:"signature"`
	Classes   []string `json:"classes"`
	serving.Comparison
}

func (o *exportOptions) print(c serving.Comparison, classes []string) error {
	return o.result.Print(exported{o.out, servable.Signature, classes, c}, func(w io.Writer) error {
		fmt.Fprintf(w, "model        %s\n", o.out)
		fmt.Fprintf(w, "signature    %s: %s [n] to %s and %s [n, %d], %s [n]", servable.Signature, servable.Input, servable.Probabilities, servable.ClassNames, len(classes), servable.Label)
		if c.Novelty != nil {
			fmt.Fprintf(w, ", %s [n]", servable.Novelty)
		}
		fmt.Fprintln(w)
		_, err := fmt.Fprintf(w, "compared     %s, probabilities differ from predict's by at most %.2g", text.Plural(c.Images, "image"), c.Largest)
		if c.Novelty != nil {
			_, err = fmt.Fprintf(w, ", novelty by %.2g", *c.Novelty)
		}
		fmt.Fprintln(w)
		return err
	})
}
