// Package picture turns the bytes of a picture file into a model's input, in one direction:
//
//	decode -> orient -> resize -> normalize
//
// The content decides about the format, never the file's name. The header is read first,
// so that a picture of a hostile size is refused before memory is taken for it. EXIF
// orientation is applied; colour profiles are left alone; an alpha channel is dropped, as
// Pillow's convert("RGB") does.
//
// Pixels come out as Pillow's do, which is what Keras and torchvision read pictures with:
// JPEG chroma is upsampled and converted as libjpeg does by default, and the filters of
// Pillow's resize are computed in its fixed-point arithmetic, antialiased.
//
// The package knows picture formats and pixel arithmetic. It must not know models.
package picture
