package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/contactsheet"
	"fovea/featurestore"
	"fovea/vectors"
)

// maxSheetGroups bounds the groups that a contact sheet shows.
const maxSheetGroups = 500

type duplicateOptions struct {
	rows      rowFlags
	format    formatFlag
	sheet     sheetFlags
	threshold float64
	exact     bool
}

func newDatasetDuplicates() *cobra.Command {
	var o duplicateOptions
	command := &cobra.Command{
		Use:   "duplicates DIR",
		Short: "Find images that are there more than once, or almost",
		Long: `Duplicates prints groups of rows whose files are the same (by SHA-256), or whose features have
at least --threshold cosine similarity with another of the group: resized, recompressed or
cropped copies, shots of a series. Every row is compared with every other.`,
		Example: "  extract dataset duplicates --threshold 0.97 --html duplicates.html --images photos features",
		Args:    datasetArgument,
		RunE:    onDataset(o.run),
	}
	command.Flags().Float64Var(&o.threshold, "threshold", 0.95, "the least similarity `S` of near duplicates, above 0, at most 1")
	command.Flags().BoolVar(&o.exact, "exact", false, "only files that are the same to the byte")
	o.rows.add(command)
	o.format.add(command)
	o.sheet.add(command)
	return command
}

// duplicateGroup are rows that are alike.
type duplicateGroup struct {
	// Kind is "exact" if all files are the same, else "near".
	Kind string `json:"kind"`
	// Similarity is the least of its rows', each of which is that to the row most like it.
	Similarity float64      `json:"similarity"`
	Rows       []similarRow `json:"rows"`
}

func (o *duplicateOptions) run(ctx context.Context, dir string) error {
	if !(o.threshold > 0 && o.threshold <= 1) {
		return cli.Usagef("--threshold %g: give more than 0, at most 1", o.threshold)
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	if err := o.sheet.validate(); err != nil {
		return err
	}
	d, err := openDataset(dir)
	if err != nil {
		return err
	}
	groups, err := o.find(ctx, d)
	if err != nil {
		return err
	}
	shown := slices.Clone(groups)
	for i := range shown {
		shown[i].Rows = spelledRows(shown[i].Rows)
	}
	if err := o.format.print(shown, func(w io.Writer) error { return printGroups(w, shown) }); err != nil {
		return err
	}
	return o.sheet.write(ctx, o.page(groups))
}

func (o *duplicateOptions) find(ctx context.Context, d *featurestore.Dataset) ([]duplicateGroup, error) {
	layer, scan, err := o.rows.choose(ctx, d)
	if err != nil {
		return nil, err
	}
	var rows []similarRow // in the order of the scan
	var hashes []string
	without := scan
	without.Layers = []string{}
	err = d.Scan(ctx, without, func(b *featurestore.Batch) error {
		for i, r := range b.Rows {
			rows = append(rows, similarRow{Row: b.Index[i], Path: r.Path, Label: r.Label, Similarity: 1})
			hashes = append(hashes, r.SHA256)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	pairs := samePairs(hashes)
	if !o.exact {
		source := vectorsOf(d, layer, scan, nil)
		near, err := vectors.Pairs(ctx, source, vectors.PairOptions{Threshold: o.threshold})
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, near...)
	}
	// A row's similarity is the highest to any other of its group.
	best := map[int]float64{}
	for _, p := range pairs {
		for _, row := range []int{p.A, p.B} {
			best[row] = max(best[row], p.Similarity)
		}
	}
	groups := []duplicateGroup{}
	for _, members := range vectors.Groups(pairs) {
		g := duplicateGroup{Kind: "exact", Similarity: 1}
		for _, row := range members {
			if hashes[row] != hashes[members[0]] || hashes[row] == "" {
				g.Kind = "near"
			}
			g.Similarity = min(g.Similarity, best[row])
			r := rows[row]
			r.Similarity = best[row]
			g.Rows = append(g.Rows, r)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// samePairs pairs each row with the first that has the same hash.
func samePairs(hashes []string) []vectors.Pair {
	var pairs []vectors.Pair
	first := map[string]int{}
	for row, hash := range hashes {
		if at, ok := first[hash]; ok && hash != "" {
			pairs = append(pairs, vectors.Pair{A: at, B: row, Similarity: 1})
		} else {
			first[hash] = row
		}
	}
	return pairs
}

func printGroups(w io.Writer, groups []duplicateGroup) error {
	if len(groups) == 0 {
		fmt.Fprintln(w, "no duplicates")
		return nil
	}
	table := newTable(w)
	fmt.Fprintln(table, "GROUP\tKIND\tSIMILARITY\tROW\tPATH\tLABEL")
	for i, g := range groups {
		for _, r := range g.Rows {
			fmt.Fprintf(table, "%d\t%s\t%.6f\t%d\t%s\t%s\n", i+1, g.Kind, r.Similarity, r.Row, r.Path, r.Label)
		}
	}
	return table.Flush()
}

func (o *duplicateOptions) page(groups []duplicateGroup) contactsheet.Sheet {
	sheet := contactsheet.Sheet{
		Title: plural(len(groups), "group") + " of duplicates",
		Notes: []string{fmt.Sprintf("Files that are the same, or features with a cosine similarity of at least %g.", o.threshold)},
	}
	if o.exact {
		sheet.Notes = []string{"Files that are the same."}
	}
	if len(groups) > maxSheetGroups {
		sheet.Notes = append(sheet.Notes, fmt.Sprintf("The first %d are shown.", maxSheetGroups))
		groups = groups[:maxSheetGroups]
	}
	for i, g := range groups {
		shown := contactsheet.Group{Title: fmt.Sprintf("%d: %s, %s", i+1, plural(len(g.Rows), "image"), g.Kind)}
		for _, r := range g.Rows {
			shown.Pictures = append(shown.Pictures, o.sheet.picture(r.Path, fmt.Sprintf("%.4f %s", r.Similarity, featurestore.EscapeText(r.Label))))
		}
		sheet.Groups = append(sheet.Groups, shown)
	}
	return sheet
}
