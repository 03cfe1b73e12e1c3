// Package jpeg decodes JPEG files to the planes of samples that libjpeg-turbo's decoder arrives
// at, bit for bit: sequential and progressive files of 8 and 12 bits a sample, with Huffman or
// arithmetic coding, and lossless ones (Huffman-coded) of 2 to 16 bits, of one, three or four
// components. Files without Huffman tables have the standard's, as those of webcams and in AVI do.
//
// It exists beside the standard library's image/jpeg for three reasons. Its inverse cosine
// transform is libjpeg's accurate integer one, so that pictures have the pixels that
// Pillow, Keras and torchvision show to a model; the standard library's rounds
// differently. It takes files that the standard library refuses (progressive ones with
// restart markers, four components without Adobe's note, sampling factors of 3). And a
// Decoder keeps its memory from one picture to the next.
//
// The package stops at planes: enlarging chroma and converting colours is the caller's. Planes of
// 8 bits are Plane.Pix, all others Plane.Deep. DecodeSamples gives all as Deep, as stored, for
// DICOM, which has its own ideas of colours and signs. DecodeAbbreviated takes tables that stand
// apart, as in TIFF. Hierarchical files and lossless arithmetic coding are a fault.ErrUnsupported.
//
// Sequential Huffman-coded files of 8 bits, nearly all there are, are decoded block by block to
// samples (scan.go). All others but lossless ones keep their coefficients until the last scan
// (progressive.go, arithmeticscan.go), which makes them slower and the code short.
//
// The package knows JPEG. It must not know sizes, colours or models that its caller wants.
package jpeg
