package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/internal/text"
	"fovea/models"
	"fovea/preprocessing"
	"fovea/vgg"
)

func newFetch() *cobra.Command {
	var result cli.ResultFlags
	var list strings.Builder
	for _, p := range models.Catalogue {
		fmt.Fprintf(&list, "\n  %-26s %s", p.Name, p.Description)
	}
	command := &cobra.Command{
		Use:   "fetch NAME",
		Short: "Download a publisher's weights and import them",
		Long: `Fetch downloads weights from their publisher, verifies the publisher's checksum and imports them
(see import). An interrupted download continues where it stopped. NAME is one of
` + list.String(),
		Example: "  extract model fetch vgg19",
		Args:    cli.Arguments(1, "the name of published weights"),
		RunE: func(command *cobra.Command, arguments []string) error {
			p, err := models.FindPublished(arguments[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			return fetch(command.Context(), p, result)
		},
	}
	result.Add(command.Flags())
	return command
}

// fetchInterval is the time between two reports on a download.
const fetchInterval = 5 * time.Second

func fetch(ctx context.Context, p models.Published, result cli.ResultFlags) error {
	dir, err := models.Dir()
	if err != nil {
		return err
	}
	logrus.Infof("fetching %s", p.URL)
	last := time.Now()
	file, err := models.Fetch(ctx, p, dir, func(done, total int64) {
		if time.Since(last) < fetchInterval {
			return
		}
		last = time.Now()
		if total < 0 {
			logrus.Infof("%s", text.Size(done))
		} else {
			logrus.Infof("%s of %s", text.Size(done), text.Size(total))
		}
	})
	if err != nil {
		return err
	}
	c, err := vgg.ByName(p.Configuration)
	if err != nil {
		return err
	}
	return importWeights(file, models.ImportOptions{Configuration: c, Dir: dir, MaxMemory: cli.MaxMemory(ctx)}, result)
}

func newImport() *cobra.Command {
	var options models.ImportOptions
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "import [NAME] FILE",
		Short: "Import weights from a file",
		Long: `Import reads the weights in FILE and keeps them in the program's own names and order, so that
--model NAME uses them. NAME is a configuration (see inspect); without it, import recognizes the
configuration. FILE is what Keras (.h5), torchvision (.pth state dict), safetensors, NumPy (.npz)
and others write; its content decides, with or without the fully connected layers. docs/weights.md
lists the publishers. Import says which tensors it left out and why.

The preprocessing that the weights were trained with is kept with them. It is what the file states
(the layers of a Keras model, the graph of an ONNX model), or else what its checksum or its first
convolution shows, and import says which. If nothing shows it, import refuses the file: give
--preprocessing.

Import prints the path of the imported weights.`,
		Example: "  extract model import vgg16 vgg16_weights_tf_dim_ordering_tf_kernels.h5",
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) < 1 || len(arguments) > 2 {
				return cli.Usagef("give a configuration's name and a file of weights, or only the file")
			}
			return nil
		},
		RunE: func(command *cobra.Command, arguments []string) error {
			options.MaxMemory = cli.MaxMemory(command.Context())
			return runImport(arguments, options, result)
		},
	}
	cli.PreprocessingVar(command.Flags(), &options.Preprocessing, "the weights were trained with the preprocessing `HOW`: a name such as caffe or torch, KEY=VALUE pairs or a .json file (default: what the file shows)")
	result.Add(command.Flags())
	return command
}

func runImport(arguments []string, options models.ImportOptions, result cli.ResultFlags) (err error) {
	if len(arguments) == 2 {
		if options.Configuration, err = vgg.ByName(arguments[0]); err != nil {
			return cli.UsageError{Err: err}
		}
	}
	file, err := cli.LocalPath(arguments[len(arguments)-1])
	if err != nil {
		return err
	}
	if err := checkWeightsFile(arguments, file); err != nil {
		return err
	}
	return importWeights(file, options, result)
}

// checkWeightsFile finds the name of a configuration where the file is missing.
func checkWeightsFile(arguments []string, file string) error {
	if _, err := os.Stat(file); err == nil || len(arguments) > 1 {
		return nil
	}
	if c, err := vgg.ByName(file); err == nil {
		return cli.Usagef("give the file of the weights: model import %s FILE; model fetch downloads published ones", c.Name)
	}
	return nil
}

// importWeights imports a file and prints the path of the imported weights; everything else is logged.
func importWeights(file string, options models.ImportOptions, result cli.ResultFlags) error {
	imported, err := models.Import(file, options)
	if err != nil {
		return err
	}
	imported.Log(filepath.Base(file))
	return result.Print(imported.Report(), func(w io.Writer) error {
		_, err := fmt.Fprintln(w, imported.File)
		return err
	})
}

// exportedModel is the result of export.
type exportedModel struct {
	Model     string `json:"model"`
	Directory string `json:"directory"`
}

func newExport() *cobra.Command {
	var how preprocessing.Spec
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "export NAME DIR",
		Short: "Write a model as a SavedModel",
		Long: `Export writes the model NAME, with its weights as variables, as a SavedModel to the new directory
DIR. It has a signature for every layer, and serving_default with those of pool5, fc6, fc7, fc8 and
softmax that have weights. TensorFlow Serving and tf.saved_model.load read it.`,
		Args: cli.Arguments(2, "a model's name and a new directory"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			c, err := vgg.ByName(arguments[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			dir, err := cli.LocalPath(arguments[1])
			if err != nil {
				return err
			}
			if err := models.Export(c, dir, how); err != nil {
				return err
			}
			return result.Print(exportedModel{c.Name, dir}, nothing)
		},
	}
	result.Add(command.Flags())
	cli.PreprocessingVar(command.Flags(), &how, "record the preprocessing `HOW` in the SavedModel (default: the one that the weights were trained with)")
	return cli.ReadsNoFiles(command)
}
