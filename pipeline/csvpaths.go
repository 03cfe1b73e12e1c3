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
		if p.Labels[i], p.Splits[i], p.Found[i] = label.label, label.split, found; found {
			used[key] = true
		} else if demanded == nil || demanded(i) {
			if missing == 0 {
				first = path
			}
			missing++
		}
	}
	if len(used) == 0 && len(paths) > 0 {
		missing, first = len(paths), paths[0]
	}
	if missing > 0 {
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
