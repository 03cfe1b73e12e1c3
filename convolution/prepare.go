package convolution

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"fovea/inference"
	"fovea/internal/mapped"
)

// Kernel is the kernel of a convolution, known by the name of the variable that a graph will keep it in.
type Kernel struct {
	Variable string
	Shape    []int // HWIO
	// Decode writes the values, in row-major order.
	Decode func(values []float32) error
	// Sum, if set, is a checksum of all that Decode reads: by it, transformed kernels are kept.
	Sum func() string
}

// Kept is where transformed kernels are kept for later processes. The zero value keeps none.
type Kept struct {
	mapped.Dir
	// Program is the build that transforms them: what another one has kept is not used.
	Program string
}

// Prepared are kernels that are transformed while there is no graph yet, such as while TensorFlow is being loaded.
// They are for one model, by Options.Prepared. Close frees those that no model took.
type Prepared struct {
	engine  *engine // nil if nothing is prepared
	kept    Kept
	kernels []Kernel
	workers sync.WaitGroup
	// numbers are those of ready.h, by variable; guarded by mutex until the workers are done.
	mutex   sync.Mutex
	numbers map[string]int64
	taken   int
}

// Prepare starts to transform kernels of 3x3 for a model that will compute in that precision on the CPU, and returns
// at once. Kernels that it cannot transform, since they are of other sizes, cannot be decoded, or the precision has no
// such method, are left to Accelerate. Those that an earlier process has kept are not transformed again.
func Prepare(precision inference.Precision, kernels []Kernel, kept Kept) *Prepared {
	p := &Prepared{kept: kept, numbers: map[string]int64{}}
	m, err := fastestMethod(cmp.Or(precision, inference.Float32))
	if err != nil || m.engine == nil {
		return p
	}
	p.engine = m.engine
	kernels = slices.DeleteFunc(slices.Clone(kernels), func(k Kernel) bool {
		return len(k.Shape) != 4 || k.Shape[0] != 3 || k.Shape[1] != 3 || k.size() == 0 || !m.suits(int64(k.Shape[2]), int64(k.Shape[3]))
	})
	slices.SortFunc(kernels, func(a, b Kernel) int { return b.size() - a.size() })
	p.kernels = kernels
	var next atomic.Int64
	// One core is left to what loads TensorFlow meanwhile, which takes longer and cannot be shared.
	for range min(max(1, runtime.GOMAXPROCS(0)-1), len(kernels)) {
		p.workers.Go(func() {
			var values []float32 // kept: garbage of this size would cost as much as the work
			for i := int(next.Add(1)) - 1; i < len(kernels); i = int(next.Add(1)) - 1 {
				values = p.add(kernels[i], values)
			}
		})
	}
	return p
}

func (k Kernel) size() int { return k.Shape[0] * k.Shape[1] * k.Shape[2] * k.Shape[3] }

// add makes a kernel ready, if it can. It returns values, which are larger if it had to decode more.
func (p *Prepared) add(k Kernel, values []float32) []float32 {
	key := p.key(k)
	number := p.load(k, key)
	if number == 0 {
		values = slices.Grow(values[:0], k.size())[:k.size()]
		number = p.transform(k, key, values)
	}
	if number != 0 {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.numbers[k.Variable] = number
	}
	return values
}

// load is the number of a kernel that an earlier process has kept, 0 if none did.
func (p *Prepared) load(k Kernel, key string) int64 {
	if key == "" {
		return 0
	}
	packed := p.kept.Find(key, packedSize(*p.engine, k.Shape[2], k.Shape[3]))
	if packed == nil {
		return 0
	}
	return keepReady(packed)
}

// transform decodes a kernel into values and transforms it, if it can, and keeps it for later processes.
func (p *Prepared) transform(k Kernel, key string, values []float32) int64 {
	if k.Decode(values) != nil {
		return 0
	}
	number := packReady(*p.engine, k.Shape[2], k.Shape[3], values)
	if number != 0 && key != "" {
		_ = p.kept.Keep(key, lookReady(number)) // where nothing can be kept, later processes transform it themselves
	}
	return number
}

// key names what a transformed kernel depends on: its values, the processor's instructions, and the program. It is "" if
// the kernel is not to be kept.
func (p *Prepared) key(k Kernel) string {
	if p.kept.Path == "" || p.kept.Program == "" || k.Sum == nil {
		return ""
	}
	return mapped.Key(p.kept.Program, strconv.FormatBool(p.engine.whole), p.engine.String(), fmt.Sprint(k.Shape), k.Sum())
}

// number is that of a variable's kernel as a method needs it, 0 if it is not here. It waits for the work to end.
func (p *Prepared) number(m method, variable string) int64 {
	if p == nil || p.engine == nil || m.engine == nil || p.engine.whole != m.engine.whole {
		return 0
	}
	p.workers.Wait()
	number := p.numbers[variable]
	if number != 0 {
		p.taken++
	}
	return number
}

// Variables are those whose kernels are transformed, unless they cannot be decoded or there is not enough memory.
func (p *Prepared) Variables() map[string]bool {
	if p == nil {
		return nil
	}
	names := make(map[string]bool, len(p.kernels))
	for _, k := range p.kernels {
		names[k.Variable] = true
	}
	return names
}

// Taken says whether a model took all of them.
func (p *Prepared) Taken() bool { return p.taken == len(p.kernels) }

// Close frees the kernels that no model took, after their transformation, for which it waits. Of nil it does nothing.
func (p *Prepared) Close() {
	if p == nil {
		return
	}
	p.workers.Wait()
	for _, number := range p.numbers {
		dropReady(number)
	}
	p.numbers = nil
}

// preparedNumber is that of the prepared kernel of a convolution, 0 if there is none: the kernel must be the variable's
// value as it is.
func (r *rewriter) preparedNumber(c convolution) int64 {
	if c.kind != filtered || c.scaled() || c.form != nil {
		return 0
	}
	read := r.nodes[inference.Producer(c.kernel)]
	if read.GetOp() != "ReadVariableOp" {
		return 0
	}
	return r.prepared.number(r.method, string(r.nodes[inference.Producer(read.GetInput()[0])].GetAttr()["shared_name"].GetS()))
}
