// Package jpeg decodes JPEG files to the planes of samples that libjpeg's decoder arrives
// at, bit for bit: sequential and progressive Huffman-coded files of 8 bits a sample, of
// one, three or four components.
//
// It exists beside the standard library's image/jpeg for three reasons. Its inverse cosine
// transform is libjpeg's accurate integer one, so that pictures have the pixels that
// Pillow, Keras and torchvision show to a model; the standard library's rounds
// differently. It takes files that the standard library refuses (progressive ones with
// restart markers, four components without Adobe's note, sampling factors of 3). And a
// Decoder keeps its memory from one picture to the next.
//
// The package stops at planes: enlarging chroma and converting colours is the caller's.
// Arithmetic coding, lossless and hierarchical files and 12 bits are ErrUnsupported.
//
// The package knows JPEG. It must not know sizes, colours or models that its caller wants.
package jpeg
