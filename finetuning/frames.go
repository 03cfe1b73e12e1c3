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
	rank := map[string]int{}
	for i, g := range groups {
		if _, found := rank[g]; !found {
			rank[g] = i
		}
	}
	parent := map[string]string{}
	root := func(g string) string {
		for parent[g] != "" {
			g = parent[g]
		}
		return g
	}
	first := map[string]string{} // a group of each file
	for i, path := range paths {
		file, isPart := fileOf(path)
		if !isPart {
			continue
		}
		a, b := root(groups[i]), first[file]
		if b == "" {
			first[file] = a
			continue
		}
		if b = root(b); rank[a] < rank[b] {
			a, b = b, a
		}
		if a != b {
			parent[a] = b
		}
	}
	if len(parent) == 0 {
		return groups
	}
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = root(g)
	}
	return out
}
