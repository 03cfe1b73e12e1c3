// Package boxes splits files into the boxes that HEIF, JPEG 2000 and JPEG XL consist of (ISO/IEC 14496-12 and 15444-1).
//
// It knows how a box begins and ends. It must not know what is in one.
package boxes
