package pipeline

import "fovea/picture"

// preprocess is the stage that turns an image's pixels into the model's input values, which it
// writes behind those of the batch. It runs in the goroutine of the batch stage.
func (r *run) preprocess(b *batch, p picture.Picture) {
	size := len(p.Pix) / 3 * r.config.Preprocessing.Depth()
	if b.pixels == nil { // of one size for all batches, since buffers are reused
		b.pixels = r.buffer(size * r.batchSize)
	}
	r.config.Preprocessing.Apply(b.pixels[b.rows*size:(b.rows+1)*size], p.Pix)
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
