package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/models"
	"fovea/savedmodel"
	"fovea/vgg"
)

func newModelCommand() *cobra.Command {
	command := &cobra.Command{Use: "model", Short: "Inspect and check models, fetch and import weights, export SavedModels"}
	command.AddCommand(newInspect(), newFetch(), newImport(), newExport(), newCheck())
	cli.Group(command, "for images in a directory named model, give ./model")
	return command
}

func newInspect() *cobra.Command {
	var result cli.ResultFlags
	var names []string
	for _, c := range vgg.Configurations {
		names = append(names, c.Name)
	}
	command := &cobra.Command{
		Use:   "inspect NAME|DIR[:SIGNATURE]",
		Short: "Show a model's layers, shapes and parameters",
		Long: fmt.Sprintf(`Inspect shows what a model is made of. NAME is %s;
its weights need not be there. DIR holds a SavedModel. If it has several signatures and none is the
default, DIR:SIGNATURE names one.`, cli.Alternatives(names)),
		Args: cli.Arguments(1, "one model: a name or a SavedModel's directory"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			name, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			d, err := models.Describe(name)
			if err != nil {
				return cli.UsageWhen(err, models.ErrUnknown)
			}
			return result.Print(d, func(w io.Writer) error { return printDescription(w, d) })
		},
	}
	result.Add(command.Flags())
	return command
}

func printDescription(w io.Writer, d models.Description) error {
	kind := d.Kind
	if d.Configuration != "" {
		kind += ", configuration " + d.Configuration
	}
	fmt.Fprintf(w, "model          %s (%s)\n", cli.Line(d.Name), kind)
	if len(d.Input) > 0 {
		fmt.Fprintf(w, "input          %s, NHWC\n", dimensions(d.Input))
		printPreprocessing(w, d)
	}
	fmt.Fprintf(w, "parameters     %d\nweights        %s\n", d.Parameters, d.Weights)
	if d.SHA256 != "" {
		fmt.Fprintf(w, "SHA-256        %s\n", d.SHA256)
	}
	if d.Bytes > 0 {
		fmt.Fprintf(w, "size           %s\n", cli.SizeText(d.Bytes))
	}
	devices := "CPU, GPU"
	if len(d.Devices) > 0 {
		devices = "pinned to " + strings.Join(d.Devices, ", ")
	}
	fmt.Fprintf(w, "devices        %s\n", devices)
	for _, s := range d.Signatures {
		fmt.Fprintf(w, "signature      %s: %s -> %s\n", cli.Line(s.Name), tensorList(s.Inputs), tensorList(s.Outputs))
	}
	for _, note := range d.Notes {
		fmt.Fprintf(w, "note           %s\n", note)
	}
	if len(d.Layers) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table := cli.NewTable(w)
	fmt.Fprintln(table, "LAYER\tKIND\tSHAPE\tKERNEL\tPARAMETERS\tALSO NAMED")
	for _, l := range d.Layers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", cli.Line(l.Name), l.Kind, dimensions(l.Shape), dimensions(l.Kernel), l.Parameters, cli.Line(shortest(l.Aliases)))
	}
	return table.Flush()
}

func printPreprocessing(w io.Writer, d models.Description) {
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
		parts[i] = fmt.Sprintf("%s %s%v", cli.Line(t.Key), t.DType, t.Shape)
	}
	return strings.Join(parts, ", ")
}

// dimensions writes a shape as 7x7x512.
func dimensions(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

// shortest lists up to three aliases, and of more only the shortest one.
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
