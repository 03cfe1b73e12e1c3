// Package tiff reads TIFF and BigTIFF files through an io.ReaderAt, block by block, so that a window
// of a file that is far larger than memory can be had.
//
//	f, err := tiff.Open(r, size)                        // reads 16 bytes
//	f.Codec, f.Spend = ...                              // who decodes JPEG and WebP inside, and counts time
//	pages, err := f.Pages(100)                          // directories, a chain without loops
//	smaller, err := pages[0].Children(100)              // those of its SubIFDs
//	layout, err := pages[0].Layout()                    // sizes, samples, compression; or why it isn't read
//	samples, err := f.Read(layout, image.Rect(...), 3, 2, 1) // a window, of some channels
//
// Directory.Uint, Uints, Floats, Bytes and Text give tags; lists such as those of a million strips
// are read where they are needed and never as a whole. A directory has the first of tags that occur
// twice, and tags in any order.
//
// Samples are as stored: of 1 to 16 bits as bytes or words, others as numbers; colours, palettes,
// and what low numbers mean are up to the caller. Only YCbCr with fewer samples of chroma is spread to
// all pixels, as libtiff does. Read and Blocks work in rows of blocks (strips or tiles) that meet the
// window. Compressions are none, LZW in both orders, PackBits, Deflate, Zstandard, and those of faxes;
// the Codec does JPEG and WebP.
//
// Errors wrap a reason of package fault. What a file says is checked before memory
// is taken: Layout.Memory is what reading will take.
//
// The package knows files and samples. It must not know pixels that people see, nor other formats.
package tiff
