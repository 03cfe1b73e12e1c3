package weights

import "fmt"

// readONNX refuses until the graph can be followed.
func readONNX(string) (Set, error) {
	return Set{}, fmt.Errorf("%w: it is an ONNX model, which cannot be read: save the weights as safetensors", ErrFormat)
}
