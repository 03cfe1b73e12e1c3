package picture

import (
	"fmt"
	"math"

	"fovea/picture/internal/tiff"
)

// Georeference says where on the earth an image lies.
type Georeference struct {
	// CRS is the coordinate reference system, such as "EPSG:32633"; "" if it is not one of the EPSG's by number.
	CRS string
	// XMin to YMax are the bounds of the image, from the outer edges of its pixels: x is the easting or the longitude, y
	// the northing or the latitude. Those of an image that does not lie along the axes are the bounds of its corners.
	XMin, YMin, XMax, YMax float64
}

// geoTransform turns pixels, counted from the outer corner of the first one, into coordinates.
type geoTransform struct {
	crs              string
	x, xRight, xDown float64
	y, yRight, yDown float64
}

// geoOf reads the tags of a GeoTIFF, nil where they are none or say no place. Points on the ground alone, without a scale
// between them, are not a transformation.
func geoOf(d *tiff.Directory) (*geoTransform, error) {
	scale, scaleErr := d.Floats(tiff.PixelScale, 3)
	points, pointErr := d.Floats(tiff.Tiepoints, 6)
	matrix, matrixErr := d.Floats(tiff.Transformation, 16)
	keys, keyErr := d.Uints(tiff.GeoKeys, mostGeoKeys)
	for _, err := range []error{scaleErr, pointErr, matrixErr, keyErr} {
		if err != nil {
			return nil, err
		}
	}
	g := &geoTransform{}
	switch {
	case len(scale) >= 2 && len(points) == 6 && scale[0] != 0 && scale[1] != 0:
		// GDAL, too, takes a negative scale for a mistake: north is up.
		g.xRight, g.yDown = scale[0], -math.Abs(scale[1])
		g.x, g.y = points[3]-points[0]*g.xRight, points[4]-points[1]*g.yDown
	case len(matrix) == 16:
		g.xRight, g.xDown, g.x = matrix[0], matrix[1], matrix[3]
		g.yRight, g.yDown, g.y = matrix[4], matrix[5], matrix[7]
	default:
		return nil, nil
	}
	known := geoKeys(keys)
	if known[keyRasterType] == rasterIsPoint { // coordinates are those of the pixels' centres
		g.x -= (g.xRight + g.xDown) / 2
		g.y -= (g.yRight + g.yDown) / 2
	}
	g.crs = crsOf(known)
	return g, nil
}

// The keys of GeoTIFF that are read, and what they may say.
const (
	keyModelType  = 1024
	keyRasterType = 1025
	keyGeographic = 2048
	keyDegrees    = 2054 // the unit of angles
	keyProjected  = 3072
	keyMetres     = 3076 // the unit of a projected system
	rasterIsPoint = 2

	modelMissing, modelProjected, modelGeographic, modelGeocentric = 0, 1, 2, 3

	// EPSG's numbers; others are private, or mean that the file describes its own.
	leastEPSG, mostEPSG = 1024, 32766

	keysVersion, keysHeader = 1, 4

	mostGeoKeys = 4 * 1024
)

// geoKeys are the short numbers in a directory of keys. One of another version, or of more keys than there are, says
// nothing, as to GDAL; what follows its keys is not of it.
func geoKeys(numbers []uint64) map[int]int {
	known := map[int]int{}
	if len(numbers) < keysHeader || numbers[0] != keysVersion || numbers[3] > uint64(len(numbers)/4-1) {
		return known
	}
	for n := range int(numbers[3]) {
		key := numbers[keysHeader+4*n:]
		if key[1] == 0 && key[2] == 1 { // else the value is elsewhere
			known[int(key[0])] = int(key[3])
		}
	}
	return known
}

// crsOf is the system that the coordinates are in. In a projected one, the geographic system is only what is projected:
// taking metres for its degrees would be wrong. Nor are coordinates in other units than the system's in that system, as
// GDAL has it, too.
func crsOf(known map[int]int) string {
	var code, unit int
	projected := false
	switch known[keyModelType] {
	case modelProjected, modelMissing:
		code, unit, projected = known[keyProjected], known[keyMetres], true
	case modelGeographic:
		code, unit = known[keyGeographic], known[keyDegrees]
	case modelGeocentric:
		code = known[keyGeographic]
	}
	if code < leastEPSG || code > mostEPSG || !inUnit(code, projected, unit) {
		return ""
	}
	return fmt.Sprintf("EPSG:%d", code)
}

// bounds are those of a rectangle of pixels, nil if they are not numbers.
func (g *geoTransform) bounds(left, top, right, bottom float64) *Georeference {
	out := &Georeference{CRS: g.crs, XMin: math.Inf(1), YMin: math.Inf(1), XMax: math.Inf(-1), YMax: math.Inf(-1)}
	for _, corner := range [][2]float64{{left, top}, {right, top}, {left, bottom}, {right, bottom}} {
		x := g.x + corner[0]*g.xRight + corner[1]*g.xDown
		y := g.y + corner[0]*g.yRight + corner[1]*g.yDown
		out.XMin, out.XMax = math.Min(out.XMin, x), math.Max(out.XMax, x)
		out.YMin, out.YMax = math.Min(out.YMin, y), math.Max(out.YMax, y)
	}
	for _, v := range []float64{out.XMin, out.YMin, out.XMax, out.YMax} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	}
	return out
}
