package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoadAll: the figures of several runs are reported as those of one.
func TestLoadAll(t *testing.T) {
	dir := t.TempDir()
	runs := func(name, link, scenario string, wall float64) *figures {
		f := &figures{Links: []linkInfo{{Name: link}}}
		f.Name = name
		for _, tool := range []string{gocacheName, tarName} {
			r := run{Link: link, Scenario: scenario, Tool: tool, Round: 1}
			r.Wall = wall
			f.Runs = append(f.Runs, r)
			wall *= 2
		}
		return f
	}
	var files []string
	for i, f := range []*figures{
		runs("a", loopback, firstSave, 1), runs("a", shaped, firstSave, 3), runs("b", loopback, firstSave, 5), runs("a", loopback, releaseSave, 7),
	} {
		data, err := json.Marshal(results{Rounds: 3 - i%2, Projects: []*figures{f}})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, string(rune('0'+i)))
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	all, err := loadAll(strings.Join(files, ","))
	if err != nil {
		t.Fatal(err)
	}
	if all.Rounds != 2 || len(all.Projects) != 2 {
		t.Fatalf("%d rounds, %d projects", all.Rounds, len(all.Projects))
	}
	a, b := all.Projects[0], all.Projects[1]
	if a.Name != "a" || len(a.Runs) != 6 || len(a.Links) != 2 || b.Name != "b" || len(b.Runs) != 2 || len(b.Links) != 1 {
		t.Errorf("%+v, %+v", a, b)
	}
	for _, link := range linkNames {
		if ratio, ok := a.ratio(link, firstSave, wall); !ok || ratio != 0.5 {
			t.Errorf("%s: ratio %v, %t", link, ratio, ok)
		}
	}
	if len(a.Compared) == 0 {
		t.Error("nothing is compared")
	}
	if _, err := loadAll(files[0] + "," + filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent file is no error")
	}
}
