package picture

import (
	"bytes"
	"errors"

	"fovea/picture/internal/dicom"
	"fovea/picture/internal/tiff"
)

// Facts are what a file says of its image besides the pixels.
type Facts struct {
	// Patient is the PatientID (0010,0020) of a DICOM file and Study its StudyInstanceUID (0020,000D), without blanks
	// around them; "" if there is none. They say whose body an image shows: they are not to be stored as they are.
	Patient, Study string
	// Georeference is that of a GeoTIFF, nil if it has none.
	Georeference *Georeference
}

// ErrNobody says that a file names neither a patient nor a study.
var ErrNobody = errors.New("it has neither a PatientID nor a StudyInstanceUID, as DICOM files have: leave it out, or group images by a table")

// Person tells whose body is shown: by the patient, or else by the study. It is not to be stored.
func (f Facts) Person() (string, error) {
	switch {
	case f.Patient != "":
		return "patient\x00" + f.Patient, nil
	case f.Study != "":
		return "study\x00" + f.Study, nil
	}
	return "", ErrNobody
}

// WantedFacts say which facts are looked for.
type WantedFacts struct{ Identity, Georeference bool }

// Any reports whether any are.
func (w WantedFacts) Any() bool { return w.Identity || w.Georeference }

// FactsOf reads facts of a file that can be decoded. What it does not say is left empty.
func FactsOf(data []byte, wanted WantedFacts) (facts Facts, err error) {
	defer recoverDecoder(&err)
	switch {
	case dicom.Is(data):
		if !wanted.Identity {
			return facts, nil
		}
		f, err := dicom.Parse(data, dicom.Options{Identity: true})
		if err != nil {
			return facts, (&workspace{}).dicomReason(err)
		}
		facts.Patient, facts.Study = f.Patient, f.Study
	case isTIFF(data) && wanted.Georeference:
		facts.Georeference, err = georeferenceOf(data)
	}
	return facts, err
}

// georeferenceOf is the georeference of the page that is decoded.
func georeferenceOf(data []byte) (*Georeference, error) {
	f, err := tiff.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	page, err := f.Page()
	if err == nil {
		page, err = firstPage(f, page)
	}
	if err != nil {
		return nil, err
	}
	g, err := geoOf(page)
	if err != nil || g == nil {
		return nil, err
	}
	bounds := g.bounds(0, 0, float64(page.Uint(tiff.Width, 0)), float64(page.Uint(tiff.Height, 0)))
	return bounds, nil
}
