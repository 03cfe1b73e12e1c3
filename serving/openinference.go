package serving

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"fovea/internal/web"
	"fovea/servable"
)

// inferenceRoutes are the Open Inference Protocol, version 2 of KServe's and Triton's, with the extension for tensors in
// binary form.
func (s *Server) inferenceRoutes() []web.Route {
	metadata := s.describing(s.inferenceModel)
	ready := s.describing(func() any { return map[string]any{"name": s.options.Name, "ready": true} })
	return []web.Route{
		{Pattern: "GET /v2", Handler: s.inferenceServer},
		{Pattern: "GET /v2/health/live", Open: true, Handler: func(w http.ResponseWriter, _ *http.Request) { describe(w, map[string]bool{"live": true}) }},
		{Pattern: "GET /v2/health/ready", Open: true, Handler: s.whileReady(func(w http.ResponseWriter, _ *http.Request) { describe(w, map[string]bool{"ready": true}) })},
		{Pattern: "GET /v2/models/{model}", Handler: metadata},
		{Pattern: "GET /v2/models/{model}/versions/{version}", Handler: metadata},
		{Pattern: "GET /v2/models/{model}/ready", Handler: s.whileReady(ready)},
		{Pattern: "GET /v2/models/{model}/versions/{version}/ready", Handler: s.whileReady(ready)},
		{Pattern: "POST /v2/models/{model}/infer", Handler: s.computing(s.infer)},
		{Pattern: "POST /v2/models/{model}/versions/{version}/infer", Handler: s.computing(s.infer)},
	}
}

// whileReady answers with 503 once the server is told to stop.
func (s *Server) whileReady(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			web.Refuse(w, http.StatusServiceUnavailable, errStopping)
			return
		}
		next(w, r)
	}
}

func (s *Server) inferenceServer(w http.ResponseWriter, _ *http.Request) {
	describe(w, map[string]any{"name": "fovea", "version": s.options.Version, "extensions": []string{"binary_tensor_data"}})
}

// tensorInfo describes an input or an output of the model.
type tensorInfo struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// Types of the protocol's tensors.
const (
	typeFloat = "FP32"
	typeBytes = "BYTES"
)

// outputInfo describes an output for so many images.
func (s *Server) outputInfo(name string, images int) tensorInfo {
	switch name {
	case servable.Probabilities:
		return tensorInfo{name, typeFloat, []int{images, len(s.predictor.Classes())}}
	case servable.ClassNames:
		return tensorInfo{name, typeBytes, []int{images, len(s.predictor.Classes())}}
	case servable.Novelty:
		return tensorInfo{name, typeFloat, []int{images}}
	}
	return tensorInfo{name, typeBytes, []int{images}}
}

func (s *Server) inferenceModel() any {
	var outputs []tensorInfo
	for _, name := range s.outputNames() {
		outputs = append(outputs, s.outputInfo(name, -1))
	}
	return map[string]any{
		"name": s.options.Name, "versions": []string{servedVersion}, "platform": "fovea_head",
		"inputs": []tensorInfo{{servable.Input, typeBytes, []int{-1}}}, "outputs": outputs,
	}
}

// infer answers with the outputs that are asked for. One image that cannot be read is an error of all: the protocol has
// no place for it beside the others.
func (s *Server) infer(ctx context.Context, w http.ResponseWriter, r *http.Request) (reply, error) {
	if err := s.checkServed(r.PathValue("model"), r.PathValue("version")); err != nil {
		return reply{}, err
	}
	content, held, err := s.content(ctx, w, r, s.bodies.several())
	if err != nil {
		return reply{}, err
	}
	defer held.release()
	request, files, err := s.inference(r, held, content)
	if err != nil {
		return reply{}, err
	}
	wanted, err := s.wanted(request)
	if err != nil {
		return reply{}, err
	}
	answers, err := s.computeAll(ctx, r, files, held)
	if err != nil {
		return reply{}, err
	}
	out := inferResponse{Model: s.options.Name, Version: servedVersion, ID: request.ID}
	all := s.results(answers)
	var data []byte
	for _, output := range wanted {
		t := outputTensor{tensorInfo: s.outputInfo(output.Name, len(answers))}
		data = append(data, t.fill(all, output.Parameters.Binary)...)
		out.Outputs = append(out.Outputs, t)
	}
	return out.reply(w, data)
}

// wanted are the outputs that a request asks for, all if it names none, and whether in binary form.
func (s *Server) wanted(request inferRequest) ([]outputRequest, error) {
	names := s.outputNames()
	wanted := request.Outputs
	if len(wanted) == 0 {
		for _, name := range names {
			wanted = append(wanted, outputRequest{Name: name})
		}
	}
	for i := range wanted {
		if !slices.Contains(names, wanted[i].Name) {
			return nil, malformed("there is no output %.100q: use %s", wanted[i].Name, strings.Join(names, ", "))
		}
		if slices.ContainsFunc(wanted[:i], func(o outputRequest) bool { return o.Name == wanted[i].Name }) {
			return nil, malformed("the output %s is asked for twice", wanted[i].Name)
		}
		if wanted[i].Parameters.Binary == nil {
			wanted[i].Parameters.Binary = &request.Parameters.Binary
		}
	}
	return wanted, nil
}
