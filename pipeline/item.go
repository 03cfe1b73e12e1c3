package pipeline

import (
	"io/fs"

	"fovea/picture"
)

// Item is an image to be read.
type Item struct {
	// Path names the image in the results: relative to the argument under which it was found,
	// slash-separated. A file that was itself an argument has its base name.
	Path string
	// File is where to read it; a URL if that is in a Store.
	File string
	// Argument is the command-line argument that led to it.
	Argument string
	// Label and Split are empty where there is none.
	Label, Split string
	// Labelled says that the image's source knows labels, so that an empty Label means that this image has none.
	Labelled bool
	// Group is that of the rows which stay together wherever rows are divided; empty where there is none, or where it is
	// only known once the image has been read.
	Group string
	// Source is the archive or table that contains the image, nil for a file of its own.
	Source Source
	// Index is the image's position in its source.
	Index int
	// listed is the state of the source's file when it was listed, shared by all items of the source.
	listed *watch
	// within is the name of the source in the results; Path begins with it.
	within string
	// number is the length of the suffix of Path that distinguishes equal names in a source, or parts of a file.
	number int
	// root is the Argument, if that is a directory.
	root *root
	// stored says where File, or the file of the source, is in a store; nil in the file system.
	stored *stored
}

// name is the path without the number that was appended to it.
func (i Item) name() string { return i.Path[:len(i.Path)-i.number] }

// isPart says that the item is a part of a file, such as a frame.
func (i Item) isPart() bool { return i.number > 0 && len(i.Path)-i.number == len(i.within) }

// InStore reports whether reading the item takes requests to a Store.
func (i Item) InStore() bool { return i.stored != nil }

// root is the state of a directory when it was listed.
type root struct{ fs.FileInfo }

// Row is an image with its features.
type Row struct {
	Item
	// SHA256 is the hex SHA-256 of the file's bytes.
	SHA256 string
	// Seen identifies what the bytes were read from.
	Seen Seen
	// Width and Height are in pixels, as stored in the file.
	Width, Height int
	// Transparent is as in picture.Picture: the image has transparent pixels, and its alpha was dropped.
	Transparent bool
	// Faint is as in picture.Picture: the image uses little of the range of its samples, of more than 8 bits each.
	Faint bool
	// Georeference is the image's, if Config.Facts asks for it and there is one.
	Georeference *picture.Georeference
	// Features holds one slice per layer.
	Features [][]float32
}

// Stage names where an image failed.
type Stage string

// The stages in which an image can fail.
const (
	StageList   Stage = "list"
	StageRead   Stage = "read"
	StageDecode Stage = "decode"
	StageInfer  Stage = "infer"
	StageStore  Stage = "store"
	// StageTime is decoding that took longer than Config allows: another try may do.
	StageTime Stage = "time"
	// StageLibrary is decoding for which this machine lacks the library or cannot start it: another try may do.
	StageLibrary Stage = "library"
)

// Passes says that an image which failed in this stage is tried again on the next occasion: the failure says nothing
// about its file.
func (s Stage) Passes() bool { return s == StageTime || s == StageLibrary }

// Failure is an image without features, and the reason.
type Failure struct {
	Item
	Stage  Stage
	Reason string
	// SHA256 and Seen are as in a Row if the bytes could be read; Seen alone if only the file could
	// be opened.
	SHA256 string
	Seen   Seen
}

// Extractor computes features. Package inference has the one that runs a network.
type Extractor interface {
	// BatchSize is the largest number of images in a call of Extract.
	BatchSize() int
	// Extract takes the preprocessed values of n images, NHWC, and returns one slice per layer
	// with the values of the n images one after another.
	Extract(pixels []float32, n int) ([][]float32, error)
}

// SizedExtractor is an Extractor for images of any size.
type SizedExtractor interface {
	Extractor
	// ExtractSized is Extract for n images of the given height and width in pixels.
	ExtractSized(pixels []float32, n, height, width int) ([][]float32, error)
}

// Refusal is the error of a Sink that cannot store a row because of its values, and has therefore
// stored none of the rows of that call. The row becomes a failure; the others are given again.
type Refusal struct {
	// Row is the index of the first such row.
	Row int
	Err error
}

func (e *Refusal) Error() string { return e.Err.Error() }

func (e *Refusal) Unwrap() error { return e.Err }

// Sink takes the results in the order of the items. Its methods are called from one
// goroutine. An error ends the run, unless it is a *Refusal of Append.
type Sink interface {
	Append(rows []Row) error
	Fail(failure Failure) error
}
