package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"fovea/head"
	"fovea/internal/spelling"
	"fovea/internal/text"
)

// WriteText writes metrics for a terminal: what a person wants to know first, then the details. Where w has a width
// (text.Width), tables are no wider; long names of classes are cut.
func WriteText(w io.Writer, m head.Metrics) error {
	table := text.NewTable(w)
	percent := func(name string, v float64, i *[2]float64, more string) {
		fmt.Fprintf(table, "%s\t%.2f %%\t%s\n", name, 100*v, interval(i, more, func(v float64) string { return fmt.Sprintf("%.2f", 100*v) }))
	}
	percent("accuracy", m.Accuracy, &m.AccuracyInterval, ", "+text.Plural(m.N, "image"))
	percent("balanced accuracy", m.BalancedAccuracy, m.Intervals.BalancedAccuracy, "")
	percent("macro F1", m.MacroF1, m.Intervals.MacroF1, "")
	fmt.Fprintf(table, "log loss\t%.4f\t%s\n", m.LogLoss, interval(m.Intervals.LogLoss, "", func(v float64) string { return fmt.Sprintf("%.4f", v) }))
	switch {
	case m.ROCAUC != nil:
		fmt.Fprintf(table, "ROC AUC\t%.4f\n", *m.ROCAUC)
	case len(m.Absent) > 0:
		fmt.Fprintf(table, "ROC AUC\tnone\t(some classes have no images)\n")
	}
	fmt.Fprintf(table, "calibration error\t%.4f\n", m.CalibrationError)
	if err := table.Flush(); err != nil {
		return err
	}
	writeNotes(w, m)
	fmt.Fprintln(w)
	if len(m.Classes) > head.MostInMatrix || !fits(w, m) {
		return writeMostConfused(w, m)
	}
	return writeConfusion(w, m, longest(w, m))
}

// WriteNovelty writes how many images a head does not know; nothing for one that cannot tell.
func WriteNovelty(w io.Writer, n *head.NoveltyShare) error {
	if n == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nnovelty above 1: %d of %s (%.2f %%; expected: %.3g %%)\nmedian novelty: %.2f\n",
		n.Above, text.Plural(n.Images, "image"), 100*float64(n.Above)/float64(n.Images), 100*n.Expected, n.Median)
	return err
}

// interval writes an interval, and more about the metric.
func interval(i *[2]float64, more string, number func(float64) string) string {
	if i == nil {
		return "(no interval)"
	}
	return fmt.Sprintf("(95 %%: %s to %s%s)", number(i[0]), number(i[1]), more)
}

// writeNotes says why there are no intervals, and of which classes there are no images.
func writeNotes(w io.Writer, m head.Metrics) {
	metrics := map[string][]string{} // by the reason
	var reasons []string
	for _, metric := range []struct{ key, name string }{{"balanced_accuracy", "balanced accuracy"}, {"macro_f1", "macro F1"}, {"log_loss", "log loss"}} {
		why, none := m.Intervals.None[metric.key]
		if none && metrics[why] == nil {
			reasons = append(reasons, why)
		}
		if none {
			metrics[why] = append(metrics[why], metric.name)
		}
	}
	for _, why := range reasons {
		fmt.Fprintf(w, "no interval of %s: %s\n", strings.Join(metrics[why], " and "), why)
	}
	if len(m.Absent) > 0 {
		fmt.Fprintf(w, "without test images: %s\n", text.Some(m.Absent))
	}
}

// shortest is the length to which names of classes are cut, at least, to make room for a matrix.
const shortest = 6

// longest is the length to which names must be cut so that the matrix fits; 0 leaves them whole.
func longest(w io.Writer, m head.Metrics) int {
	width := text.Width(w)
	if width == 0 || matrixWidth(m, 0) <= width {
		return 0
	}
	most := 0
	for _, c := range m.Classes {
		most = max(most, text.Columns(c))
	}
	for most > shortest && matrixWidth(m, most) > width {
		most--
	}
	return most
}

// fits says whether the matrix is not too wide with the shortest names.
func fits(w io.Writer, m head.Metrics) bool {
	width := text.Width(w)
	return width == 0 || matrixWidth(m, shortest) <= width
}

// matrixWidth is the width of the confusion matrix with names of so many columns at most.
func matrixWidth(m head.Metrics, names int) int {
	var out strings.Builder
	_ = writeConfusion(&out, m, names) // which cannot fail here
	widest := 0
	for line := range strings.Lines(out.String()) {
		widest = max(widest, text.Columns(strings.TrimRight(line, "\n")))
	}
	return widest
}

// writeConfusion writes the matrix, with names of so many columns at most, or whole ones for 0.
func writeConfusion(w io.Writer, m head.Metrics, names int) error {
	classes := slices.Clone(m.Classes)
	for i := range classes {
		if classes[i] = spelling.Name(classes[i]); names > 0 {
			classes[i] = text.Middle(classes[i], names)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "true \\ predicted\t%s\tprecision\trecall\tF1\t\n", strings.Join(classes, "\t"))
	for i, c := range classes {
		fmt.Fprintf(table, "%s\t", c)
		for _, n := range m.Confusion[i] {
			fmt.Fprintf(table, "%d\t", n)
		}
		p := m.PerClass[i]
		fmt.Fprintf(table, "%.4f\t%.4f\t%.4f\t\n", p.Precision, p.Recall, p.F1)
	}
	return table.Flush()
}

// mostListed is the number of pairs and of classes that stand for many.
const mostListed = 10

// writeMostConfused writes the pairs of classes that are confused most, and the classes that do worst.
func writeMostConfused(w io.Writer, m head.Metrics) error {
	table := text.NewFittedTable(w, 2)
	if len(m.MostConfused) > 0 {
		fmt.Fprintf(table, "confused most\tpredicted\timages\tof\n")
	}
	for _, p := range m.MostConfused[:min(mostListed, len(m.MostConfused))] {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", spelling.Name(p.Class), spelling.Name(p.Predicted), p.N, p.Of)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	shown := worst(m, len(m.Classes))
	if len(m.Classes) > head.MostInMatrix {
		shown = worst(m, mostListed)
		fmt.Fprintf(w, "The %d of %d classes with the lowest F1 (--json has all):\n", len(shown), len(m.Classes))
	}
	table = text.NewFittedTable(w, 1)
	fmt.Fprintf(table, "class\tprecision\trecall\tF1\timages\n")
	for _, c := range shown {
		fmt.Fprintf(table, "%s\t%.4f\t%.4f\t%.4f\t%d\n", spelling.Name(c.Class), c.Precision, c.Recall, c.F1, c.N)
	}
	return table.Flush()
}

// worst are the classes with images whose F1 is lowest, at most so many.
func worst(m head.Metrics, most int) []head.ClassMetrics {
	all := slices.DeleteFunc(slices.Clone(m.PerClass), func(c head.ClassMetrics) bool { return c.N == 0 })
	slices.SortStableFunc(all, func(a, b head.ClassMetrics) int { return cmp.Compare(a.F1, b.F1) })
	return all[:min(most, len(all))]
}
