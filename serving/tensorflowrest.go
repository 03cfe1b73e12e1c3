package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"fovea/internal/web"
	"fovea/servable"
)

// tensorflowRoutes are TensorFlow Serving's REST interface, for its clients: the head answers as the SavedModel that
// Export writes of it would there.
func (s *Server) tensorflowRoutes() []web.Route {
	return []web.Route{
		{Pattern: "POST /v1/models/{model}", Handler: s.computing(s.tensorflowPredict)}, // MODEL:predict
		{Pattern: "POST /v1/models/{model}/versions/{version}", Handler: s.computing(s.tensorflowPredict)},
		{Pattern: "GET /v1/models/{model}", Handler: s.describing(s.tensorflowStatus)},
		{Pattern: "GET /v1/models/{model}/versions/{version}", Handler: s.describing(s.tensorflowStatus)},
		{Pattern: "GET /v1/models/{model}/metadata", Handler: s.describing(s.tensorflowMetadata)},
		{Pattern: "GET /v1/models/{model}/versions/{version}/metadata", Handler: s.describing(s.tensorflowMetadata)},
	}
}

// tensorflowRequest has images in rows (instances) or in columns (inputs).
type tensorflowRequest struct {
	Signature string       `json:"signature_name"`
	Instances *[]instance  `json:"instances"`
	Inputs    *imageColumn `json:"inputs"`
}

// imageColumn is [{"b64": "..."}, ...], or that as image_bytes.
type imageColumn []instance

// UnmarshalJSON implements json.Unmarshaler.
func (c *imageColumn) UnmarshalJSON(data []byte) error {
	var named struct {
		Images *[]instance `json:"image_bytes"`
	}
	switch {
	case data[0] == '[':
		return json.Unmarshal(data, (*[]instance)(c))
	case strictly(data, &named, servable.Input) != nil || named.Images == nil:
		return errors.New(`inputs: give a list of {"b64": "..."}, or {"image_bytes": [...]} with one`)
	}
	*c = *named.Images
	return nil
}

// rowPrediction is a row of the outputs.
type rowPrediction struct {
	Probabilities []float32 `json:"probabilities"`
	Classes       []string  `json:"classes"`
	Label         string    `json:"label"`
	Novelty       *float32  `json:"novelty,omitempty"`
}

// columnPredictions are the outputs in columns.
type columnPredictions struct {
	Probabilities [][]float32 `json:"probabilities"`
	Classes       [][]string  `json:"classes"`
	Label         []string    `json:"label"`
	Novelty       []float32   `json:"novelty,omitempty"`
}

func (s *Server) tensorflowPredict(ctx context.Context, w http.ResponseWriter, r *http.Request) (reply, error) {
	if err := s.checkVerb(r); err != nil {
		return reply{}, err
	}
	content, held, err := s.content(ctx, w, r, s.bodies.several())
	if err != nil {
		return reply{}, err
	}
	defer held.release()
	var request tensorflowRequest
	if err := s.object(held, content, &request, "signature_name", "instances", "inputs"); err != nil {
		return reply{}, err
	}
	var images []instance
	switch {
	case request.Signature != "" && request.Signature != servable.Signature:
		return reply{}, malformed("there is no signature %.100q: use %s", request.Signature, servable.Signature)
	case (request.Instances == nil) == (request.Inputs == nil):
		return reply{}, malformed("give the images either as instances or as inputs")
	case request.Instances != nil:
		images = *request.Instances
	default:
		images = *request.Inputs
	}
	files, err := s.filesOf(images)
	if err != nil {
		return reply{}, err
	}
	answers, err := s.computeAll(ctx, r, files, held)
	if err != nil {
		return reply{}, err
	}
	all := s.columns(answers)
	if request.Inputs != nil {
		return reply{object: map[string]any{"outputs": all}}, nil
	}
	return reply{object: map[string]any{"predictions": all.rows()}}, nil
}

// checkVerb looks for the model, the version and what to do with it in a request's path: .../MODEL:predict.
func (s *Server) checkVerb(r *http.Request) error {
	model, version := r.PathValue("model"), r.PathValue("version")
	last := &model
	if version != "" {
		last = &version
	}
	name, verb, found := strings.Cut(*last, ":")
	*last = name
	if err := s.checkServed(model, version); err != nil {
		return err
	}
	if !found || verb != "predict" {
		return statusError{http.StatusNotFound, "", fmt.Errorf("the model answers to POST %.200s:predict", strings.TrimSuffix(r.URL.Path, ":"+verb))}
	}
	return nil
}

func (s *Server) columns(answers []answer) columnPredictions {
	all, classes := s.results(answers), s.predictor.Classes()
	out := columnPredictions{Label: all.labels, Novelty: all.novelty}
	for i := range answers {
		out.Probabilities = append(out.Probabilities, all.probabilities[i*len(classes):(i+1)*len(classes)])
		out.Classes = append(out.Classes, classes)
	}
	return out
}

func (c columnPredictions) rows() []rowPrediction {
	rows := make([]rowPrediction, len(c.Label))
	for i := range rows {
		rows[i] = rowPrediction{Probabilities: c.Probabilities[i], Classes: c.Classes[i], Label: c.Label[i]}
		if c.Novelty != nil {
			rows[i].Novelty = &c.Novelty[i]
		}
	}
	return rows
}

func (s *Server) tensorflowStatus() any {
	state := "AVAILABLE"
	if s.stopping.Load() {
		state = "UNLOADING"
	}
	return map[string]any{"model_version_status": []any{map[string]any{
		"version": servedVersion, "state": state, "status": map[string]string{"error_code": "OK", "error_message": ""},
	}}}
}

// tensorflowMetadata is the signature of an exported SavedModel.
func (s *Server) tensorflowMetadata() any {
	info := func(name, kind string, sizes ...int) map[string]any {
		dims := []any{}
		for _, size := range append([]int{-1}, sizes...) {
			dims = append(dims, map[string]string{"size": fmt.Sprint(size), "name": ""})
		}
		return map[string]any{"name": name + ":0", "dtype": kind, "tensor_shape": map[string]any{"dim": dims, "unknown_rank": false}}
	}
	classes := len(s.predictor.Classes())
	of := map[string]any{
		servable.Probabilities: info(servable.Probabilities, "DT_FLOAT", classes), servable.ClassNames: info(servable.ClassNames, "DT_STRING", classes),
		servable.Label: info(servable.Label, "DT_STRING"), servable.Novelty: info(servable.Novelty, "DT_FLOAT"),
	}
	outputs := map[string]any{}
	for _, name := range s.outputNames() {
		outputs[name] = of[name]
	}
	signature := map[string]any{
		"inputs":      map[string]any{servable.Input: info(servable.Input, "DT_STRING")},
		"outputs":     outputs,
		"method_name": "tensorflow/serving/predict",
	}
	return map[string]any{
		"model_spec": map[string]string{"name": s.options.Name, "signature_name": "", "version": servedVersion},
		"metadata":   map[string]any{"signature_def": map[string]any{"signature_def": map[string]any{servable.Signature: signature}}},
	}
}
