package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"fovea/head"
	"fovea/internal/text"
)

// mostInTable is the number of classes up to which a text has the whole confusion matrix. A wider one is no table.
const mostInTable = 20

// WriteText writes metrics for a terminal: what a person wants to know first, then the details.
func WriteText(w io.Writer, m head.Metrics) error {
	table := text.NewTable(w)
	percent := func(name string, v float64, i *[2]float64, more string) {
		fmt.Fprintf(table, "%s\t%.2f %%\t%s\n", name, 100*v, interval(i, more, func(v float64) string { return fmt.Sprintf("%.2f", 100*v) }))
	}
	percent("accuracy", m.Accuracy, &m.AccuracyInterval, text.Plural(m.N, "image"))
	percent("balanced accuracy", m.BalancedAccuracy, m.Intervals.BalancedAccuracy, m.Intervals.None["balanced_accuracy"])
	percent("macro F1", m.MacroF1, m.Intervals.MacroF1, m.Intervals.None["macro_f1"])
	fmt.Fprintf(table, "log loss\t%.4f\t%s\n", m.LogLoss, interval(m.Intervals.LogLoss, m.Intervals.None["log_loss"], func(v float64) string { return fmt.Sprintf("%.4f", v) }))
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
	if len(m.Absent) > 0 {
		fmt.Fprintf(w, "without test images: %s\n", text.Some(m.Absent))
	}
	fmt.Fprintln(w)
	if len(m.Classes) > mostInTable {
		return writeMostConfused(w, m)
	}
	return writeConfusion(w, m)
}

// WriteNovelty writes how many images a head does not know; nothing for one that cannot tell.
func WriteNovelty(w io.Writer, n *head.NoveltyShare) error {
	if n == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nnovelty: %d of %s (%.2f %%) above the cutoff, which %g %% of images like those trained on are; median %.2f\n",
		n.Above, text.Plural(n.Images, "image"), 100*float64(n.Above)/float64(n.Images), 100*n.Expected, n.Median)
	return err
}

// interval writes an interval, or why there is none.
func interval(i *[2]float64, more string, number func(float64) string) string {
	switch {
	case i == nil && more == "":
		return ""
	case i == nil:
		return "(no interval: " + more + ")"
	case more != "":
		more = ", " + more
	}
	return fmt.Sprintf("(95 %%: %s to %s%s)", number(i[0]), number(i[1]), more)
}

func writeConfusion(w io.Writer, m head.Metrics) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "true \\ predicted\t%s\tprecision\trecall\tF1\t\n", strings.Join(m.Classes, "\t"))
	for i, c := range m.Classes {
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
	type pair struct{ truth, taken, n int }
	var pairs []pair
	for i, row := range m.Confusion {
		for j, n := range row {
			if i != j && n > 0 {
				pairs = append(pairs, pair{i, j, n})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.n, a.n) })
	table := text.NewTable(w)
	fmt.Fprintf(table, "confused most\tpredicted\timages\tof\n")
	for _, p := range pairs[:min(mostListed, len(pairs))] {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", m.Classes[p.truth], m.Classes[p.taken], p.n, m.PerClass[p.truth].N)
	}
	worst := slices.DeleteFunc(slices.Clone(m.PerClass), func(c head.ClassMetrics) bool { return c.N == 0 })
	slices.SortStableFunc(worst, func(a, b head.ClassMetrics) int { return cmp.Compare(a.F1, b.F1) })
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe %d of %s with the lowest F1 (--json has all, with the confusion matrix):\n", min(mostListed, len(worst)), fmt.Sprint(len(m.Classes), " classes"))
	table = text.NewTable(w)
	fmt.Fprintf(table, "class\tprecision\trecall\tF1\timages\n")
	for _, c := range worst[:min(mostListed, len(worst))] {
		fmt.Fprintf(table, "%s\t%.4f\t%.4f\t%.4f\t%d\n", c.Class, c.Precision, c.Recall, c.F1, c.N)
	}
	return table.Flush()
}
