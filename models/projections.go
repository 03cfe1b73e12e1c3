package models

import "fovea/projection"

// projectionDir is the directory of fitted projections, projections/ beside Dir.
func projectionDir() (string, error) { return cached("projections") }

// FindProjection is the projection that a recipe names, nil for none: made anew, or read from one of the directories or
// from projections/ beside Dir.
func FindProjection(name string, dirs ...string) (*projection.Projection, error) {
	if kept, err := projectionDir(); err == nil {
		dirs = append(dirs, kept)
	}
	return projection.Find(name, dirs...)
}

// KeepProjection puts a fitted projection into projections/ beside Dir. Others need no file.
func KeepProjection(p *projection.Projection) error {
	if p.How().SHA256 == "" {
		return nil
	}
	dir, err := projectionDir()
	if err != nil {
		return err
	}
	return p.Keep(dir)
}
