//go:build linux

package main

import (
	"io/fs"
	"path/filepath"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

// share is the part of an output that lies in one frame.
type share struct {
	path  string
	mode  fs.FileMode
	whole bool // no other frame has bytes of the output
	runs  []run
}

// run is a range of bytes of an output: its offset in the output, and in the decoded frame.
type run struct {
	at    int64
	spans []span
}

type span struct{ from, to int32 }

// shares lists what has to be written of outputs, by pack and frame. The plan makes empty outputs.
func (p *planner) shares(m *snapshot.Manifest) [][][]share {
	list := make([][][]share, len(m.Packs))
	for i := range m.Packs {
		list[i] = make([][]share, len(m.Packs[i].Frames))
	}
	for i := range m.Outputs {
		o := &m.Outputs[i]
		id := digest.ID(o.ID).String()
		path, mode := filepath.Join(p.build, id[:2], id+"-d"), fs.FileMode(0o644)
		if o.Exec != "" {
			path, mode = filepath.Join(path, o.Exec), 0o755
		}
		p.mkdir(filepath.Dir(path))
		if len(o.Extents) == 0 {
			p.empty = append(p.empty, path)
		}
		at := int64(0)
		seen := map[[2]int32]bool{}
		for _, e := range o.Extents {
			frame := &list[e.Pack][e.Frame]
			if key := [2]int32{e.Pack, e.Frame}; !seen[key] {
				seen[key] = true
				*frame = append(*frame, share{path: path, mode: mode})
			}
			(*frame)[len(*frame)-1].add(at, e)
			at += int64(e.Len)
		}
		if len(seen) == 1 {
			frame := list[o.Extents[0].Pack][o.Extents[0].Frame]
			frame[len(frame)-1].whole = true
		}
	}
	return list
}

// add adds an extent, which begins at this offset of the output.
func (s *share) add(at int64, e snapshot.Extent) {
	x := span{e.Off, e.Off + e.Len}
	if n := len(s.runs); n > 0 && s.runs[n-1].end() == at {
		s.runs[n-1].spans = append(s.runs[n-1].spans, x)
		return
	}
	s.runs = append(s.runs, run{at, []span{x}})
}

func (s *share) size() (n int) {
	for i := range s.runs {
		n += int(s.runs[i].end() - s.runs[i].at)
	}
	return n
}

func (r *run) end() int64 {
	end := r.at
	for _, x := range r.spans {
		end += int64(x.to - x.from)
	}
	return end
}

func (r *run) parts(raw []byte) (parts [][]byte) {
	for _, x := range r.spans {
		parts = append(parts, raw[x.from:x.to])
	}
	return parts
}

// write writes the share directly to the file with the output's name, even if others are writing to
// it as well: nobody reads it before everything is done.
func (s *share) write(raw []byte) error {
	open := osfile.Overwrite
	if s.whole {
		open = osfile.Create
	}
	f, err := open(s.path, s.mode)
	if err != nil {
		return err
	}
	for i := range s.runs {
		if s.whole {
			_, err = f.WriteParts(s.runs[i].parts(raw)...)
		} else {
			_, err = f.WritePartsAt(s.runs[i].at, s.runs[i].parts(raw)...)
		}
		if err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
