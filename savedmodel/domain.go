package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	"fovea/preprocessing"
)

// ways are the forms in which pixels may be given to a graph that normalizes them further, with the
// numbers that 0 and 255 then are. Bytes come first.
var ways = []struct {
	how       preprocessing.Spec
	low, high float64
}{
	{preprocessing.None, 0, 255}, {preprocessing.ZeroOne, 0, 1}, {preprocessing.TF, -1, 1},
	{preprocessing.Torch, -2.12, 2.64}, {preprocessing.Caffe, -124, 151},
}

// wanted infers from what a graph does to its input what it must be given: a graph that divides by
// 255 takes bytes, one that doubles and subtracts 1 takes numbers from 0 to 1. It is zero where
// nothing follows.
func (f front) wanted() preprocessing.Spec {
	if f.whole {
		return preprocessing.None
	}
	identity := func(a affine) bool { return a == affine{scale: 1} }
	if f.first == "" || f.unknown != "" || slices.ContainsFunc(f.of, identity) {
		return preprocessing.Spec{}
	}
	var found []preprocessing.Spec
	for _, way := range ways {
		fits := !slices.ContainsFunc(f.of, func(a affine) bool { return !a.plausible(way.low, way.high) })
		if fits {
			found = append(found, way.how)
		}
		if fits && way.how == preprocessing.None {
			break // what normalizes bytes is meant for bytes
		}
	}
	// The other two have an order of channels, which the numbers do not show.
	if len(found) != 1 || found[0] == preprocessing.Torch || found[0] == preprocessing.Caffe {
		return preprocessing.Spec{}
	}
	return found[0]
}

// plausible says whether numbers from low to high end up in a range that networks are trained on: 0
// to 1, -1 to 1 or a similar spread around 0; or bytes, with or without their mean.
func (a affine) plausible(low, high float64) bool {
	from, to := a.scale*low+a.offset, a.scale*high+a.offset
	span, centre := to-from, (from+to)/2
	bytes := span > 200 && span < 260 && from > -170 && from < 1
	if high == 255 { // only bytes need so small a scale, whatever the offset
		return bytes || span > 0.8 && span < 8.5 && centre > -1.1 && centre < 1.1
	}
	return bytes || span > 0.8 && span < 6 && centre > -0.6 && centre < 0.6
}

// describe puts into words what was found.
func (f front) describe() string {
	if f.wanted().IsZero() {
		return ""
	}
	return fmt.Sprintf("its graph %s before %s", strings.Join(f.steps, ", "), f.first)
}

// families are recognized by their layers' names. Their publishers' preprocessing is only a hint:
// somebody may have trained them on other numbers.
var families = []struct {
	name   string
	layers []string
	how    preprocessing.Spec
}{
	{"Xception", []string{"block1_conv1", "block2_sepconv1"}, preprocessing.TF},
	{"VGG", []string{"block1_conv1", "block5_conv2"}, preprocessing.Caffe},
	{"ResNetV2", []string{"conv1_conv", "conv2_block1_preact_bn"}, preprocessing.TF},
	{"DenseNet", []string{"pool2_conv", "conv2_block1_1_conv"}, preprocessing.Torch},
	{"ResNet", []string{"conv1_conv", "conv2_block1_1_conv"}, preprocessing.Caffe},
	{"MobileNetV2", []string{"Conv1", "expanded_conv_depthwise"}, preprocessing.TF},
	{"MobileNet", []string{"conv_dw_1", "conv_pw_1"}, preprocessing.TF},
}

// hint names the family that has the graph's layer names, and its preprocessing.
func (w *inputWay) hint() (string, preprocessing.Spec) {
	for _, family := range families {
		missing := slices.ContainsFunc(family.layers, func(layer string) bool {
			return !slices.ContainsFunc(w.order, func(name string) bool {
				return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
					plain, _ := cutNumber(part)
					return part == layer || plain == layer
				})
			})
		})
		if !missing {
			return family.name, family.how
		}
	}
	return "", preprocessing.Spec{}
}

// candidates are listed where nobody says how pixels are to be given.
var candidates = []preprocessing.Spec{preprocessing.None, preprocessing.ZeroOne, preprocessing.TF, preprocessing.Torch, preprocessing.Caffe}

// settle takes the preprocessing that the graph implies, where neither the user nor a note has
// stated one; otherwise it explains why it cannot be inferred.
func (l *loader) settle(w *inputWay) (how preprocessing.Spec, found, unknown string, err error) {
	f, err := l.findFront(w)
	if err != nil {
		return how, "", "", err
	}
	how, err = l.input.fit(f.wanted())
	if err != nil {
		return how, "", "", err
	}
	if !how.IsZero() {
		return how, f.describe(), "", nil
	}
	why := "nothing before its first layer, " + f.first + ", changes the pixels"
	switch {
	case l.static && len(l.acting) > 0:
		why = "random layers come before its first weights or around them, and what its graph does to the pixels shows when the model is opened"
	case l.uncomputed:
		why = "its graph normalizes the pixels with numbers that it computes from its variables (" + f.unknown + "): which, shows when the model is opened"
	case f.unknown != "":
		why = "its graph does something unknown to the pixels (" + f.unknown + ")"
	case len(f.steps) > 0:
		why = "its graph " + strings.Join(f.steps, ", ") + ", from which its input cannot be inferred"
	}
	listed := candidates
	if family, usual := w.hint(); family != "" {
		why += fmt.Sprintf("; its layers are named like those of Keras's %s, which was published for %s", family, usual)
		listed = append([]preprocessing.Spec{usual}, slices.DeleteFunc(slices.Clone(candidates), func(s preprocessing.Spec) bool { return s == usual })...)
	}
	listed = slices.DeleteFunc(slices.Clone(listed), func(s preprocessing.Spec) bool {
		_, err := l.input.fit(s) // of three channels, for a model of another number
		return err != nil
	})
	return how, "", why + ". State it:\n" + preprocessing.Candidates(listed...), nil
}
