package pipeline

import "io/fs"

// Item is a picture to be read.
type Item struct {
	// Path names the picture in the results: relative to the argument that it was found
	// under, slash-separated. A file that was itself an argument has its base name.
	Path string
	// File is where to read it, a URL where that is a Store.
	File string
	// Argument is the command-line argument that led to it.
	Argument string
	// Label and Split are empty where there is none.
	Label, Split string
	// Source is what the picture lies in together with others, nil for a file of its own.
	Source Source
	// Index is the picture's place in its source.
	Index int
	// listed is the source's file as it was when it was listed, one for all items of the source.
	listed *watch
	// within is the source's name in the results, with which Path begins.
	within string
	// number is the length of what Path ends with to tell it from others of its name in the source.
	number int
	// root is the Argument, if that is a directory.
	root *root
	// stored is where File is, or that of the source, nil in the file system.
	stored *stored
}

// name is the path without a number that was given to it.
func (i Item) name() string { return i.Path[:len(i.Path)-i.number] }

// root is a directory as it was when it was listed.
type root struct{ fs.FileInfo }

// Row is a picture with its features.
type Row struct {
	Item
	// SHA256 is the hex SHA-256 of the file's bytes.
	SHA256 string
	// Seen is what the bytes were read from.
	Seen Seen
	// Width and Height are in pixels, as stored in the file.
	Width, Height int
	// Features holds one slice per layer.
	Features [][]float32
}

// Stage names where a picture failed.
type Stage string

// The stages that a picture can fail in.
const (
	StageList   Stage = "list"
	StageRead   Stage = "read"
	StageDecode Stage = "decode"
	StageInfer  Stage = "infer"
	StageStore  Stage = "store"
)

// Failure is a picture without features, and why.
type Failure struct {
	Item
	Stage  Stage
	Reason string
	// SHA256 and Seen are those of a Row, where the bytes could be read, or Seen alone where the file
	// could.
	SHA256 string
	Seen   Seen
}

// Extractor computes features. Package inference has the one that runs a network.
type Extractor interface {
	// BatchSize is the largest number of pictures in a call of Extract.
	BatchSize() int
	// Extract takes the preprocessed values of n pictures, NHWC, one after another, and
	// returns one slice per layer with the values of the n pictures one after another.
	Extract(pixels []float32, n int) ([][]float32, error)
}

// SizedExtractor is an Extractor for pictures of any size.
type SizedExtractor interface {
	Extractor
	// ExtractSized is Extract for n pictures of one height and width in pixels.
	ExtractSized(pixels []float32, n, height, width int) ([][]float32, error)
}

// Refusal is the error of a Sink that cannot store a row because of what is in it, and has
// therefore stored none of those given. The row becomes a failure; the others are given again.
type Refusal struct {
	// Row is the place of the first such row among those given.
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
