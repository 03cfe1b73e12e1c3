package serving

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"unicode/utf8"

	"fovea/servable"
)

// lengthHeader has the number of bytes of JSON before tensors in binary form, of requests and of answers.
const lengthHeader = "Inference-Header-Content-Length"

// maxID is the longest id of a request, in characters: it is in the answer, too.
const maxID = 256

// inferRequest is a request of the Open Inference Protocol.
type inferRequest struct {
	ID string `json:"id"`
	// Model, which KServe's client sends, is that of the path.
	Model      *string           `json:"model_name"`
	Parameters requestParameters `json:"parameters"`
	Inputs     []inputTensor     `json:"inputs"`
	Outputs    []outputRequest   `json:"outputs"`
}

// requestParameters say whether outputs are in binary form where they do not say it themselves.
type requestParameters struct {
	Binary bool `json:"binary_data_output"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *requestParameters) UnmarshalJSON(data []byte) error {
	type plain requestParameters
	return parameters(data, (*plain)(p), "binary_data_output")
}

// inputTensor is a tensor of images.
type inputTensor struct {
	Name       string          `json:"name"`
	Shape      []int64         `json:"shape"`
	Datatype   string          `json:"datatype"`
	Parameters inputParameters `json:"parameters"`
	Data       *imageData      `json:"data"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *inputTensor) UnmarshalJSON(data []byte) error {
	type plain inputTensor
	return strictly(data, (*plain)(t), "name", "shape", "datatype", "parameters", "data")
}

// inputParameters say how many bytes of a tensor are after the JSON, or how those in it are encoded.
type inputParameters struct {
	Size        *int   `json:"binary_data_size"`
	ContentType string `json:"content_type"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *inputParameters) UnmarshalJSON(data []byte) error {
	type plain inputParameters
	return parameters(data, (*plain)(p), "binary_data_size", "content_type")
}

// outputRequest asks for an output.
type outputRequest struct {
	Name       string           `json:"name"`
	Parameters outputParameters `json:"parameters"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *outputRequest) UnmarshalJSON(data []byte) error {
	type plain outputRequest
	return strictly(data, (*plain)(o), "name", "parameters")
}

// outputParameters say whether an output is in binary form; nil is as the request says.
type outputParameters struct {
	Binary *bool `json:"binary_data"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *outputParameters) UnmarshalJSON(data []byte) error {
	type plain outputParameters
	return parameters(data, (*plain)(p), "binary_data")
}

// parameters decodes an object of parameters, or null for none. Unknown ones may ask for what is not done.
func parameters(data []byte, into any, keys ...string) error {
	if string(data) == "null" {
		return nil
	}
	if err := strictly(data, into, keys...); err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	return nil
}

// imageData is images in base64, in one list or in rows.
type imageData [][]byte

// UnmarshalJSON implements json.Unmarshaler.
func (d *imageData) UnmarshalJSON(data []byte) error {
	var rows []imageRow
	if err := json.Unmarshal(data, &rows); err != nil {
		return fmt.Errorf("data: %w: give the bytes of images' files in base64, or after the JSON with a binary_data_size", err)
	}
	for _, row := range rows {
		*d = append(*d, row...)
	}
	return nil
}

// imageRow is an image, or a list of some.
type imageRow [][]byte

// UnmarshalJSON implements json.Unmarshaler.
func (row *imageRow) UnmarshalJSON(data []byte) error {
	var images []encoded
	var one encoded
	var err error
	if data[0] == '[' {
		err = json.Unmarshal(data, &images)
	} else if err = one.UnmarshalJSON(data); err == nil {
		images = []encoded{one}
	}
	for _, image := range images {
		*row = append(*row, image)
	}
	return err
}

// inference reads a request and the images in it.
func (s *Server) inference(r *http.Request, held *body, content []byte) (request inferRequest, files []sentFile, err error) {
	length := len(content)
	if text := r.Header.Get(lengthHeader); text != "" {
		if length, err = strconv.Atoi(text); err != nil || length < 0 || length > len(content) {
			return request, nil, malformed("%s: %.40q: give the number of bytes of JSON at the beginning of the %d bytes", lengthHeader, text, len(content))
		}
	}
	if err := s.object(held, content[:length], &request, "id", "model_name", "parameters", "inputs", "outputs"); err != nil {
		return request, nil, err
	}
	if n := utf8.RuneCountInString(request.ID); n > maxID {
		return request, nil, malformed("the id has %d characters: give at most %d", n, maxID)
	}
	if request.Model != nil && *request.Model != s.options.Name {
		return request, nil, malformed("the model_name is %.100q, and the path's %q: give one of them", *request.Model, s.options.Name)
	}
	if len(request.Inputs) != 1 || request.Inputs[0].Name != servable.Input || request.Inputs[0].Datatype != typeBytes {
		return request, nil, malformed("the model takes one input, %s of datatype %s and shape [n]: the files of n images", servable.Input, typeBytes)
	}
	images, err := request.Inputs[0].images(content[length:])
	if err != nil {
		return request, nil, malformed("the input %s: %w", servable.Input, err)
	}
	for _, image := range images {
		files = append(files, s.within("", image))
	}
	return request, files, nil
}

// images are those of a tensor, from its data or from the bytes after the JSON.
func (t inputTensor) images(after []byte) (images [][]byte, err error) {
	size := t.Parameters.Size
	switch {
	case t.Parameters.ContentType != "" && t.Parameters.ContentType != "base64":
		return nil, fmt.Errorf("content_type is %.40q: use base64", t.Parameters.ContentType)
	case (t.Data == nil) == (size == nil):
		return nil, errors.New("give either data or a binary_data_size")
	case size != nil && *size != len(after):
		return nil, fmt.Errorf("binary_data_size is %d, but there are %d bytes after the JSON", *size, len(after))
	case size == nil && len(after) > 0:
		return nil, fmt.Errorf("there are %d bytes after the JSON, and no binary_data_size", len(after))
	case size != nil:
		if images, err = readTexts(after); err != nil {
			return nil, err
		}
	default:
		images = *t.Data
	}
	if len(t.Shape) < 1 || len(t.Shape) > 2 || t.Shape[0] != int64(len(images)) || len(t.Shape) == 2 && t.Shape[1] != 1 {
		return nil, fmt.Errorf("the shape is %v, but there are %d images: give [%d]", t.Shape, len(images), len(images))
	}
	return images, nil
}

// readTexts reads the elements of a tensor of BYTES: each its length, of four bytes, the lowest first, and so many bytes.
func readTexts(data []byte) (texts [][]byte, err error) {
	for len(data) > 0 {
		if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) {
			return nil, fmt.Errorf("element %d of the binary data is not whole: give 4 bytes with its length, the lowest first, and as many bytes", len(texts))
		}
		end := 4 + int(binary.LittleEndian.Uint32(data))
		texts, data = append(texts, data[4:end:end]), data[end:]
	}
	return texts, nil
}

// inferResponse is an answer of the Open Inference Protocol.
type inferResponse struct {
	Model   string         `json:"model_name"`
	Version string         `json:"model_version"`
	ID      string         `json:"id,omitempty"`
	Outputs []outputTensor `json:"outputs"`
}

// outputTensor is an output, with its data or, in binary form, the number of bytes after the JSON.
type outputTensor struct {
	tensorInfo
	Parameters map[string]int `json:"parameters,omitempty"`
	Data       any            `json:"data,omitempty"`
}

// fill sets the data of an output, or returns it in binary form.
func (t *outputTensor) fill(all results, inBinary *bool) (data []byte) {
	var numbers []float32
	var texts []string
	switch t.Name {
	case servable.Probabilities:
		numbers, t.Data = all.probabilities, all.probabilities
	case servable.Novelty:
		numbers, t.Data = all.novelty, all.novelty
	case servable.ClassNames:
		texts, t.Data = all.classes, all.classes
	default:
		texts, t.Data = all.labels, all.labels
	}
	if !*inBinary {
		return nil
	}
	for _, v := range numbers {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	for _, text := range texts {
		data = append(binary.LittleEndian.AppendUint32(data, uint32(len(text))), text...)
	}
	t.Data, t.Parameters = nil, map[string]int{"binary_data_size": len(data)}
	return data
}

// reply is the answer with the outputs that are in binary form, if any, after it.
func (o inferResponse) reply(w http.ResponseWriter, data []byte) (reply, error) {
	if len(data) == 0 {
		return reply{object: o}, nil
	}
	header, err := json.Marshal(o)
	if err != nil {
		return reply{}, err
	}
	w.Header().Set(lengthHeader, strconv.Itoa(len(header)))
	return reply{kind: "application/octet-stream", content: append(header, data...)}, nil
}
