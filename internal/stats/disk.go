package stats

import "github.com/org/gocache-action/internal/osfile"

// DisksOf describes the file systems of these directories, each once. Where the system does not
// tell, there is none.
func DisksOf(dirs ...string) (list []Disk) {
	ids := map[string]int{}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		v, err := osfile.Space(dir)
		if err != nil || v.Total <= 0 {
			continue
		}
		if i, ok := ids[v.ID]; ok {
			list[i].Dirs = append(list[i].Dirs, dir)
			continue
		}
		ids[v.ID] = len(list)
		list = append(list, Disk{Dirs: []string{dir}, Total: v.Total, Free: v.Free})
	}
	return list
}
