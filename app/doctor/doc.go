// Package doctor examines whether a machine has what extraction needs: TensorFlow's library, its devices, CPU,
// memory, disk space and a model that runs. For each problem it says what to do.
//
// It knows machines, and how to open and run a model. It must not know flags, images or datasets.
package doctor
