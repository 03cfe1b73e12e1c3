// Package picture turns the bytes of a picture file into a model's input, in one direction:
//
//	decode -> orient -> resize -> normalize
//
// The content decides about the format, never the file's name. The header is read first,
// so that a picture of a hostile size is refused before memory is taken for it. The
// orientation in EXIF, or else in XMP, is applied; colour profiles are left alone; an alpha
// channel is dropped, as Pillow's convert("RGB") does, or blended with a background.
//
// Pixels come out as Pillow's do, bit for bit, which is what Keras and torchvision read
// pictures with: JPEGs have libjpeg's cosine transform, its chroma enlargement and its
// conversion, WebPs have libwebp's, and the filters of Pillow's resize are computed in its
// fixed-point arithmetic, antialiased. The goldens in testdata/picture prove it for every
// format, and sums of Pillow's pixels for 2,002 photos and for the test pictures of Go and
// Pillow. Of 16-bit samples the high byte is kept; for 16-bit grey that deviates from
// Pillow, which clips it to white.
//
// A picture can be had in several views: with its mirror image, as ten crops, or whole at
// several scales (Views, DecodeDense). The inner loops are in internal/kernel, in Go and in
// AVX2 assembly, with the same results.
//
// Not decoded are JPEGs with arithmetic coding, 12 bits or without loss, BMPs with run
// lengths or bit masks, TIFFs with planes, CMYK, JPEG or float samples, more than four of them, or
// two-dimensional Group 3 faxes, and HEIC, AVIF, DICOM and raw files, which are named in the
// error; RecognizeForeign names kinds by the beginning of a file. Progressive JPEGs that lack their last scans count as
// truncated. Of animations and of TIFFs of several pages the first picture is
// taken.
//
// The package knows picture formats and pixel arithmetic. It must not know models, and it
// reads no files: names and folders are the caller's.
package picture
