package explorer

import (
	"context"
	"math"
	"time"

	"github.com/sirupsen/logrus"
)

// fit fits a head to the labels of the moment, and tells the pages.
func (r *refitter) fit(ctx context.Context) {
	start := time.Now()
	t := r.server.shown.Load()
	r.mutex.Lock()
	prepared, of := r.prepared, r.of
	r.mutex.Unlock()
	if prepared == nil || of != t.data {
		return
	}
	y, classes := compact(r.server.labels.column(t), len(t.classes.all()))
	first, err := prepared.Fit(ctx, y, len(classes))
	if err != nil {
		gaveUp(ctx, err)
		return
	}
	result := &fitted{Refitted: first, classes: classes}
	if !r.publish(t, result, time.Since(start)) {
		return
	}
	suspect, err := prepared.Suspect(ctx, y, first)
	if err != nil {
		gaveUp(ctx, err)
		return
	}
	r.mutex.Lock()
	same := r.of == t.data
	if same {
		r.last = &fitted{Refitted: first, classes: classes, suspect: suspect}
	}
	r.mutex.Unlock()
	if same {
		prediction, confidence := result.predictions()
		r.server.scores.put(t, map[string]any{columnPrediction: prediction, columnConfidence: confidence, columnSuspect: suspect})
	}
}

// gaveUp logs an error that is not the end of the fit by newer labels.
func gaveUp(ctx context.Context, err error) {
	if ctx.Err() == nil {
		logrus.Errorf("explorer: fit the head again: %v", err)
	}
}

// publish tells the accuracy, which is null without two classes.
func (r *refitter) publish(t *table, result *fitted, took time.Duration) bool {
	value, interval, ok := result.Accuracy()
	r.mutex.Lock()
	same := r.of == t.data
	if same {
		r.measured = nil
		if ok {
			r.measured = &accuracy{value, interval[0], interval[1], result.N, took.Seconds()}
		}
	}
	now := r.measured
	r.mutex.Unlock()
	if same {
		r.server.events.send("accuracy", now)
	}
	return same
}

// compact numbers the classes that rows have one after another, and returns what they are in table.classes.
func compact(label []int32, names int) (y []int32, classes []int32) {
	place := make([]int32, names)
	for _, at := range label {
		if at >= 0 {
			place[at] = 1
		}
	}
	for at, has := range place {
		if has > 0 {
			place[at] = int32(len(classes))
			classes = append(classes, int32(at))
		}
	}
	y = make([]int32, len(label))
	for i, at := range label {
		if y[i] = -1; at >= 0 {
			y[i] = place[at]
		}
	}
	return y, classes
}

// predictions are the most probable classes, as numbers in table.classes, and their probabilities; -1 and NaN are unknown.
func (f *fitted) predictions() (prediction []int32, confidence []float32) {
	n := len(f.Tested)
	prediction, confidence = make([]int32, n), make([]float32, n)
	for i := range n {
		prediction[i], confidence[i] = -1, float32(math.NaN())
		for c, p := range f.Of(i) {
			if !(p <= float64(confidence[i])) && !math.IsNaN(p) {
				prediction[i], confidence[i] = f.classes[c], float32(p)
			}
		}
	}
	return prediction, confidence
}
