package serving

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

// sentFile is an image of a request, or why it cannot be had.
type sentFile struct {
	name    string
	content []byte
	err     error
}

// upload is the images of a request.
type upload struct {
	body  *body
	files []sentFile
	// list says that the answer is a list, with an element for each image.
	list bool
}

// upload receives the images of a request: the body is one image, or a form with files, or JSON, {"instances": [{"b64":
// "..."}, ...]}. Whoever gets it releases the body.
func (s *Server) upload(ctx context.Context, w http.ResponseWriter, r *http.Request) (upload, error) {
	kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what cannot be read is an image's
	limit := s.options.MaxBytes
	if kind == formType || kind == jsonType {
		limit = s.bodies.several()
	}
	content, held, err := s.content(ctx, w, r, limit)
	if err != nil {
		return upload{}, err
	}
	u := upload{body: held}
	switch {
	case kind == formType:
		u.files, err = s.form(held, content, parameters["boundary"])
		u.list = len(u.files) > 1
	case beginsAsJSON(content):
		u.files, err = s.instances(held, content)
		u.list = true
	default:
		u.files = []sentFile{s.within("", content)}
	}
	if err == nil {
		err = s.checkCount(len(u.files))
	}
	if err != nil {
		held.release()
	}
	return u, err
}

// Media types of requests.
const (
	formType = "multipart/form-data"
	jsonType = "application/json"
)

// beginsAsJSON tells JSON, by its beginning, from images, none of which begins like that.
func beginsAsJSON(content []byte) bool {
	content = bytes.TrimLeft(content, " \t\r\n")
	return len(content) > 0 && (content[0] == '{' || content[0] == '[')
}

// content receives a body of at most limit bytes. Whoever gets it releases it.
func (s *Server) content(ctx context.Context, w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *body, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, nil, statusError{http.StatusUnsupportedMediaType, "", fmt.Errorf("the request has the Content-Encoding %.40q: send it uncompressed", coding)}
	}
	by, _ := ctx.Deadline()
	held, err := s.receive(w, r, limit, by)
	if err != nil {
		return nil, nil, err
	}
	return held.bytes(), held, nil
}

// several is the largest body of a request of several images, in bytes: half of what large files may take, because the
// images are in memory beside the body while they are taken out of it.
func (s *bodies) several() int64 { return (s.limit - s.reserved) / 2 }

// unpack makes room for the images that are taken out of a body.
func (s *Server) unpack(held *body, size int) error {
	if err := s.bodies.take(held, int64(size)); err != nil {
		return s.unreadable(err)
	}
	return nil
}

// within is an image of a request, or the error of one that is too large.
func (s *Server) within(name string, content []byte) sentFile {
	if int64(len(content)) > s.options.MaxBytes {
		return sentFile{name: name, err: s.tooLarge(s.options.MaxBytes)}
	}
	return sentFile{name: name, content: content}
}

// checkCount refuses requests of no image, and of more than may be in progress at a time.
func (s *Server) checkCount(n int) error {
	switch {
	case n == 0:
		return statusError{http.StatusBadRequest, "", errNoImage}
	case n > s.options.Requests:
		return statusError{http.StatusRequestEntityTooLarge, "images", fmt.Errorf("%d images in a request: send at most %d at a time", n, s.options.Requests)}
	}
	return nil
}

// form takes the files out of a form. Other fields would have no effect, and are refused.
func (s *Server) form(held *body, content []byte, boundary string) ([]sentFile, error) {
	if boundary == "" {
		return nil, malformed("the Content-Type is %s without a boundary: let the HTTP library set it", formType)
	}
	if err := s.unpack(held, len(content)); err != nil {
		return nil, err
	}
	// The reader takes a form that is cut short in the header of a part for a whole one.
	if !bytes.Contains(content, []byte("--"+boundary+"--")) {
		return nil, malformed("the form is cut short: its last line, --%.70s--, is missing", boundary)
	}
	var files []sentFile
	for form := multipart.NewReader(bytes.NewReader(content), boundary); ; {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, malformed("the form cannot be read: %w", err)
		}
		if part.FileName() == "" {
			return nil, malformed("the form's field %.40q has no file name: send files alone, and parameters in the URL", part.FormName())
		}
		if err := s.checkCount(len(files) + 1); err != nil {
			return nil, err
		}
		image, err := io.ReadAll(part)
		if err != nil {
			return nil, malformed("the form cannot be read: %w", err)
		}
		files = append(files, s.within(part.FileName(), image))
	}
}
