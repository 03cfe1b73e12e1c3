// Package guard makes reading and writing through Arrow safe: Arrow panics on some failed writes
// and on damaged files, allocates as much memory as a damaged file claims, and waits forever for
// missing values.
//
// A Parquet file's footer and the headers of its pages are read here first, and compared with the file's size and
// each other, so that what they claim is refused before Arrow allocates it; what Arrow does allocate is charged to
// the file's budget. The kinds of damage by which the process would run out of memory otherwise are the lengths of
// lists in the footer, the numbers of columns, of values and of bytes in the headers of pages, and the lengths that
// compressed pages and encodings of differences repeat.
//
// It knows files and how Arrow behaves. It must not know datasets or tables of images.
package guard
