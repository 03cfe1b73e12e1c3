package vgg

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"fovea/internal/lazy"
	"fovea/vgg/weights"
)

// module is a layer of a weights file: the names of its tensors by their role.
type module struct {
	label
	tensors map[part]string
}

// name is that of one of the tensors, for messages.
func (m module) name() string {
	for _, p := range []part{partKernel, partGamma, partMean, partBias, partBeta, partVariance} {
		if name := m.tensors[p]; name != "" {
			return name
		}
	}
	return ""
}

// rank is that of the kernel, 0 where there is none.
func (m module) rank(set weights.Set) int { return len(set.Tensors[m.tensors[partKernel]].Shape) }

// family are the layers of one network in a file: those of one scheme and prefix.
type family struct {
	scheme    Scheme
	prefix    string
	numbering numbering
}

// file is a set of weights whose names were read.
type file struct {
	set      weights.Set
	families map[family][]module
	// unknown are the names that no scheme recognizes.
	unknown []string
	ignored []Ignored
}

// bookkeeping are tensors that no layer's output depends on, and why.
var bookkeeping = []struct {
	names  func() *regexp.Regexp
	reason string
}{
	{lazy.Regexp(`(^|[./_])num_batches_tracked$`), "a counter of training"},
	{lazy.Regexp(`(^|/)(global_step|save_counter|iterations?|step|learning_rate|beta[12]_power)(/|$)`), "a counter of training"},
	{lazy.Regexp(`(^|/)optimizer(_weights)?/|\.OPTIMIZER_SLOT|/(Momentum|Adam(_\d)?|AdamW|RMSProp(_\d)?|Adagrad|Ftrl(_\d)?)$|^optimizer(_state)?\.`), "the optimizer's state"},
	{lazy.Regexp(`/ExponentialMovingAverage$`), "an average over training, beside the weights themselves"},
	{lazy.Regexp(`(^|/)seed_generator(_\d+)?/|(^|/)seed_generator_state(:0)?$`), "the state of a random generator"},
	{lazy.Regexp(`(^|/)(keras_api/)?(compile_)?metrics/`), "a metric of training"},
	{lazy.Regexp(`^_CHECKPOINTABLE_OBJECT_GRAPH$`), "a note by TensorFlow"},
	{lazy.Regexp(`(^|/)mean_rgb$|(^|[/.])averageImage$`), "the mean of the images, which is preprocessing"},
	{lazy.Regexp(`(^|/)normalization(_\d+)?/`), "a Normalization of the input, which is preprocessing"},
}

// readFile reads the names of a set of weights.
func readFile(set weights.Set) (*file, error) {
	f := &file{set: set, families: map[family][]module{}}
	found := map[label]module{}
	for _, name := range slices.Sorted(maps.Keys(set.Tensors)) {
		if f.keepsBook(name) {
			continue
		}
		l, known := readName(name)
		if !known {
			f.unknown = append(f.unknown, name)
			continue
		}
		m, there := found[l.key()]
		if !there {
			m = module{label: l, tensors: map[part]string{}}
		}
		if first, twice := m.tensors[l.part]; twice {
			return nil, fmt.Errorf("vgg: the weights have two tensors for the %s of one layer, %s and %s", l.part, first, name)
		}
		m.tensors[l.part] = name
		m.kerasParts = m.kerasParts || l.kerasParts
		found[l.key()] = m
	}
	for _, m := range found {
		key := family{m.scheme, m.prefix, m.numbering}
		f.families[key] = append(f.families[key], f.classified(m))
	}
	for _, modules := range f.families {
		slices.SortFunc(modules, func(a, b module) int {
			return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.class, b.class))
		})
	}
	return f, nil
}

func (f *file) keepsBook(name string) bool {
	for _, b := range bookkeeping {
		if b.names().MatchString(name) {
			f.ignored = append(f.ignored, Ignored{name, b.reason})
			return true
		}
	}
	return false
}

// classified resolves what the name leaves open: by the tensors' ranks, and by the names of a batch
// normalization's parts, whose scale PyTorch calls its weight.
func (f *file) classified(m module) module {
	rank := m.rank(f.set)
	_, hasMean := m.tensors[partMean]
	_, hasGamma := m.tensors[partGamma]
	normalizes := m.class == ofNormalization || hasMean || hasGamma || rank == 1 && m.class == ofAnyClass
	switch {
	case normalizes:
		m.class = ofNormalization
		for from, to := range map[part]part{partKernel: partGamma, partBias: partBeta} {
			if name, found := m.tensors[from]; found && m.tensors[to] == "" {
				delete(m.tensors, from)
				m.tensors[to] = name
			}
		}
	case m.class == ofAnyClass && rank == 4:
		m.class = ofConvolution
	case m.class == ofAnyClass && rank == 2:
		m.class = ofDense
	}
	return m
}

// of returns the modules of one class, in order.
func of(modules []module, class classOfLayer) []module {
	var all []module
	for _, m := range modules {
		if m.class == class {
			all = append(all, m)
		}
	}
	return all
}

// describe names a family for people.
func (k family) describe() string {
	if k.prefix == "" {
		return "without a prefix"
	}
	return "under " + strings.TrimRight(k.prefix, "/._")
}
