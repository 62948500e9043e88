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
		total, free, id, err := osfile.Space(dir)
		if err != nil || total <= 0 {
			continue
		}
		if i, ok := ids[id]; ok {
			list[i].Dirs = append(list[i].Dirs, dir)
			continue
		}
		ids[id] = len(list)
		list = append(list, Disk{Dirs: []string{dir}, Total: total, Free: free})
	}
	return list
}
