package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/inputs"
	"fovea/internal/text"
)

// stageNames are the readable names of the pipeline's stages.
var stageNames = map[string]string{"decode": "decoding", "infer": "the model", "write": "writing"}

// summarize logs what was done, and which stage took the time.
func (o *options) summarize(r extraction.Result, err error) {
	switch {
	case r.Stats.Elapsed == 0:
	case o.log.Format == "json":
		logrus.WithFields(stageFields(r)).Infof("%s written", text.Plural(r.Stats.Rows, "row"))
	default:
		logrus.Infof("%s written", text.Plural(r.Stats.Rows, "row"))
		logrus.Info(stageSentence(r))
	}
	if r.Present > 0 {
		logrus.Infof("%s already done", text.Plural(r.Present, "image"))
	}
	if r.Stats.Left {
		logrus.Infof("the current batch took more than %s: leaving its images for later", grace)
	}
	if err != nil && r.Status == featurestore.StatusInterrupted {
		again, _ := o.again(r)
		logrus.Infof("the finished rows are in %s; run %s to continue", r.Dataset, again)
		return
	}
	if r.Failures > 0 {
		logrus.Warnf("%s could not be read: see %s", text.Plural(r.Failures, "image"), failuresOf(r))
	}
	if foreign := inputs.Foreign(r.Foreign); foreign != "" {
		logrus.Warn(foreign)
	}
	logrus.Infof("the dataset is in %s", r.Dataset)
}

// failuresOf is the file that lists the dataset's failures.
func failuresOf(r extraction.Result) string { return r.Dataset + "/" + featurestore.FailuresFile }

// stageFields are the times of the stages, for programs.
func stageFields(r extraction.Result) logrus.Fields {
	s := r.Stats
	fields := logrus.Fields{
		"rows": s.Rows, "failed": s.Failures, "read_bytes": s.Bytes,
		"startup_seconds": seconds(r.StartUp), "elapsed_seconds": seconds(s.Elapsed), "images_per_second": hundredths(s.Rate()),
		"decode_seconds": seconds(s.Decode), "infer_seconds": seconds(s.Infer), "write_seconds": seconds(s.Write),
		"bottleneck": s.Bottleneck().Stage,
	}
	for _, b := range s.Busy() {
		fields[b.Stage+"_busy"] = hundredths(b.Share)
	}
	return fields
}

// stageSentence is the same as a readable sentence.
func stageSentence(r extraction.Result) string {
	s := r.Stats
	if r.Images() == 0 {
		return fmt.Sprintf("%.1f s to open, %.1f s without finishing an image.", r.StartUp.Seconds(), s.Elapsed.Seconds())
	}
	busy := ""
	for _, b := range s.Busy() {
		busy += fmt.Sprintf(", %s %.0f%%", stageNames[b.Stage], 100*b.Share)
	}
	return fmt.Sprintf("%.1f s to open, %.1f s for %s of %.1f MB (%.2f a second); at work: %s. The bottleneck was %s.",
		r.StartUp.Seconds(), s.Elapsed.Seconds(), text.Plural(r.Images(), "image"), float64(s.Bytes)/1e6, s.Rate(), busy[2:], stageNames[s.Bottleneck().Stage])
}

// seconds keeps milliseconds.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

func hundredths(x float64) float64 { return float64(int(100*x+0.5)) / 100 }

// summary is a run's result as JSON: numbers of the dataset, and times of the run.
type summary struct {
	Dataset         string              `json:"dataset"`
	Status          featurestore.Status `json:"status"`
	Images          int                 `json:"images"`
	Rows            int                 `json:"rows"`
	Failed          int                 `json:"failed"`
	EarlierRows     int                 `json:"earlier_rows"`
	Relabelled      int                 `json:"relabelled"`
	StartUpSeconds  float64             `json:"startup_seconds"`
	ElapsedSeconds  float64             `json:"elapsed_seconds"`
	ImagesPerSecond float64             `json:"images_per_second"`
	Bottleneck      string              `json:"bottleneck,omitempty"`
	Sync            *extraction.Plan    `json:"sync,omitempty"`
}

func summaryOf(r extraction.Result) summary {
	if r.Plan != nil { // what it consists of is for --dry-run
		r.Plan.Steps = nil
	}
	return summary{
		Dataset: r.Dataset, Status: r.Status, Images: r.Rows + r.Failures, Rows: r.Rows, Failed: r.Failures, EarlierRows: r.Present, Relabelled: r.Relabelled,
		StartUpSeconds: seconds(r.StartUp), ElapsedSeconds: seconds(r.Stats.Elapsed), ImagesPerSecond: hundredths(r.Stats.Rate()),
		Bottleneck: r.Stats.Bottleneck().Stage, Sync: r.Plan,
	}
}

// layerLine is a layer as JSON.
type layerLine struct {
	Name    string   `json:"name"`
	Shape   []int    `json:"shape"`
	Values  int      `json:"values"`
	Aliases []string `json:"aliases"`
}

// printLayers prints the layers of --model.
func (o *options) printLayers() error {
	layers, err := extraction.Layers(o.Features)
	if err != nil {
		return asUsage(err)
	}
	result := struct {
		Model  string      `json:"model"`
		Layers []layerLine `json:"layers"`
	}{Model: o.Model}
	for _, l := range layers {
		line := layerLine{l.Name, l.Shape, 1, append([]string{}, l.Aliases...)}
		for _, d := range l.Shape {
			line.Values *= d
		}
		result.Layers = append(result.Layers, line)
	}
	return cli.ResultFlags{JSON: o.json}.Print(result, func(w io.Writer) error {
		table := text.NewTable(w)
		fmt.Fprintln(table, "LAYER\tSHAPE\tVALUES\tALSO NAMED")
		for _, l := range result.Layers {
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", l.Name, text.Shape(l.Shape), l.Values, text.Shortest(l.Aliases))
		}
		return table.Flush()
	})
}

// printKinds prints what a dry run has found.
func printKinds(w io.Writer, e extraction.Estimated) error {
	table := text.NewTable(w)
	fmt.Fprintln(table, "FINDING\tFORMAT\tIMAGES\tMB\tMEGAPIXELS\tFIRST")
	for _, k := range e.Kinds {
		fmt.Fprintf(table, "%s\t%s\t%d\t%.1f\t%.1f\t%q\n", k.Finding, cmp.Or(k.Format, "-"), k.Pictures, float64(k.Bytes)/1e6, float64(k.Pixels)/1e6, k.First)
	}
	fmt.Fprintf(table, "all\t\t%d\t\t\t\n", e.Images)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, k := range e.Kinds {
		if k.Reason != "" {
			fmt.Fprintf(w, "%q: %s\n", k.First, k.Reason)
		}
	}
	for _, u := range e.Unlisted {
		fmt.Fprintf(w, "not listed: %s\n", u)
	}
	for _, n := range e.NotRead {
		fmt.Fprintf(w, "not read: %s\n", n)
	}
	_, err := fmt.Fprintf(w, "other files: %d\n", e.OtherFiles)
	return err
}

// mostSteps is how many steps of a kind are printed.
const mostSteps = 20

// printPlan prints what --sync would do.
func printPlan(w io.Writer, p *extraction.Plan) error {
	if p == nil {
		return nil
	}
	printed := map[string]int{}
	for _, s := range p.Steps {
		if printed[s.What]++; printed[s.What] > mostSteps {
			continue
		}
		line := fmt.Sprintf("%-10s %q", s.What, s.Path)
		switch {
		case s.From != "":
			line += fmt.Sprintf(" from %q", s.From)
		case s.Before+s.Now != "":
			line += fmt.Sprintf(": %q before, %q now", s.Before, s.Now)
		}
		fmt.Fprintln(w, line)
	}
	for _, what := range slices.Sorted(maps.Keys(printed)) {
		if more := printed[what] - mostSteps; more > 0 {
			fmt.Fprintf(w, "%-10s %d more, which --json lists\n", what, more)
		}
	}
	if p.Refusal != "" {
		fmt.Fprintln(w, "refused:", p.Refusal)
	}
	_, err := fmt.Fprintln(w, p)
	return err
}

// printEstimate prints what a run would take.
func printEstimate(w io.Writer, e extraction.Estimated) error {
	if e.Images == 0 {
		_, err := fmt.Fprintf(w, "estimate: nothing to extract, %s\n", max(e.Duration().Round(time.Second), time.Second))
		return err
	}
	if e.Rows == 0 {
		_, err := fmt.Fprintln(w, "none of them can be read")
		return err
	}
	_, err := fmt.Fprintf(w, "estimate: %s, %.1f MB before compression, %s\n", text.Plural(e.Rows, "row"), float64(e.Bytes)/1e6, max(e.Duration().Round(time.Second), time.Second))
	return err
}
