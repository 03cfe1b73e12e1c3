package serving

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"

	"fovea/internal/web"
)

// openAPI describes the server, but for what depends on the head and the options.
//
//go:embed openapi.json
var openAPI string

// describeAPI is the server's description in OpenAPI.
func (s *Server) describeAPI() ([]byte, error) {
	security := []map[string][]string{}
	if s.options.Site.NeedsToken() {
		security = append(security, map[string][]string{"token": {}})
	}
	example, err := exampleImage()
	if err != nil {
		return nil, err
	}
	var pairs []string
	for _, placed := range []struct {
		name  string
		value any
	}{
		{"name", s.options.Name}, {"version", s.options.Version}, {"layers", s.predictor.head.LayerNames()}, {"outputs", s.outputNames()},
		{"images", s.options.Requests}, {"example", example}, {"security", security},
	} {
		encoded, err := json.Marshal(placed.value)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, fmt.Sprintf(`"{{%s}}"`, placed.name), string(encoded))
	}
	pairs = append(pairs, "{{bytes}}", fmt.Sprint(s.options.MaxBytes), "{{images}}", fmt.Sprint(s.options.Requests))
	return []byte(strings.NewReplacer(pairs...).Replace(openAPI)), nil
}

// exampleImage is a small image in base64.
func exampleImage() (string, error) {
	var out bytes.Buffer
	err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 16, 16)))
	return base64.StdEncoding.EncodeToString(out.Bytes()), err
}

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	description, err := s.describeAPI()
	if err != nil {
		web.Refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(description) // fails only for a client that has gone
}
