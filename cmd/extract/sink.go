package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/sirupsen/logrus"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/pipeline"
)

// datasetSink stores the pipeline's results in a dataset.
type datasetSink struct {
	writer *featurestore.Writer
	// present is the number of rows that an earlier, resumed run has made.
	present int
}

// remaining are the items that an earlier run, if any, has not dealt with.
func (s *datasetSink) remaining(items []pipeline.Item) []pipeline.Item {
	done := s.writer.Done()
	if len(done) == 0 {
		return items
	}
	var rest []pipeline.Item
	for _, item := range items {
		if !done[item.Path] {
			rest = append(rest, item)
		}
	}
	s.present = s.writer.Rows()
	return rest
}

// rows and failures are the numbers of them in the dataset, those of earlier runs included.
func (s *datasetSink) rows() int     { return s.writer.Rows() }
func (s *datasetSink) failures() int { return s.writer.Failures() }

func (s *datasetSink) Append(rows []pipeline.Row) error { return extraction.Store(s.writer, rows) }

func (s *datasetSink) Fail(f pipeline.Failure) error {
	logrus.WithFields(logrus.Fields{"path": featurestore.EscapeText(f.Path), "stage": f.Stage}).Warn(featurestore.EscapeText(f.Reason))
	return s.writer.AppendFailure(featurestore.Failure{
		Path: f.Path, Label: f.Label, Split: f.Split, Stage: string(f.Stage), Reason: f.Reason, SHA256: f.SHA256, Seen: f.Seen,
	})
}

// finish closes the dataset: complete after a run without error, interrupted with the finished
// rows after a signal, or when the pictures' store did not answer or the dataset's is another run's by now. After any other error what
// has a final name stays.
func (s *datasetSink) finish(err error) error {
	var interruption cli.Interruption
	var store *pipeline.StoreError
	switch {
	case err == nil:
		return s.writer.Close(featurestore.StatusComplete)
	case errors.As(err, &interruption) || errors.As(err, &store) || errors.Is(err, featurestore.ErrLocked):
		return s.writer.Close(featurestore.StatusInterrupted)
	}
	return s.writer.Abort()
}

// machineFailed adds to an error that is the machine's what to do about it.
func machineFailed(dir string, err error) error {
	var store *pipeline.StoreError
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: make room on the disk of %s and run the same command with --resume; finished files are kept", err, dir)
	case errors.As(err, &store):
		return fmt.Errorf("%w; then run the same command with --resume (--exclude PATTERN leaves out what cannot be read at all)", err)
	case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w: raise the limit of open files (ulimit -n) and run the same command with --resume", err)
	}
	return err
}
