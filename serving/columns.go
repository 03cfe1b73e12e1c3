package serving

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
)

// columns are those of a table of predictions.
func (o WriterOptions) columns() []featurestore.TableColumn {
	all := []featurestore.TableColumn{{Name: "path", Required: true}, {Name: "label"}}
	if o.Known {
		all = append(all, []featurestore.TableColumn{
			{Name: "predicted"}, {Name: "correct", Type: featurestore.TruthColumn}, {Name: "seen_in_training", Type: featurestore.TruthColumn}, {Name: "split"},
		}...)
	}
	top := o.Decision.top(o.Classes)
	for i := range top {
		all = append(all, featurestore.TableColumn{Name: fmt.Sprintf("label_%d", i+1)}, featurestore.TableColumn{Name: fmt.Sprintf("probability_%d", i+1), Type: featurestore.NumberColumn})
	}
	if top == 0 {
		for _, c := range o.Classes {
			all = append(all, featurestore.TableColumn{Name: "probability_" + c, Type: featurestore.NumberColumn})
		}
	}
	if o.ErrorColumn && !o.Known {
		all = append(all, featurestore.TableColumn{Name: "error"})
	}
	if o.Novelty {
		all = append(all, featurestore.TableColumn{Name: "novelty", Type: featurestore.NumberColumn})
	}
	return all
}

// warnOfCase tells of columns of a table that SQL takes for one: DuckDB gives the first one's values for any of them.
func (o WriterOptions) warnOfCase() {
	if o.Format == FormatJSON {
		return
	}
	names := map[string]string{}
	for _, c := range o.columns() {
		folded := strings.ToLower(c.Name)
		if other, found := names[folded]; found {
			logrus.Warnf("the columns %q and %q differ in letter case only, and SQL takes them for one: rename these classes, or use --top N (label_1, probability_1, ...)", other, c.Name)
			return
		}
		names[folded] = c.Name
	}
}
