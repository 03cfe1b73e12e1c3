package serving

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"fovea/featurestore"
	"fovea/internal/typo"
	"fovea/recipe"
)

// about is what an answer says of one of several images, beside what came of it.
type about struct {
	Name  string `json:"name,omitempty"`
	Error string `json:"error,omitempty"`
	// Status is what would have been the answer's if the image had come alone.
	Status int `json:"status"`
}

func (s *Server) about(f sentFile, err error) about {
	a := about{Name: featurestore.EscapeText(f.name), Status: http.StatusOK}
	if err != nil {
		a.Error, a.Status = err.Error(), s.judge(err)
	}
	return a
}

// jsonVector is the features of an image in a layer: the values of an array of that shape, in row-major order.
type jsonVector struct {
	Layer  string    `json:"layer"`
	Shape  []int     `json:"shape"`
	Values []float32 `json:"values"`
}

// embed answers with the features of each image in one of the head's layers, the same that extract stores.
func (s *Server) embed(ctx context.Context, w http.ResponseWriter, r *http.Request) (reply, error) {
	at, err := s.layer(r, s.predictor.head.LayerNames())
	if err != nil {
		return reply{}, err
	}
	layer := s.predictor.head.Layers[at]
	u, answers, err := s.uploaded(ctx, w, r)
	if err != nil {
		return reply{}, err
	}
	if accepts(r, featurestore.StreamType) {
		return s.stream(layer, u, answers, at)
	}
	if !u.list {
		return reply{object: jsonVector{layer.Name, layer.Shape, answers[0].features[at]}}, nil
	}
	type item struct {
		about
		*jsonVector
	}
	items := make([]item, len(answers))
	for i, a := range answers {
		items[i].about = s.about(u.files[i], a.err)
		if a.err == nil {
			items[i].jsonVector = &jsonVector{layer.Name, layer.Shape, a.features[at]}
		}
	}
	return reply{object: items}, nil
}

// stream is the features of each image as an Arrow stream.
func (s *Server) stream(layer recipe.Layer, u upload, answers []answer, at int) (reply, error) {
	rows := make([]featurestore.Vector, len(answers))
	for i, a := range answers {
		about := s.about(u.files[i], a.err)
		rows[i] = featurestore.Vector{Name: about.Name, Error: about.Error}
		if a.err == nil {
			rows[i].Values = a.features[at]
		}
	}
	var out bytes.Buffer
	err := featurestore.WriteVectors(&out, layer, rows)
	return reply{kind: featurestore.StreamType, content: out.Bytes()}, err
}

// layer is the place of the layer that a request names among names, or of the first.
func (s *Server) layer(r *http.Request, names []string) (int, error) {
	if !r.URL.Query().Has("layer") {
		return 0, nil
	}
	name := r.URL.Query().Get("layer")
	at := slices.Index(names, name)
	if at < 0 {
		return 0, malformed("layer=%.100q%s: use %s", name, typo.Hint(name, names), strings.Join(names, ", "))
	}
	return at, nil
}

// accepts reports whether a request asks for a media type by name, and does not prefer JSON.
func accepts(r *http.Request, kind string) bool {
	wanted, named := quality(r, kind)
	json, _ := quality(r, "application/json", "application/*", "*/*")
	return named && wanted > 0 && wanted >= json
}

// quality is how much a request wants the first of some media types that it names, from 0 for not at all to 1.
func quality(r *http.Request, kinds ...string) (q float64, named bool) {
	wanted := map[string]float64{}
	for _, header := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(header, ",") {
			name, parameters, err := mime.ParseMediaType(one)
			if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
				continue
			}
			wanted[name] = 1
			if q, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
				wanted[name] = q
			}
		}
	}
	for _, kind := range kinds {
		if q, named := wanted[kind]; named {
			return q, true
		}
	}
	return 0, false
}
