package picture

import "fovea/picture/internal/tiff"

// ofScene tells whether a range depends on the samples of an image.
func (k *tiffKind) ofScene(r Range) bool {
	s, err := r.scale()
	if err != nil || !k.deep {
		return false
	}
	switch s.kind {
	case scaleMinMax, scalePercentile:
		return true
	case scaleAuto:
		return k.Format != tiff.Unsigned || k.Bits > 16
	}
	return false
}

// findRange computes the range of the whole level, if the parts need it.
func (s *Scene) findRange() error {
	t := s.tiff
	if t.job.scene != nil || !t.kind.ofScene(s.options.Range) {
		return nil
	}
	d := t.kind.deepOf()
	tally, err := s.tally(&d)
	if err != nil {
		return err
	}
	d.tally = tally
	c, err := t.w.curveFor(&d, s.options.Range)
	if err != nil {
		return err
	}
	t.job.scene = &c.span
	return nil
}

// deepOf is what the samples are, without any.
func (k *tiffKind) deepOf() deep {
	return deep{bits: k.Bits, signed: k.Format == tiff.Signed, float: k.Format == tiff.Float, noData: noDataOf(k.Directory(), k.Layout)}
}

// tally lists the samples of the scene: of words after a single pass, of others in a pass each time.
func (s *Scene) tally(d *deep) (tally, error) {
	k := s.tiff.kind
	if k.Bits > 16 || k.Format == tiff.Float {
		return func(see func(v float64, times int64)) error {
			return s.each(func(p deepPage) {
				row := make([]float64, p.samples.Width*k.colours)
				for y := range p.samples.Height {
					p.numberRow(y, row)
					for _, v := range row {
						if !d.missing(v) {
							see(v, 1)
						}
					}
				}
			})
		}, nil
	}
	counts := new([1 << 16]int64)
	err := s.each(func(p deepPage) {
		row := make([]uint16, p.samples.Width*k.colours)
		for y := range p.samples.Height {
			p.wordRow(y, row)
			for _, word := range row {
				counts[word]++
			}
		}
	})
	return func(see func(v float64, times int64)) error {
		for word, n := range counts {
			if v := d.wordValue(uint16(word)); n > 0 && !d.missing(v) {
				see(v, n)
			}
		}
		return nil
	}, err
}

// each visits the samples of all units, each within the time that one may take.
func (s *Scene) each(visit func(p deepPage)) error {
	t := s.tiff
	for down := range divided(s.Height, t.height) {
		for across := range t.across {
			t.begin(s)
			if err := s.ctx.Err(); err != nil {
				return err
			}
			samples, err := t.samples(across, down)
			if err != nil {
				return err
			}
			visit(deepPage{t.kind, samples, t.kind.deepOf()})
		}
	}
	return nil
}
