package picture

import (
	"errors"
	"fmt"

	"fovea/preprocessing"
)

// DecodeEach is Decode with several options, for models that take an image differently: its pixels are decoded once.
// The limits of the first options hold.
func DecodeEach(data []byte, options []Options) ([]Picture, error) {
	if err := validateEach(options); err != nil {
		return nil, err
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	pictures := make([]Picture, len(options))
	err := w.decodeEach(data, options, pictures, func(i int, s source) {
		o, out := options[i], &pictures[i]
		out.Pix = make([]uint8, 3*o.Width*o.Height*o.Views.Count())
		w.render(out.Pix, s, filters[o.Interpolation], o.frames(s.width, s.height))
	})
	if err != nil {
		return nil, err
	}
	return pictures, nil
}

// DecodeTensors is DecodeTensor with several options: each dst is filled by the options and the preprocessing of the
// same index.
func DecodeTensors(dst [][]float32, data []byte, options []Options, how []preprocessing.Spec) error {
	if err := validateEach(options); err != nil {
		return err
	}
	if len(dst) != len(options) || len(how) != len(options) {
		return fmt.Errorf("image: %d tensors and %d preprocessings for %d options", len(dst), len(how), len(options))
	}
	for i, o := range options {
		if err := how[i].Validate(); err != nil {
			return err
		}
		if want := o.Views.Count() * o.Height * o.Width * how[i].Depth(); len(dst[i]) != want {
			return fmt.Errorf("image: a tensor of %d numbers for %d views of %dx%d pixels: it takes %d", len(dst[i]), o.Views.Count(), o.Width, o.Height, want)
		}
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	return w.decodeEach(data, options, nil, func(i int, s source) {
		o := options[i]
		w.views = grown(w.views, 3*o.Width*o.Height*o.Views.Count())
		w.render(w.views, s, filters[o.Interpolation], o.frames(s.width, s.height))
		how[i].Apply(dst[i], w.views)
	})
}

// decodeEach calls render for each of the options, and describes the pictures, if there are any.
func (w *workspace) decodeEach(data []byte, options []Options, pictures []Picture, render func(i int, s source)) error {
	j := job{limit: options[0].MaxPixels}
	for i, o := range options {
		j.parts = append(j.parts, o.part(func(s source) error {
			render(i, s)
			return nil
		}))
	}
	var all Picture
	if err := w.open(data, options[0].MaxTime, j, &all); err != nil {
		return err
	}
	for i := range pictures {
		o, pix := options[i], pictures[i].Pix
		pictures[i] = all
		pictures[i].Pix, pictures[i].Width, pictures[i].Height, pictures[i].Views = pix, o.Width, o.Height, o.Views.Count()
	}
	return nil
}

func validateEach(options []Options) error {
	if len(options) == 0 {
		return errors.New("image: no options")
	}
	for _, o := range options {
		if err := o.Validate(); err != nil {
			return err
		}
	}
	return nil
}
