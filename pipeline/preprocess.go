package pipeline

import "fovea/picture"

// preprocess is the stage that turns an image's pixels into the model's input values, which it
// writes behind those of the batch. It runs in the goroutine of the batch stage.
//
// Doing this in the decode workers instead was measured with BenchmarkRun. The values, four times
// the memory of the pixels, must then be copied into the batch: a 224x224 JPEG took 690-820 µs of
// CPU time instead of 620-725 µs on two cores of a Xeon, and no less time overall. One goroutine
// preprocesses 5,000 to 6,500 such images a second (BenchmarkPreprocess); if a model is ever
// faster, that is the limit to lift.
func (r *run) preprocess(b *batch, s *slot) {
	pictures := s.pictures
	if pictures == nil {
		pictures = []picture.Picture{s.picture}
	}
	sizes, size := make([]int, len(pictures)), 0
	for i, p := range pictures {
		sizes[i] = len(p.Pix) / 3 * r.inputs[i].Preprocessing.Depth()
		size += sizes[i]
	}
	if b.pixels == nil { // of one size for all batches, since buffers are reused
		b.pixels = r.buffer(size * r.batchSize)
	}
	values := b.pixels[b.rows*size : (b.rows+1)*size]
	for i, p := range pictures {
		r.inputs[i].Preprocessing.Apply(values[:sizes[i]], p.Pix)
		values = values[sizes[i]:]
	}
}

// buffer reuses an input buffer or makes one.
func (r *run) buffer(size int) []float32 {
	select {
	case buffer := <-r.buffers:
		return buffer
	default:
		return make([]float32, size)
	}
}
