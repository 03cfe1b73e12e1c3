package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/inference"
	"fovea/models"
	"fovea/preprocessing"
	"fovea/savedmodel"
	"fovea/vgg"
	"fovea/vgg/weights"
)

func newModelCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "model",
		Short: "Look at models, fetch and import weights, export SavedModels",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, arguments []string) error {
			return cli.Usagef("give a command: inspect, fetch, import or export (got %q); images in a directory named model are ./model", arguments)
		},
	}
	command.AddCommand(newInspect(), newFetch(), newImport(), newExport(), newCheck())
	return command
}

func newInspect() *cobra.Command {
	var asJSON bool
	var names []string
	for _, c := range vgg.Configurations {
		names = append(names, c.Name)
	}
	command := &cobra.Command{
		Use:   "inspect NAME|DIR[:SIGNATURE]",
		Short: "Show a model's layers, shapes and parameters",
		Long: fmt.Sprintf(`Inspect shows what a model is made of. NAME is one of %s,
whose weights need not be there; DIR holds a SavedModel, of whose signatures DIR:SIGNATURE
names one where none is the default.`, strings.Join(names, ", ")),
		Args: exactly(1, "one model: a name or a SavedModel's directory"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			name, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			d, err := describe(name)
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(os.Stdout, d)
			}
			return d.print(os.Stdout)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

// exactly makes a check of the number of arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, arguments []string) error {
		if len(arguments) != n {
			return cli.Usagef("give %s", what)
		}
		return nil
	}
}

func newFetch() *cobra.Command {
	var list strings.Builder
	for _, p := range models.Catalogue {
		fmt.Fprintf(&list, "\n  %-18s %s", p.Name, p.Description)
	}
	return &cobra.Command{
		Use:   "fetch NAME",
		Short: "Download a publisher's weights and import them",
		Long: `Fetch downloads weights from their publisher, verifies the publisher's checksum and imports
them (see import). A transfer that broke off is gone on with. NAME is one of
` + list.String(),
		Args: exactly(1, "the name of published weights"),
		RunE: func(command *cobra.Command, arguments []string) error {
			p, err := models.FindPublished(arguments[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			return fetch(command.Context(), p)
		},
	}
}

// fetchInterval is the time between two reports on a download.
const fetchInterval = 5 * time.Second

func fetch(ctx context.Context, p models.Published) error {
	dir, err := models.Dir()
	if err != nil {
		return err
	}
	logrus.Infof("fetching %s", p.URL)
	last := time.Now()
	file, err := models.Fetch(ctx, p, dir, func(done, total int64) {
		if time.Since(last) >= fetchInterval {
			last = time.Now()
			logrus.Infof("%d of %d MB", done>>20, total>>20)
		}
	})
	if err != nil {
		return err
	}
	c, err := vgg.ByName(p.Configuration)
	if err != nil {
		return err
	}
	return importWeights(file, models.ImportOptions{Configuration: c, Dir: dir})
}

func newImport() *cobra.Command {
	var options models.ImportOptions
	command := &cobra.Command{
		Use:   "import [NAME] FILE",
		Short: "Import a publisher's weights for a configuration",
		Long: `Import reads weights of the configuration NAME (see inspect) from FILE, turns them into the
program's own names and order, and keeps them, so that --model NAME uses them. Without NAME
it is the configuration that the weights are of. FILE is what Keras (.h5), torchvision (.pth
state dict), safetensors or NumPy (.npz) ship, told by its content, with the dense layers or
without; docs/weights.md lists the publishers. It says which tensors were left out, and why.

The preprocessing that the weights were trained on is kept with them. It is what the file
states (the layers of a Keras model, the graph of an ONNX model), else what its checksum or a
measurement of its first convolution tell, and import says which. Where nothing tells it,
import refuses: give it with --preprocessing.`,
		Example: "  extract model import vgg16 vgg16_weights_tf_dim_ordering_tf_kernels.h5",
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) < 1 || len(arguments) > 2 {
				return cli.Usagef("give a configuration's name and a file of weights, or the file alone")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) == 2 {
				var err error
				if options.Configuration, err = vgg.ByName(arguments[0]); err != nil {
					return cli.UsageError{Err: err}
				}
			}
			file, err := cli.LocalPath(arguments[len(arguments)-1])
			if err != nil {
				return err
			}
			return importWeights(file, options)
		},
	}
	cli.PreprocessingVar(command.Flags(), &options.Preprocessing, "what the weights were trained on: `HOW`, a name such as caffe or torch, KEY=VALUE pairs or a .json file (default: what the file tells)")
	return command
}

// importWeights imports a file and prints what came of it: the new file on standard output,
// the rest in the log.
func importWeights(file string, options models.ImportOptions) error {
	imported, err := models.Import(file, options)
	if err != nil {
		return err
	}
	logrus.Infof("%s holds %s with the names of %s", filepath.Base(file), imported.Configuration.Name, imported.Adopted.Scheme)
	found := imported.Preprocessing
	logrus.Infof("preprocessing %s (%s): %s", found.Spec, found.Spec.Describe(), found.Reason)
	if found.Warning != "" {
		logrus.Warnf("preprocessing: %s", found.Warning)
	}
	for _, odd := range imported.Suspect {
		logrus.Warnf("the weights look damaged or untrained: %s See extract model check.", odd)
	}
	for _, note := range imported.Adopted.Notes {
		logrus.Info(note)
	}
	for _, line := range ignoredLines(imported.Adopted.Ignored) {
		logrus.Info(line)
	}
	if absent := imported.Adopted.Absent; len(absent) > 0 {
		logrus.Infof("layers that there are no weights of: %s", strings.Join(absent, ", "))
	}
	fmt.Println(imported.File)
	return nil
}

// ignoredLines lists the tensors that were left out, those of one reason on a line.
func ignoredLines(ignored []vgg.Ignored) []string {
	const few = 6
	var reasons []string
	names := map[string][]string{}
	for _, i := range ignored {
		if names[i.Reason] == nil {
			reasons = append(reasons, i.Reason)
		}
		names[i.Reason] = append(names[i.Reason], i.Name)
	}
	lines := make([]string, len(reasons))
	for i, reason := range reasons {
		listed, more := names[reason], ""
		if len(listed) > few {
			listed, more = listed[:few], fmt.Sprintf(" and %d more", len(listed)-few)
		}
		lines[i] = fmt.Sprintf("left out %s%s: %s", strings.Join(listed, ", "), more, reason)
	}
	return lines
}

func newExport() *cobra.Command {
	var how preprocessing.Spec
	command := &cobra.Command{
		Use:   "export NAME DIR",
		Short: "Write a model as a SavedModel",
		Long: `Export writes the model NAME, with its weights as variables, as a SavedModel to the new
directory DIR: a signature for every layer, and serving_default with pool5, fc6, fc7, fc8 and
softmax as far as the weights have them. TensorFlow Serving and tf.saved_model.load read it.`,
		Args: exactly(2, "a model's name and a new directory"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			c, err := vgg.ByName(arguments[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			dir, err := cli.LocalPath(arguments[1])
			if err != nil {
				return err
			}
			set, err := models.Weights(c, "")
			if err != nil {
				return err
			}
			if !how.IsZero() {
				set.Metadata = maps.Clone(set.Metadata)
				if set.Metadata == nil {
					set.Metadata = map[string]string{}
				}
				set.Metadata[vgg.PreprocessingKey] = how.String()
			}
			return vgg.Export(c, set, dir)
		},
	}
	cli.PreprocessingVar(command.Flags(), &how, "what the SavedModel's note states: `HOW` (default: what the weights want)")
	return command
}

// description is what inspect prints.
type description struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Configuration is the letter of the paper's table, for a VGG.
	Configuration string             `json:"configuration,omitempty"`
	Input         []int              `json:"input,omitempty"`
	Preprocessing preprocessing.Spec `json:"preprocessing,omitzero"`
	// Details spell the preprocessing out.
	Details *preprocessing.Details `json:"preprocessing_details,omitempty"`
	// PreprocessingSource says how the preprocessing of imported weights was found, or that of a graph;
	// PreprocessingUnstated why it was not.
	PreprocessingSource   string `json:"preprocessing_source,omitempty"`
	PreprocessingUnstated string `json:"preprocessing_unstated,omitempty"`
	// Weights is "none", "base" (the convolutions alone), "all", or the base with the dense
	// layers that there are weights of, such as "base, fc6, fc7".
	Weights string `json:"weights"`
	SHA256  string `json:"sha256,omitempty"`
	// Parameters is the number of weights and biases of the whole network.
	Parameters int                `json:"parameters"`
	Layers     []layerDescription `json:"layers"`
	Bytes      int64              `json:"bytes,omitempty"`
	// Devices are the kinds that the graph is pinned to; none: it runs on CPU and GPU.
	Devices    []string               `json:"devices,omitempty"`
	Signatures []savedmodel.Signature `json:"signatures,omitempty"`
	// Notes say what was changed in the graph when it was opened.
	Notes []string `json:"notes,omitempty"`
}

type layerDescription struct {
	Name       string   `json:"name"`
	Aliases    []string `json:"aliases,omitempty"`
	Kind       string   `json:"kind,omitempty"`
	Shape      []int    `json:"shape"`
	Kernel     []int    `json:"kernel,omitempty"`
	Parameters int      `json:"parameters"`
}

func describe(name string) (description, error) {
	if dir, signature, ok := models.SavedModel(name); ok {
		return describeSavedModel(dir, signature)
	}
	c, err := vgg.ByName(name)
	if err != nil {
		return description{}, fmt.Errorf("%q is neither a directory with a SavedModel nor a model's name: %w", name, err)
	}
	d := description{
		Name: c.Name, Kind: "VGG", Configuration: c.Letter, Input: []int{vgg.InputSize, vgg.InputSize, 3},
		Weights: "none", Parameters: c.Parameters(true),
	}
	set, err := models.Weights(c, "")
	noWeights := errors.Is(err, models.ErrNoWeights)
	if err != nil && !noWeights {
		return d, err
	}
	layers, err := c.LayersWith(set)
	if err != nil {
		return d, err
	}
	d.Parameters = 0
	for _, l := range layers {
		d.Layers = append(d.Layers, layerDescription{l.Name, l.Aliases, string(l.Kind), l.Shape, l.Kernel, l.Parameters()})
		d.Parameters += l.Parameters()
	}
	if noWeights {
		return d, nil
	}
	d.SHA256 = set.SHA256
	if d.Weights, err = extent(c, set); err != nil {
		return d, err
	}
	d.Preprocessing, err = vgg.Preprocessing(set)
	d.Details, d.PreprocessingSource = d.Preprocessing.Details(), set.Metadata[vgg.PreprocessingSourceKey]
	return d, err
}

// extent says which layers there are weights of.
func extent(c vgg.Configuration, set weights.Set) (string, error) {
	layers, err := c.LayersOf(set)
	if err != nil {
		return "", err
	}
	there := "base"
	for _, l := range layers {
		if l.Kind == vgg.KindDense {
			there += ", " + l.Name
		}
		if l.Kind == vgg.KindSoftmax {
			return "all", nil
		}
	}
	return there, nil
}

func describeSavedModel(dir, signature string) (description, error) {
	outside, err := savedmodel.Inspect(dir, signature)
	if err != nil {
		return description{}, err
	}
	d := description{
		Name: filepath.Base(dir), Kind: "SavedModel", Weights: "all", Parameters: outside.Parameters,
		Bytes: outside.Bytes, Signatures: outside.Signatures, Devices: outside.Devices,
	}
	model, err := savedmodel.Open(dir, savedmodel.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Signature: signature})
	if errors.Is(err, savedmodel.ErrSignature) && signature == "" {
		logrus.Warnf("which layers there are depends on the signature: %v", err)
		return d, nil
	} else if err != nil {
		return description{}, err
	}
	defer model.Close() //nolint:errcheck // the process ends here
	d.Name, d.Input, d.SHA256 = model.Name, []int{model.InputHeight, model.InputWidth, model.Depth()}, model.SHA256
	d.Preprocessing, d.Details = model.Preprocessing, model.Preprocessing.Details()
	d.PreprocessingSource, d.PreprocessingUnstated = model.Normalizes, model.Unstated
	d.Notes = model.Notes
	for _, l := range model.Layers {
		d.Layers = append(d.Layers, layerDescription{Name: l.Name, Aliases: l.Aliases, Kind: l.Output.Op.Type(), Shape: l.Shape})
	}
	return d, nil
}

func (d description) print(w io.Writer) error {
	fmt.Fprintf(w, "model          %s (%s", d.Name, d.Kind)
	if d.Configuration != "" {
		fmt.Fprintf(w, ", configuration %s", d.Configuration)
	}
	fmt.Fprintln(w, ")")
	if len(d.Input) > 0 {
		fmt.Fprintf(w, "input          %s, NHWC\n", dimensions(d.Input))
		d.printPreprocessing(w)
	}
	fmt.Fprintf(w, "parameters     %d\n", d.Parameters)
	fmt.Fprintf(w, "weights        %s\n", d.Weights)
	if d.SHA256 != "" {
		fmt.Fprintf(w, "SHA-256        %s\n", d.SHA256)
	}
	if d.Bytes > 0 {
		fmt.Fprintf(w, "size           %d bytes\n", d.Bytes)
	}
	if len(d.Devices) == 0 {
		fmt.Fprintf(w, "devices        CPU, GPU\n")
	} else {
		fmt.Fprintf(w, "devices        pinned to %s\n", strings.Join(d.Devices, ", "))
	}
	for _, s := range d.Signatures {
		fmt.Fprintf(w, "signature      %s: %s -> %s\n", s.Name, tensorList(s.Inputs), tensorList(s.Outputs))
	}
	for _, note := range d.Notes {
		fmt.Fprintf(w, "note           %s\n", note)
	}
	if len(d.Layers) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table := newTable(w)
	fmt.Fprintln(table, "LAYER\tKIND\tSHAPE\tKERNEL\tPARAMETERS\tALSO NAMED")
	for _, l := range d.Layers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", l.Name, l.Kind, dimensions(l.Shape), dimensions(l.Kernel), l.Parameters, shortest(l.Aliases))
	}
	return table.Flush()
}

func (d description) printPreprocessing(w io.Writer) {
	if d.Preprocessing.IsZero() {
		fmt.Fprintln(w, "preprocessing  not stated: give it with --preprocessing")
		if d.PreprocessingUnstated != "" {
			fmt.Fprintf(w, "               %s\n", strings.ReplaceAll(d.PreprocessingUnstated, "\n", "\n               "))
		}
		return
	}
	fmt.Fprintf(w, "preprocessing  %s (%s)\n", d.Preprocessing, d.Preprocessing.Describe())
	if d.PreprocessingSource != "" {
		fmt.Fprintf(w, "               %s\n", d.PreprocessingSource)
	}
}

func tensorList(tensors []savedmodel.Tensor) string {
	parts := make([]string, len(tensors))
	for i, t := range tensors {
		parts[i] = fmt.Sprintf("%s %s%v", t.Key, t.DType, t.Shape)
	}
	return strings.Join(parts, ", ")
}

// dimensions writes a shape as 7x7x512.
func dimensions(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

// shortest lists few aliases as they are, and of many the shortest.
func shortest(aliases []string) string {
	if len(aliases) <= 3 {
		return strings.Join(aliases, ", ")
	}
	best := aliases[0]
	for _, a := range aliases {
		if len(a) < len(best) {
			best = a
		}
	}
	return best
}
