// Package heif reads the structure of HEIF files, HEIC and AVIF among them: which image is to be shown, how large it
// is, how it is coded, cropped and turned, and where its data ends. It decodes nothing, so it is safe to ask before the
// decoder is let near a file.
//
// The primary image is what counts: thumbnails, depth maps, gain maps and the other images of a collection are not
// looked at. Of an animated AVIF it is the first frame of the track.
//
// The package knows boxes, items and properties (ISO/IEC 14496-12, 23008-12). It must not know pixels.
package heif
