package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"fovea/head"
)

func joinClasses(classes []string) string { return strings.Join(classes, ", ") }

// printMetrics writes what a person wants to know first, then the details.
func printMetrics(w io.Writer, m head.Metrics) error {
	percent := func(name string, v float64, i [2]float64, more string) {
		fmt.Fprintf(w, "%-18s %.2f %%  (95 %%: %.2f to %.2f%s)\n", name, 100*v, 100*i[0], 100*i[1], more)
	}
	percent("accuracy", m.Accuracy, m.Bootstrap.Accuracy, fmt.Sprintf(", %d images", m.N))
	percent("balanced accuracy", m.BalancedAccuracy, m.Bootstrap.BalancedAccuracy, "")
	percent("macro F1", m.MacroF1, m.Bootstrap.MacroF1, "")
	fmt.Fprintf(w, "%-18s %.4f   (95 %%: %.4f to %.4f)\n", "log loss", m.LogLoss, m.Bootstrap.LogLoss[0], m.Bootstrap.LogLoss[1])
	if m.ROCAUC != nil {
		fmt.Fprintf(w, "%-18s %.4f\n", "ROC AUC", *m.ROCAUC)
	}
	fmt.Fprintf(w, "%-18s %.4f\n\n", "calibration error", m.CalibrationError)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "true \\ predicted\t")
	for _, c := range m.Classes {
		fmt.Fprintf(table, "%s\t", c)
	}
	fmt.Fprintln(table, "precision\trecall\tF1\t")
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
