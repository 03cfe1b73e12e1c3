package imagetable

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"fovea/internal/text"
)

// labelNames are names of columns of labels, in order of preference.
var labelNames = []string{"label", "labels", "cls", "class"}

// findLabel finds the column of labels and the names of its classes.
func (c *columns) findLabel(leaves []leaf, lists []string, hints map[string]huggingFaceFeature) {
	l, found := c.labelColumn(leaves, lists, hints)
	if !found {
		return
	}
	c.label = l.index
	if l.isBinary() {
		return
	}
	c.classes, c.numbered = hints[l.field].Names, hints[l.field].Type == "ClassLabel"
	seen := map[string]bool{}
	for _, name := range c.classes {
		if seen[name] {
			c.labelFault = fmt.Sprintf("the ClassLabel of its column %q names two classes %q", l.field, name)
		}
		seen[name] = true
	}
}

// labelColumn is the column with a label's name, or else the only one that Hugging Face's metadata calls labels. Whoever
// has a column of another kind under such a name would not expect labels from elsewhere: that is a fault.
func (c *columns) labelColumn(leaves []leaf, lists []string, hints map[string]huggingFaceFeature) (leaf, bool) {
	if l, found := byName(leaves, labelNames, leaf.isClass); found {
		return l, true
	}
	if l, found := byName(leaves, labelNames, leaf.isNoClass); found {
		c.labelFault = fmt.Sprintf("its column %q is %s", l.field, l.kind())
		return leaf{}, false
	}
	for _, list := range lists {
		if slices.Contains(labelNames, strings.ToLower(list)) {
			c.labelFault = fmt.Sprintf("its column %q is a list", list)
			return leaf{}, false
		}
	}
	var named []leaf
	for _, l := range leaves {
		if hints[l.field].Type == "ClassLabel" && l.isClass() {
			named = append(named, l)
		}
	}
	switch len(named) {
	case 0:
		return leaf{}, false
	case 1:
		return named[0], true
	}
	c.labelFault = fmt.Sprintf("its columns %q and %q could each be the labels", named[0].field, named[1].field)
	return leaf{}, false
}

// isClass reports whether the values may be labels: texts, numbers or booleans.
func (l leaf) isClass() bool {
	if l.part != "" {
		return false
	}
	switch l.PhysicalType() {
	case parquet.Types.Boolean, parquet.Types.Float, parquet.Types.Double:
		return true
	case parquet.Types.Int32, parquet.Types.Int64:
		switch l.LogicalType().(type) {
		case schema.DecimalLogicalType, *schema.DecimalLogicalType, schema.DateLogicalType, schema.TimeLogicalType, *schema.TimeLogicalType, schema.TimestampLogicalType, *schema.TimestampLogicalType:
			return false
		}
		return true
	}
	return l.isText()
}

// isNoClass reports whether the values cannot be labels, and are no pictures, such as masks, either.
func (l leaf) isNoClass() bool { return !l.isClass() && l.part != "bytes" && l.part != "path" }

// kind describes a column that has no labels.
func (l leaf) kind() string {
	switch {
	case l.part != "":
		return "a struct"
	case l.isBinary():
		return "of bytes, not of texts"
	case l.LogicalType() != nil && l.LogicalType().String() != "None":
		name, _, _ := strings.Cut(l.LogicalType().String(), "(")
		return "of the type " + name
	}
	return "of the type " + l.PhysicalType().String()
}

// labelOf is the label that a value stands for, and says why it stands for none although it should, "" otherwise. Hugging
// Face's -1 means no label.
func (c columns) labelOf(value string) (label, fault string) {
	if c.numbered && value == "-1" {
		return "", ""
	}
	if len(c.classes) > 0 && value != "" {
		number, err := strconv.Atoi(value)
		if err != nil || number < 0 || number >= len(c.classes) {
			return "", fmt.Sprintf("its label is %s, and the column's ClassLabel names %s, from 0 to %d", value, text.Count(len(c.classes), "class", "classes"), len(c.classes)-1)
		}
		if value = c.classes[number]; value == "" {
			return "", fmt.Sprintf("its label is %d, whose name in the column's ClassLabel is empty", number)
		}
	}
	return value[:min(len(value), maxLabel+1)], ""
}

// numberLabel is a label that a program wrote as a fraction: of classes with a missing one pandas makes fractions, and
// NaN of what is missing.
func numberLabel(v float64, bits int) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, bits)
}

// HasLabels reports whether there is a column of labels, and LabelFault why there is none although a column looks like
// it, "" if none does.
func (p *Table) HasLabels() bool { return p.columns.label >= 0 }

// LabelFault is as HasLabels says.
func (p *Table) LabelFault() string { return p.columns.labelFault }
