package finetuning

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/internal/output"
	"fovea/training"
)

// writeHistory writes the metrics of the epochs to dir: metrics.csv, and metrics.jsonl with a line of
// JSON for each.
func writeHistory(dir string, history []training.Epoch) error {
	var table, lines bytes.Buffer
	if err := csv.NewWriter(&table).WriteAll(historyTable(history)); err != nil {
		return err
	}
	for _, e := range history {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	var files output.Files
	defer files.Discard()
	for name, content := range map[string]*bytes.Buffer{"metrics.csv": &table, "metrics.jsonl": &lines} {
		if err := files.WriteFile(filepath.Join(dir, name), content.Bytes()); err != nil {
			return err
		}
	}
	return files.Commit()
}

func historyTable(history []training.Epoch) [][]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }
	optional := func(v *float64) string {
		if v == nil {
			return ""
		}
		return number(*v)
	}
	records := [][]string{{"epoch", "step", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "elapsed_seconds"}}
	for _, e := range history {
		records = append(records, []string{
			strconv.Itoa(e.Epoch), strconv.FormatInt(e.Step, 10), number(e.Loss), number(e.Accuracy),
			optional(e.ValidationLoss), optional(e.ValidationAccuracy), number(e.Seconds), number(e.Elapsed),
		})
	}
	return records
}

// logEpoch logs the metrics of an epoch.
func logEpoch(e training.Epoch) {
	line := fmt.Sprintf("epoch %d: loss %.4f, accuracy %.2f %%", e.Epoch, e.Loss, 100*e.Accuracy)
	if e.ValidationLoss != nil {
		line += fmt.Sprintf("; held out: loss %.4f, accuracy %.2f %%", *e.ValidationLoss, 100**e.ValidationAccuracy)
	}
	logrus.Infof("%s; %.1f s", line, e.Seconds)
}

// batchInterval is the time between two log lines about batches.
const batchInterval = 10 * time.Second

// batchLogger logs the progress of an epoch every few seconds.
func batchLogger() func(epoch, done, of int, m training.Measure) {
	last := time.Now()
	return func(epoch, done, of int, m training.Measure) {
		if time.Since(last) < batchInterval || done == of {
			return
		}
		last = time.Now()
		logrus.Infof("epoch %d: %d of %d batches, loss %.4f", epoch, done, of, m.MeanLoss())
	}
}
