// Package fault has the reasons why files yield no image. All decoders share them, so that nobody has to translate.
//
// It knows reasons. It must not know formats.
package fault
