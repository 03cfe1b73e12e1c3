// Command extract turns folders of images into tables of features.
//
// Usage:
//
//	extract --out DIR [flags] IMAGES...
//	extract dataset COMMAND [flags] DIR...
//	extract model COMMAND [flags] [MODEL]
//	extract doctor [flags]
//
// It runs a pretrained network on every image and stores what a layer computes, with
// path, label and checksum, as Parquet or Arrow files. The other commands work on such datasets and on
// models, and examine the machine. Run it with --help for its flags.
package main
