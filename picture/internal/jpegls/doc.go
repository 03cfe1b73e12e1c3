// Package jpegls decodes JPEG-LS (ISO/IEC 14495-1, ITU-T T.87), lossless and near-lossless: samples of
// 2 to 16 bits, up to four components of one size, interleaved by samples, by lines or not at all,
// restart intervals, preset parameters, and sizes beyond 65,535 or after the scan.
//
// It gives the samples as they are stored, and doesn't convert colours: one component is grey, three
// are RGB, as CharLS has it, by which it is tested. Mapping tables, point transforms, the
// colour transforms of HP's encoder and components that are smaller than others are a fault.ErrUnsupported.
//
// The package knows JPEG-LS. It must not know sizes, colours or models that its caller wants.
package jpegls
