package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/app/cli"
	"fovea/inputs"
	"fovea/objects"
	"fovea/pipeline"
)

// maxLine bounds a line of standard input: no system has longer paths.
const maxLine = 1 << 20

// list finds the pictures to predict. Files come in the order in which they are given, then
// what is in directories. "-" stands for the paths in stdin, one a line, where a path that
// cannot be read is a row with an error rather than the end.
func list(ctx context.Context, images []string, stdin io.Reader) (pipeline.Listing, error) {
	var listing pipeline.Listing
	var directories []string
	add := func(path string, isDirectory bool) {
		if isDirectory {
			directories = append(directories, path)
			return
		}
		listing.Items = append(listing.Items, pipeline.Item{Path: filepath.ToSlash(path), File: path, Argument: path})
	}
	images, err := cli.LocalPaths(images)
	if err != nil {
		return listing, err
	}
	for i, argument := range images {
		if objects.IsURL(argument) {
			directories = append(directories, argument)
			continue
		}
		if argument == "-" {
			for _, other := range images[i+1:] {
				if other == "-" {
					return listing, cli.Usagef("- names standard input, which can be read only once")
				}
			}
			if err := readPaths(stdin, add); err != nil {
				return listing, err
			}
			continue
		}
		info, err := os.Stat(argument)
		if err != nil {
			return listing, fmt.Errorf("cannot open the image: %w", err)
		}
		add(argument, info.IsDir())
	}
	if len(directories) > 0 {
		found, err := inputs.Finder().List(ctx, directories, nil)
		inputs.TellOthers(found.Others)
		if err != nil {
			return listing, err
		}
		listing.Items = append(listing.Items, found.Items...)
		listing.Failures, listing.Others = found.Failures, found.Others
	}
	if len(listing.Items) == 0 {
		return listing, fmt.Errorf("%w: standard input names none: write one path a line", pipeline.ErrNoPictures)
	}
	return listing, nil
}

func readPaths(stdin io.Reader, add func(path string, isDirectory bool)) error {
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		path := strings.TrimSuffix(lines.Text(), "\r")
		if path == "" {
			continue
		}
		if local, err := cli.LocalPath(path); err == nil {
			path = local
		}
		info, err := os.Stat(path)
		add(path, err == nil && info.IsDir())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the paths from standard input: %w: write one path a line", err)
	}
	return nil
}
