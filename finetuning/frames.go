package finetuning

import "strings"

// fileOf is the file that a row is a part of, by its path: FILE#3 is a frame, FILE#224,448 a tile. Other rows are files.
func fileOf(path string) (file string, isPart bool) {
	at := strings.LastIndexByte(path, '#')
	if at < 0 {
		return path, false
	}
	x, y, tile := strings.Cut(path[at+1:], ",")
	if !digits(x) || tile && !digits(y) {
		return path, false
	}
	return path[:at], true
}

// digits says whether a text is a whole number.
func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// together joins the groups of rows that are parts of one file. Groups keep the name of that which comes first.
func together(groups, paths []string) []string {
	files := make([]string, len(paths))
	for i, path := range paths {
		if file, isPart := fileOf(path); isPart {
			files[i] = file
		}
	}
	return joinGroups(groups, files)
}
