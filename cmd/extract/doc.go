// Command extract turns folders of images into tables of features.
//
// Usage:
//
//	extract --out DIR [flags] IMAGES...
//
// It runs a pretrained network on every image and stores what a layer computes, with
// path, label and checksum, as Parquet or Arrow files. Run it with --help for its flags.
package main
