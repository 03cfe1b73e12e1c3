// Package doctor examines what extraction needs from a machine: the library, its devices, the CPU,
// memory, disk and the model. For each problem it says what to do.
//
// It knows machines and the surface of models. It must not know flags or images.
package doctor
