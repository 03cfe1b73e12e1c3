// Package frames reads files that hold several images in time: animations, videos, scans. It lists their frames
// and gives each as the bytes of an image that package picture decodes, complete as a viewer shows it: over the
// frames before it, where those show through.
//
//	GIF      each frame as Pillow composes it
//	WebP     the same
//	PNG      APNG, the same
//	AVIF     each frame as libavif decodes it, in a process of its own
//	AVI      the JPEGs of a video in Motion JPEG, as they are
//	others   through an installed ffmpeg: OpenVideo
//
// The content decides, never the name. A file with one image, or of any other kind, is ErrSingle: it is read as
// a whole.
//
// The package knows containers and composition. It must not know models, folders or rows: which frames are wanted
// is a Selection, what they are called is up to the caller.
package frames
