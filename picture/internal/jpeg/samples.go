package jpeg

// DecodeSamples decodes a file to samples of 16 bits, whatever their precision: the components as
// they are stored, none enlarged or converted, which is what DICOM asks for. All planes have Deep,
// and no Pix.
func (d *Decoder) DecodeSamples(data []byte) (Image, error) {
	out, err := d.Decode(data)
	if err != nil || out.Precision != 8 {
		return out, err
	}
	for i := range out.Planes {
		p, c := &out.Planes[i], &d.components[i]
		c.deep = sized(c.deep, len(p.Pix))
		for at, v := range p.Pix {
			c.deep[at] = uint16(v)
		}
		p.Deep, p.Pix = c.deep, nil
	}
	return out, nil
}
