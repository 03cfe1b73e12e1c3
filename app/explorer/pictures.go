package explorer

import (
	"context"
	"net/http"
)

// pictures finds the images of rows.
type pictures struct{}

func newPictures(ctx context.Context, o Options, t *table) (*pictures, error) {
	return &pictures{}, nil
}

func (p *pictures) any() bool       { return false }
func (p *pictures) has(int) bool    { return false }
func (p *pictures) notes() []string { return []string{} }

func (s *Server) getImage(w http.ResponseWriter, r *http.Request) {}
func (s *Server) getThumb(w http.ResponseWriter, r *http.Request) {}
