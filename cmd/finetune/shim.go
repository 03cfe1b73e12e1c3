package main

import (
	"github.com/sirupsen/logrus"

	"fovea/finetuning"
	"fovea/head"
)

// check refuses features that a head was not trained for, and warns of small differences.
func check(h *head.Head, f finetuning.Features) error {
	warnings, err := h.Check(f.Recipe)
	for _, w := range warnings {
		logrus.Warnf("%s: %s in the head, %s in the features; results may differ by rounding", w.Field, w.Have, w.Got)
	}
	return err
}
