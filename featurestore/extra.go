package featurestore

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/recipe"
)

// Extra names columns that a dataset has only if it was asked for them. They stand between those of every dataset and the
// vectors.
type Extra string

// The columns on request, in their order.
const (
	// ExtraGroup is the column group: Row.Group.
	ExtraGroup Extra = "group"
	// ExtraGeoreference are the columns crs, x_min, y_min, x_max and y_max: Row.Georeference.
	ExtraGeoreference Extra = "georeference"
)

var allExtras = []Extra{ExtraGroup, ExtraGeoreference}

// Georeference says where on the earth an image lies.
type Georeference struct {
	// CRS is the coordinate reference system, such as "EPSG:32633"; "", which is stored as null, if it is unknown.
	CRS string
	// XMin to YMax are the bounds of the image in the CRS: x is the easting or the longitude, y the northing or the latitude.
	// Those of an image that does not lie along the axes are the bounds of its corners.
	XMin, YMin, XMax, YMax float64
}

// ErrBounds means that the bounds of a row's georeference are not those of an area.
var ErrBounds = errors.New("bounds that enclose nothing")

func (g Georeference) check() error {
	for _, v := range []float64{g.XMin, g.YMin, g.XMax, g.YMax} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: %g", ErrBounds, v)
		}
	}
	if g.XMin > g.XMax || g.YMin > g.YMax {
		return fmt.Errorf("%w: %g to %g, %g to %g", ErrBounds, g.XMin, g.XMax, g.YMin, g.YMax)
	}
	return nil
}

// checkExtra returns a *RowError for values that the dataset has no columns for, or that cannot be stored.
func (i Info) checkExtra(r *Row) error {
	switch {
	case r.Group != "" && !slices.Contains(i.Extra, ExtraGroup):
		return &RowError{Path: r.Path, Err: errors.New("it has a group, and the dataset no such column")}
	case r.Georeference == nil:
		return nil
	case !slices.Contains(i.Extra, ExtraGeoreference):
		return &RowError{Path: r.Path, Err: errors.New("it has a georeference, and the dataset no such columns")}
	}
	if err := r.Georeference.check(); err != nil {
		return &RowError{Path: r.Path, Err: err}
	}
	return nil
}

// validateExtra checks the set of columns on request: known ones, in order, each once.
func validateExtra(extra []Extra) error {
	rest := allExtras
	for _, e := range extra {
		at := slices.Index(rest, e)
		if at < 0 {
			return fmt.Errorf("columns on request %q: want some of %q, in this order", extra, allExtras)
		}
		rest = rest[at+1:]
	}
	return nil
}

// joinExtra is how a shard's footer and messages name a set of them, and parseExtra reads it.
func joinExtra(extra []Extra) string {
	names := make([]string, len(extra))
	for i, e := range extra {
		names[i] = string(e)
	}
	return strings.Join(names, ",")
}

func parseExtra(text string) (extra []Extra, err error) {
	if text == "" {
		return nil, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		extra = append(extra, Extra(name))
	}
	return extra, validateExtra(extra)
}

// extraDifferences lists in what two datasets differ besides their recipes.
func (m Manifest) extraDifferences(other Manifest) (found []recipe.Difference) {
	add := func(field, have, got string) {
		if have != got {
			found = append(found, recipe.Difference{Field: field, Have: orNone(have), Got: orNone(got)})
		}
	}
	add(fieldExtra, joinExtra(m.ExtraColumns), joinExtra(other.ExtraColumns))
	if len(found) == 0 {
		add(fieldGrouping, m.Grouping, other.Grouping)
	}
	return found
}

// What differs in extraDifferences.
const (
	fieldExtra    = "columns on request"
	fieldGrouping = "groups"
)

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// extraRemedy says how to continue a dataset that was refused because of such columns.
func extraRemedy(found []recipe.Difference) string {
	if !differIn(found, fieldExtra) && !differIn(found, fieldGrouping) {
		return ""
	}
	return "; give --group-by, --group-key and --georeference as the dataset was made, or replace it with --overwrite"
}

// mergeRemedy says how to make two datasets alike that differ in such columns.
func mergeRemedy(found []recipe.Difference) string {
	if !differIn(found, fieldExtra) && !differIn(found, fieldGrouping) {
		return ""
	}
	return ": extract one of them again with the --group-by, --group-key and --georeference of the other"
}

// plainColumn is a column in front of the vectors. It has one of the functions.
type plainColumn struct {
	name     string
	nullable bool
	// repeats means that values repeat, so that they get a dictionary. A revision may change those that are revised.
	repeats, revised bool

	text   func(*Row) string
	count  func(*Row) int32
	number func(*Georeference) float64
}

var fixedPlain = []plainColumn{
	{name: columnPath, revised: true, text: func(r *Row) string { return r.Path }},
	{name: columnLabel, nullable: true, repeats: true, revised: true, text: func(r *Row) string { return r.Label }},
	{name: columnSplit, nullable: true, repeats: true, revised: true, text: func(r *Row) string { return r.Split }},
	{name: columnSHA256, text: func(r *Row) string { return r.SHA256 }},
	{name: columnWidth, count: func(r *Row) int32 { return r.Width }},
	{name: columnHeight, count: func(r *Row) int32 { return r.Height }},
}

var extraPlain = map[Extra][]plainColumn{
	ExtraGroup: {
		{name: columnGroup, nullable: true, repeats: true, revised: true, text: func(r *Row) string { return r.Group }},
	},
	ExtraGeoreference: {
		{name: columnCRS, nullable: true, repeats: true, text: crsOf},
		{name: columnXMin, nullable: true, number: func(g *Georeference) float64 { return g.XMin }},
		{name: columnYMin, nullable: true, number: func(g *Georeference) float64 { return g.YMin }},
		{name: columnXMax, nullable: true, number: func(g *Georeference) float64 { return g.XMax }},
		{name: columnYMax, nullable: true, number: func(g *Georeference) float64 { return g.YMax }},
	},
}

func crsOf(r *Row) string {
	if r.Georeference == nil {
		return ""
	}
	return r.Georeference.CRS
}

// plainColumns are all columns of a dataset in front of the vectors.
func plainColumns(extra []Extra) []plainColumn {
	if len(extra) == 0 {
		return fixedPlain
	}
	columns := slices.Clone(fixedPlain)
	for _, e := range extra {
		columns = append(columns, extraPlain[e]...)
	}
	return columns
}

// plainNames are their names.
func plainNames(extra []Extra) []string {
	names := slices.Clone(fixedColumns)
	for _, e := range extra {
		for _, c := range extraPlain[e] {
			names = append(names, c.name)
		}
	}
	return names
}

func (c plainColumn) dataType() arrow.DataType {
	switch {
	case c.count != nil:
		return arrow.PrimitiveTypes.Int32
	case c.number != nil:
		return arrow.PrimitiveTypes.Float64
	}
	return arrow.BinaryTypes.String
}

// array is the column of some rows.
func (c plainColumn) array(rows []Row, mem memory.Allocator) arrow.Array {
	switch {
	case c.count != nil:
		return countArray(rows, mem, c.count)
	case c.number != nil:
		return boundArray(rows, mem, c.number)
	}
	return textArray(rows, mem, c.text, c.nullable)
}

// boundArray builds a column of the georeference, null for rows without one.
func boundArray(rows []Row, mem memory.Allocator, of func(*Georeference) float64) arrow.Array {
	builder := array.NewFloat64Builder(mem)
	defer builder.Release()
	builder.Resize(len(rows))
	for i := range rows {
		if g := rows[i].Georeference; g != nil {
			builder.Append(of(g))
		} else {
			builder.AppendNull()
		}
	}
	return builder.NewArray()
}

// georeferences reads the columns of that name, with an element for each row, nil where there is none.
func (c chunk) georeferences() ([]*Georeference, error) {
	systems, err := c.texts(nil, columnCRS, func(s string) string { return strings.Clone(UnescapeText(s)) })
	if err != nil {
		return nil, err
	}
	var bounds [4]*array.Float64
	for i, name := range []string{columnXMin, columnYMin, columnXMax, columnYMax} {
		column, err := c.column(name)
		if err != nil {
			return nil, err
		}
		values, ok := column.(*array.Float64)
		if !ok {
			return nil, fmt.Errorf("%w: column %q is %s", ErrCorrupt, name, column.DataType())
		}
		bounds[i] = values
	}
	all := make([]*Georeference, c.rows)
	for i := range all {
		nulls := 0
		for _, b := range bounds {
			if b.IsNull(i) {
				nulls++
			}
		}
		switch {
		case nulls == len(bounds) && systems[i] == "":
		case nulls > 0:
			return nil, fmt.Errorf("%w: row %d has a part of a georeference: all of its bounds or none can be null", ErrCorrupt, i)
		default:
			all[i] = &Georeference{systems[i], bounds[0].Value(i), bounds[1].Value(i), bounds[2].Value(i), bounds[3].Value(i)}
		}
	}
	return all, nil
}
