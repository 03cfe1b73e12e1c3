// Package jpegxl reads the headers of JPEG XL files and codestreams: how large the image is, of which samples, how it is
// to be turned, and whether the boxes around it are whole. It decodes nothing, so it is safe to ask before the decoder is
// let near a file.
//
// The package knows boxes and the image's header (ISO/IEC 18181-1, -2). It must not know pixels.
package jpegxl
