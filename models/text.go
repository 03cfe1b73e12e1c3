package models

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/savedmodel"
)

// WriteText writes the description for people.
func (d Description) WriteText(w io.Writer) error {
	kind := d.Kind
	if d.Configuration != "" {
		kind += ", configuration " + d.Configuration
	}
	fmt.Fprintf(w, "model          %s (%s)\n", spelling.Line(d.Name), kind)
	if len(d.Input) > 0 {
		fmt.Fprintf(w, "input          %s, NHWC\n", text.Shape(d.Input))
		d.writePreprocessing(w)
	}
	fmt.Fprintf(w, "parameters     %d\nweights        %s\n", d.Parameters, d.Weights)
	if d.SHA256 != "" {
		fmt.Fprintf(w, "SHA-256        %s\n", d.SHA256)
	}
	if d.Bytes > 0 {
		fmt.Fprintf(w, "size           %s\n", text.Size(d.Bytes))
	}
	devices := "CPU, GPU"
	if len(d.Devices) > 0 {
		devices = "pinned to " + strings.Join(d.Devices, ", ")
	}
	fmt.Fprintf(w, "devices        %s\n", devices)
	for _, s := range d.Signatures {
		fmt.Fprintf(w, "signature      %s: %s -> %s\n", spelling.Line(s.Name), tensorList(s.Inputs), tensorList(s.Outputs))
	}
	d.writeOperations(w)
	for _, note := range d.Notes {
		fmt.Fprintf(w, "note           %s\n", note)
	}
	if len(d.Layers) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table := text.NewTable(w)
	fmt.Fprintln(table, "LAYER\tKIND\tSHAPE\tKERNEL\tPARAMETERS\tALSO NAMED")
	for _, l := range d.Layers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", spelling.Line(l.Name), l.Kind, text.Shape(l.Shape), text.Shape(l.Kernel), l.Parameters, spelling.Line(text.Shortest(l.Aliases)))
	}
	return table.Flush()
}

func (d Description) writePreprocessing(w io.Writer) {
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

// writeOperations says what a SavedModel would run.
func (d Description) writeOperations(w io.Writer) {
	if d.Kind != KindSavedModel {
		return
	}
	kinds := slices.Sorted(maps.Keys(d.Operations))
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s %d", spelling.Line(kind), d.Operations[kind])
	}
	fmt.Fprintf(w, "operations     %s\n", strings.Join(kinds, ", "))
	for i, one := range d.Impure {
		if i == mostImpure {
			fmt.Fprintf(w, "               and %d more; --json lists all\n", len(d.Impure)-i)
			break
		}
		fmt.Fprintf(w, "not pure       %s\n", spelling.Line(one.String()))
	}
	if len(d.Impure) > 0 {
		fmt.Fprintln(w, "               opened with --trust-model only: give that if you know who made the model")
	}
	fmt.Fprintln(w, "note           nothing of the model was run: extract model check computes every layer")
}

// mostImpure bounds the operations that are listed for people.
const mostImpure = 20

func tensorList(tensors []savedmodel.Tensor) string {
	parts := make([]string, len(tensors))
	for i, t := range tensors {
		parts[i] = fmt.Sprintf("%s %s%v", spelling.Line(t.Key), t.DType, t.Shape)
	}
	return strings.Join(parts, ", ")
}

// WriteText writes the check of the model name for people.
func (c Check) WriteText(w io.Writer, name string) error {
	fmt.Fprintf(w, "model          %s\npreprocessing  %s (%s)\nphotographs    %s\n\n", name, c.Preprocessing, c.Preprocessing.Describe(), strings.Join(c.Photos, ", "))
	table := text.NewTable(w)
	fmt.Fprintln(table, "LAYER\tSHAPE\tMEAN\tSTD\tMIN\tMAX\tZEROS\tDEAD\tNOT FINITE")
	for _, l := range c.Layers {
		fmt.Fprintf(table, "%s\t%s\t%.3g\t%.3g\t%.3g\t%.3g\t%.0f %%\t%d of %d\t%d\n",
			l.Name, text.Shape(l.Shape), l.Mean, l.Std, l.Least, l.Largest, 100*l.Zeros, l.Dead, l.Channels, l.NotFinite)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(table, "PREPROCESSING\tCOSINE WITH THE ONE USED\tPHOTOGRAPHS ALIKE\tMAX")
	for _, p := range c.Candidates {
		fmt.Fprintf(table, "%s\t%.4f\t%.3f\t%.3g\n", p.Spec, p.Cosine, p.Alike, p.Largest)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(c.Comparisons) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	fmt.Fprintln(table, "REFERENCE\tCOSINE\tWORST DIFFERENCE")
	for _, r := range c.Comparisons {
		fmt.Fprintf(table, "%s\t%.6f\t%.2g of the largest value\n", r.Layer, r.Cosine, r.Worst)
	}
	return table.Flush()
}
