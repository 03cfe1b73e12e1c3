// Package picture turns the bytes of an image file into a model's input, in one direction:
//
//	decode -> orient -> resize -> normalize
//
// The content decides about the format, never the file's name. The header is read first, so that an
// image of hostile size is refused before memory is allocated for it. The orientation in EXIF, or
// else in XMP, is applied; colour profiles are ignored; an alpha channel is dropped, as by Pillow's
// convert("RGB"), or blended with a background.
//
// Pixels are identical to Pillow's, with which Keras and torchvision read images, bit for bit:
// JPEGs have libjpeg's cosine transform, chroma upsampling and colour conversion, WebPs have
// libwebp's, and the filters of Pillow's resize are computed in its fixed-point arithmetic,
// antialiased. The goldens in testdata/picture prove this for every format, and so do sums of
// Pillow's pixels for 2,002 photos and for the test images of Go and Pillow. Samples
// of more than 8 bits become bytes by a Range. By default the high byte of 16 bits is kept; for grey
// that differs from Pillow, which clips it to white.
//
// An image can be decoded into several views: with its mirror image, as ten crops, or whole at
// several scales (Views, DecodeDense). The inner loops are in internal/kernel, in Go and in AVX2
// assembly, with identical results.
//
// Not decoded are JPEGs with hierarchical or lossless arithmetic coding; TIFFs with JPEG 2000, LERC or LZMA
// inside; HEIF that is not coded by HEVC; and DICOM and raw files, which the error names.
// RecognizeForeign recognizes such kinds by the beginning of a file. Progressive JPEGs that lack
// their last scans count as truncated. Of animations and multi-page TIFFs the first image is used.
//
// AVIF and HEIC are decoded by C libraries in processes of their own (internal/codec); their
// structure is read in Go before that (internal/heif).
//
// Before pixels are decoded, the memory that this takes is computed by the header, for the decoder
// of each format, and compared with the limits and with the file; Estimate returns it. The decoders
// run in the caller's goroutine and read from a reader that ends when MaxTime, of the processor's
// time, is over; those that are fed at once are bounded by their pixels.
//
// The package knows image formats and pixel arithmetic. It must not know models, and it reads no
// files: names and folders are up to the caller.
package picture
