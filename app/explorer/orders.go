package explorer

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"fovea/head"
	"fovea/vectors"
)

// order is rows in an order that is worth looking at.
type order struct {
	Rows []int `json:"rows"`
	// Groups are the rows that belong together, such as copies.
	Groups [][]int `json:"groups"`
	// Note says what the order is not complete for, "" for nothing.
	Note string `json:"note,omitempty"`
}

// usualOrder is how many rows an order has if a request does not say.
const usualOrder = 500

// getOrder answers with an order of all rows, or of those in ?rows=.
func (s *Server) getOrder(w http.ResponseWriter, r *http.Request) {
	t, err := s.edition(r)
	limit := 0
	if err == nil {
		limit, err = number(r, "limit", usualOrder, 1, mostFound)
	}
	var among []int
	if text := r.URL.Query().Get("rows"); err == nil && text != "" {
		for part := range strings.SplitSeq(text, ",") {
			row, wrong := t.number(part)
			if wrong != nil {
				err = wrong
				break
			}
			among = append(among, row)
		}
	}
	var found order
	if err == nil {
		found, err = s.order(r.Context(), t, r.PathValue("kind"), limit, among)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, found)
}

// order is one by its name, of the rows among, nil for all.
func (s *Server) order(ctx context.Context, t *table, kind string, limit int, among []int) (order, error) {
	if among == nil {
		among = make([]int, t.rows())
		for i := range among {
			among[i] = i
		}
	} else {
		among = slices.Compact(slices.Sorted(slices.Values(among)))
	}
	switch kind {
	case "suspect":
		return s.suspects(t, limit, among)
	case "uncertain":
		return s.uncertain(ctx, t, limit, among)
	case "conflicts":
		return s.conflicts(t, limit, among), nil
	}
	return order{}, refusal(http.StatusNotFound, "there is no order %q: there are suspect, uncertain and conflicts", kind)
}

// errUnfitted says that no head has been fitted to the labels yet, and what that takes.
func (s *Server) errUnfitted(t *table, takes string) error {
	s.labels.refit.mutex.Lock()
	defer s.labels.refit.mutex.Unlock()
	if err := s.labels.refit.failed; err != nil && s.labels.refit.of == t.data {
		return refusal(http.StatusConflict, "labels are not checked by cross-validation: %w", err)
	}
	return refusal(http.StatusConflict, "no head has been fitted to the labels yet: %s", takes)
}

// suspects are the labelled rows, that first whose label is most probably wrong.
func (s *Server) suspects(t *table, limit int, among []int) (order, error) {
	suspect, ok := s.scores.column(t, columnSuspect).([]float32)
	if !ok {
		return order{}, s.errUnfitted(t, "label two classes at least, and wait for the event columns")
	}
	known := func(v float32) bool { return v == v }
	if !slices.ContainsFunc(suspect, known) {
		return order{}, refusal(http.StatusConflict, "no label can be checked by cross-validation: label several images of two classes at least")
	}
	rows := slices.DeleteFunc(slices.Clone(among), func(i int) bool { return !known(suspect[i]) })
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(suspect[b], suspect[a]) })
	return order{Rows: rows[:min(limit, len(rows))], Groups: [][]int{}}, nil
}

// uncertain are the rows whose labels would teach most: the head is uncertain about them, and they are unlike each
// other. Where rows have no label, it is these.
func (s *Server) uncertain(ctx context.Context, t *table, limit int, among []int) (order, error) {
	r := s.labels.refit
	r.mutex.Lock()
	last, x := r.last, r.x
	if r.of != t.data {
		last = nil
	}
	r.mutex.Unlock()
	if last == nil {
		return order{}, s.errUnfitted(t, "wait for the event columns, which comes without labels, too")
	}
	label := s.labels.column(t)
	rows := slices.DeleteFunc(slices.Clone(among), func(i int) bool { return label[i] >= 0 })
	if len(rows) == 0 {
		rows = slices.Clone(among)
	}
	doubt := make([]float64, len(label))
	for _, i := range rows {
		doubt[i] = last.doubt(i)
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(doubt[b], doubt[a]) })
	rows, err := spread(ctx, x, rows, doubt, limit)
	return order{Rows: rows, Groups: [][]int{}}, err
}

// doubt is 1 less the margin of the most probable class over the next, from 0 to 1; 1 where nothing is known.
func (f *fitted) doubt(row int) float64 {
	first, second := 0.0, 0.0
	for _, p := range f.Of(row) {
		switch {
		case math.IsNaN(p):
			return 1
		case p > first:
			first, second = p, first
		case p > second:
			second = p
		}
	}
	return 1 - (first - second)
}

// Rows are chosen to be unlike each other up to spreadRows, from that many times as many uncertain ones, spreadPool at
// most. After them, rows are by their doubt alone: nobody labels more before the head is fitted anew.
const (
	spreadRows = 200
	spreadOf   = 20
	spreadPool = 2000
)

// spread puts those rows first that are uncertain and unlike the ones before them: in turn the one with the largest doubt
// times distance (1 less the cosine) from the nearest that was chosen. Rows are in the order of their doubt.
func spread(ctx context.Context, x head.Matrix, rows []int, doubt []float64, limit int) ([]int, error) {
	limit = min(limit, len(rows))
	count := min(limit, spreadRows)
	pool := rows[:min(len(rows), spreadPool, spreadOf*count)]
	distance, taken := slices.Repeat([]float64{math.Inf(1)}, len(pool)), make([]bool, len(pool))
	chosen := make([]int, 0, limit)
	for next := 0; len(chosen) < count; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		taken[next] = true
		chosen = append(chosen, pool[next])
		best, most := -1, -1.0
		for i, row := range pool {
			if taken[i] {
				continue
			}
			distance[i] = min(distance[i], max(0, 1-vectors.Cosine(x.Row(row), x.Row(pool[next]))))
			if worth := doubt[row] * distance[i]; worth > most {
				best, most = i, worth
			}
		}
		if best < 0 {
			break
		}
		next = best
	}
	for i, row := range rows {
		if len(chosen) == limit {
			break
		}
		if i >= len(pool) || !taken[i] {
			chosen = append(chosen, row)
		}
	}
	return chosen, nil
}

// conflicts are groups of copies, and of near copies, that have different labels: first those of equal files.
func (s *Server) conflicts(t *table, limit int, among []int) order {
	r := s.labels.refit
	r.mutex.Lock()
	pairs, known, failed := r.pairs, r.of == t.data && r.prepared != nil, r.of == t.data && r.failed != nil
	r.mutex.Unlock()
	found := order{Rows: []int{}, Groups: [][]int{}}
	switch {
	case failed:
		pairs, found.Note = nil, "only equal files are compared, not near copies"
	case !known:
		pairs, found.Note = nil, "near copies are not known yet, only equal files"
	case t.rows() > nearRows:
		found.Note = "of so many rows, only equal files are compared"
	}
	label := s.labels.column(t)
	var equal, near [][]int
	for _, rows := range grouped(among, head.Join(hashes(t), pairs).Groups, label) {
		switch {
		case !slices.ContainsFunc(rows, func(i int) bool { return label[i] != label[rows[0]] }):
		case disagree(t, rows, label):
			equal = append(equal, rows)
		default:
			near = append(near, rows)
		}
	}
	for _, rows := range append(equal, near...) {
		if len(found.Rows)+len(rows) > limit && len(found.Rows) > 0 {
			break
		}
		found.Groups = append(found.Groups, rows)
		found.Rows = append(found.Rows, rows...)
	}
	return found
}

// grouped are the rows that have labels, by the names of their groups, in the order of the groups' first rows.
func grouped(rows []int, groups []string, label []int32) [][]int {
	at := map[string]int{}
	var all [][]int
	for _, i := range rows {
		if label[i] < 0 {
			continue
		}
		group, found := at[groups[i]]
		if !found {
			group = len(all)
			at[groups[i]] = group
			all = append(all, nil)
		}
		all[group] = append(all[group], i)
	}
	return all
}

// hashes are names of the images: rows whose SHA-256 is unknown have one each.
func hashes(t *table) []string {
	names := slices.Clone(t.sha256)
	for i, name := range names {
		if name == "" {
			names[i] = "row " + strconv.Itoa(i)
		}
	}
	return names
}

// disagree says whether equal files among rows have different labels.
func disagree(t *table, rows []int, label []int32) bool {
	first := map[string]int32{}
	for _, i := range rows {
		if at, found := first[t.sha256[i]]; found && at != label[i] && t.sha256[i] != "" {
			return true
		}
		first[t.sha256[i]] = label[i]
	}
	return false
}
