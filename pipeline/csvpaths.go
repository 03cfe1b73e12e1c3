package pipeline

import (
	"fmt"

	"fovea/internal/spelling"
)

// labelPaths is Label for paths. A table that has none of them is an error, too.
func (c CSVLabels) labelPaths(p *PathLabels, paths []string, demanded func(i int) bool) error {
	table, err := c.read()
	if err != nil {
		return err
	}
	used := make(map[string]bool, len(paths))
	missing, first := 0, ""
	for i, path := range paths {
		key := path
		label, found := table[key]
		if shown := spelling.Spell(path); !found && shown != path {
			if label, found = table[shown]; found {
				key = shown
			}
		}
		if found && used[key] {
			return fmt.Errorf("pipeline: %s: the row of %s could mean two images, one of them %q: rename one of them", c.File, key, path)
		}
		p.Labels[i], p.Splits[i], p.Found[i] = label.label, label.split, found
		if found {
			used[key] = true
			continue
		}
		missing++
		if first == "" && (demanded == nil || demanded(i)) {
			first = path
		}
	}
	if first == "" && len(used) == 0 && missing > 0 {
		first = paths[0]
	}
	if first != "" {
		return &MissingLabels{missing, fmt.Errorf("pipeline: %s lacks %d of %d images, the first is %s: %s", c.File, missing, len(paths), spelling.Spell(first), hintMissing(table, first))}
	}
	for path, label := range table {
		p.HasSplits = p.HasSplits || label.split != ""
		if !used[path] {
			p.Unused++
			if p.FirstUnused == "" || path < p.FirstUnused {
				p.FirstUnused = path
			}
		}
	}
	return nil
}
