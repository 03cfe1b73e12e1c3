package convolution

import "fovea/inference"

// Methods names the ways to compute in a precision, and says why this processor has not got those that it has not.
func Methods(precision inference.Precision) (names []string, missing []error) {
	for _, m := range methods[precision] {
		name := m.convolution
		if m.engine != nil {
			name += " with " + m.engine.String()
		}
		names, missing = append(names, name), append(missing, m.supported())
	}
	return names, missing
}

// Register makes the operations known to TensorFlow.
func Register() error { return register() }

// AccelerateBy is Accelerate by a certain one of the Methods.
func AccelerateBy(model *inference.Model, which int, options Options) error {
	if err := register(); err != nil {
		return err
	}
	return accelerate(model, methods[model.Precision][which], options)
}
