package explorer

import (
	"context"
	"errors"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/featurestore"
	"fovea/vectors"
)

// edition is the one that is shown, if a request names no other (?version=).
func (s *Server) edition(r *http.Request) (*table, error) {
	t := s.shown.Load()
	if version := r.URL.Query().Get("version"); version != "" && version != t.version {
		return nil, refusal(http.StatusConflict, "the dataset was replaced: reload the page")
	}
	return t, nil
}

// shownMaps is what /api/dataset says of maps.
type shownMaps struct {
	PCA      string  `json:"pca"`
	UMAP     string  `json:"umap"`
	Progress float64 `json:"progress"`
	Error    string  `json:"error"`
	Seconds  float64 `json:"seconds"`
}

func (s *Server) getDataset(w http.ResponseWriter, r *http.Request) {
	t := s.shown.Load()
	pca, umap := s.maps.get(t, mapPCA), s.maps.get(t, mapUMAP)
	state, fitted := s.labels.state()
	pictures := s.files.look(t)
	shown := struct {
		Name      string     `json:"name"`
		Directory string     `json:"directory"`
		Rows      int        `json:"rows"`
		Layers    []string   `json:"layers"`
		Layer     string     `json:"layer"`
		Classes   []string   `json:"classes"`
		Splits    []string   `json:"splits"`
		Columns   []string   `json:"columns"`
		Head      bool       `json:"head"`
		Images    bool       `json:"images"`
		Model     bool       `json:"model"`
		Notes     []string   `json:"notes"`
		Version   string     `json:"version"`
		Map       shownMaps  `json:"map"`
		Labels    labelState `json:"labels"`
		Accuracy  *accuracy  `json:"accuracy"`
	}{
		Name: filepath.Base(filepath.Clean(s.options.Dir)), Directory: s.options.Dir, Rows: t.rows(),
		Layers: t.dataset.Recipe().LayerNames(), Layer: t.layer.Name, Classes: t.classes.all(), Splits: t.splits, Columns: s.scores.names(t),
		Head: s.scores.head != nil, Images: pictures.any, Model: s.placing.possible(), Notes: append(t.notes(), slices.Concat(pictures.notes(), s.scores.notes())...), Version: t.version,
		Map:    shownMaps{PCA: pca.state, UMAP: umap.state, Progress: umap.progress, Error: message(umap.err), Seconds: umap.took.Seconds()},
		Labels: state, Accuracy: fitted,
	}
	answer(w, http.StatusOK, shown)
}

func (s *Server) getColumn(w http.ResponseWriter, r *http.Request) {
	t, err := s.edition(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	var column any
	switch name := r.PathValue("name"); name {
	case "label":
		column = s.labels.column(t)
	case "split":
		column = t.split
	case columnPrediction, columnConfidence, columnNovelty, columnSuspect:
		if column = s.scores.column(t, name); column == nil {
			err = refusal(http.StatusNotFound, "%s is not known: the event columns says when it is (--head FILE gives predictions, labels of two classes cross-validated ones)", name)
		}
	default:
		err = refusal(http.StatusNotFound, "there is no column %q: there are label, split, prediction, confidence, novelty and suspect", name)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	answerNumbers(w, column)
}

// mostFound bounds the rows that a search lists.
const mostFound = 1_000_000

func (s *Server) getPaths(w http.ResponseWriter, r *http.Request) {
	t, err := s.edition(r)
	limit := 0
	if err == nil {
		limit, err = number(r, "limit", 1000, 0, mostFound)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	rows, total := s.find(r.Context(), t, r.URL.Query().Get("q"), limit)
	answer(w, http.StatusOK, struct {
		Rows  []int `json:"rows"`
		Total int   `json:"total"`
	}{rows, total})
}

// find finds the rows whose path or label has a text in it, whatever the case of letters.
func (s *Server) find(ctx context.Context, t *table, text string, limit int) (rows []int, total int) {
	text = strings.ToLower(text)
	var named []bool // whether the label of a class has it
	for _, class := range t.classes.all() {
		named = append(named, strings.Contains(strings.ToLower(class), text))
	}
	label := s.labels.column(t)
	rows = []int{}
	for i := range t.paths {
		if i%10_000 == 0 && ctx.Err() != nil {
			break
		}
		at := label[i]
		if !(at >= 0 && int(at) < len(named) && named[at]) && !t.contains(i, text) {
			continue
		}
		if total++; len(rows) < limit {
			rows = append(rows, i)
		}
	}
	return rows, total
}

// shownRow is a row as pages see it; what is not known is null.
type shownRow struct {
	Row        int      `json:"row"`
	Path       string   `json:"path"`
	Label      string   `json:"label"`
	Split      string   `json:"split"`
	Group      string   `json:"group,omitempty"`
	Width      int32    `json:"width"`
	Height     int32    `json:"height"`
	SHA256     string   `json:"sha256"`
	Prediction *string  `json:"prediction"`
	Confidence *float32 `json:"confidence"`
	Novelty    *float32 `json:"novelty"`
	Suspect    *float32 `json:"suspect"`
	Image      bool     `json:"image"`
}

// mostRows bounds the rows of a request.
const mostRows = 500

func (s *Server) getRows(w http.ResponseWriter, r *http.Request) {
	t, err := s.edition(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	shown := []shownRow{}
	label := s.labels.column(t)
	texts := strings.Split(r.URL.Query().Get("rows"), ",")
	if len(texts) > mostRows {
		refuse(w, r, refusal(http.StatusBadRequest, "%d rows: ask for %d at a time", len(texts), mostRows))
		return
	}
	for _, text := range texts {
		i, err := t.number(text)
		if err != nil {
			refuse(w, r, err)
			return
		}
		shown = append(shown, s.show(t, i, label))
	}
	answer(w, http.StatusOK, shown)
}

func (s *Server) show(t *table, i int, label []int32) shownRow {
	row := shownRow{
		Row: i, Path: featurestore.EscapeText(t.paths[i]), Label: t.classes.name(label[i]), Width: t.widths[i], Height: t.heights[i], SHA256: t.sha256[i],
		Confidence: s.scores.value(t, columnConfidence, i), Novelty: s.scores.value(t, columnNovelty, i), Suspect: s.scores.value(t, columnSuspect, i),
		Image: s.files.has(t, i),
	}
	if t.split[i] >= 0 {
		row.Split = t.splits[t.split[i]]
	}
	if t.groups != nil {
		row.Group = featurestore.EscapeText(t.groups[i])
	}
	if prediction, ok := s.scores.column(t, columnPrediction).([]int32); ok && prediction[i] >= 0 {
		name := t.classes.name(prediction[i])
		row.Prediction = &name
	}
	return row
}

// value is a number of a row, nil if it is unknown.
func (c *scores) value(t *table, name string, row int) *float32 {
	column, ok := c.column(t, name).([]float32)
	if !ok || math.IsNaN(float64(column[row])) {
		return nil
	}
	return &column[row]
}

// number reads the number of a row.
func (t *table) number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n >= t.rows() {
		return 0, refusal(http.StatusNotFound, "there is no row %q: the dataset has the rows 0 to %d", text, t.rows()-1)
	}
	return n, nil
}

// neighbour is a row that is similar to another, or to an image.
type neighbour struct {
	Row        int     `json:"row"`
	Similarity float64 `json:"similarity"`
}

// mostNeighbours bounds how many are asked for.
const mostNeighbours = 500

func (s *Server) getNeighbours(w http.ResponseWriter, r *http.Request) {
	t, err := s.edition(r)
	row, k := 0, 0
	if err == nil {
		row, err = t.number(r.PathValue("row"))
	}
	if err == nil {
		k, err = number(r, "k", 12, 1, mostNeighbours)
	}
	var found []neighbour
	if err == nil {
		found, err = t.nearestRow(r.Context(), row, k)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, found)
}

// nearestRow are the rows most similar to one of them.
func (t *table) nearestRow(ctx context.Context, row, k int) ([]neighbour, error) {
	floats, err := t.vectors(ctx)
	if err != nil {
		return nil, err
	}
	cols := t.layer.Size()
	found, err := t.nearest(ctx, floats[row*cols:][:cols], k+1)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(n neighbour) bool { return n.Row == row })
	return found[:min(k, len(found))], nil
}

// nearest are the rows most similar to a vector, by the cosine.
func (t *table) nearest(ctx context.Context, vector []float32, k int) ([]neighbour, error) {
	floats, err := t.vectors(ctx)
	if err != nil {
		return nil, err
	}
	nearest, err := vectors.Nearest(ctx, t.source(floats), vectors.Block{Rows: 1, Cols: t.layer.Size(), Data: vector}, k)
	if errors.Is(err, vectors.ErrZero) {
		return nil, refusal(http.StatusUnprocessableEntity, "all features of the image are 0 in this layer, so that nothing is similar to it: look whether it is a picture without content")
	}
	if err != nil {
		return nil, err
	}
	found := make([]neighbour, 0, k)
	for _, n := range nearest[0] {
		found = append(found, neighbour(n))
	}
	return found, nil
}
