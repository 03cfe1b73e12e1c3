// Package dicom reads what is an image in a DICOM file: how its samples are stored, what their values are, and the bytes
// of each frame, as they are encoded. Single frames can be written as files of their own.
//
// Implicit and explicit VR, both byte orders, deflated data sets, files without preamble or meta header, offset tables of
// every kind. Patients, studies and everything else that is not about pixels is passed over and never kept.
//
// The package knows files and samples. It must not know codecs but RLE, colours, or what pixels are for: sizes of
// models, limits.
package dicom
