package shelf

import (
	"bytes"
	"io"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/snapshot"
)

// FuzzZip: no zip but one with the right files becomes a module object, and that can be read.
func FuzzZip(f *testing.F) {
	v := module.Version{Path: "example.com/m", Version: "v1.0.0"}
	data, sum := zipOf(f, v, file{"go.mod", "module example.com/m\n"}, file{"a.go", "package m\n"})
	f.Add(data)
	other, _ := zipOf(f, v, file{"go.mod", "module example.com/m\n"})
	f.Add(other)
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := openZip(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		var object bytes.Buffer
		if (Module{Version: v, Sum: sum}).write(&object, z) != nil {
			return
		}
		if err := Verify(&object, v, sum); err != nil {
			t.Error(err)
		}
	})
}

// FuzzVerify: no bytes but a module object with the right files are one.
func FuzzVerify(f *testing.F) {
	v := module.Version{Path: "example.com/m", Version: "v1.0.0"}
	data, sum := zipOf(f, v, file{"a.go", "package m\n"})
	z, err := openZip(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		f.Fatal(err)
	}
	var object bytes.Buffer
	if err := (Module{Version: v, Sum: sum}).write(&object, z); err != nil {
		f.Fatal(err)
	}
	f.Add(object.Bytes())
	f.Add(object.Bytes()[:object.Len()-1])
	f.Fuzz(func(t *testing.T, stored []byte) {
		if Verify(bytes.NewReader(stored), v, sum) != nil {
			return
		}
		rd := snapshot.NewReader(snapshot.StreamModule(bytes.NewReader(stored)), nil, nil)
		defer rd.Close()
		for {
			m, err := rd.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("verified, and cannot be read: %v", err)
			}
			if content, err := io.ReadAll(rd); m.Name == "example.com/m@v1.0.0/a.go" && string(content) != "package m\n" || err != nil {
				t.Errorf("%s has %q, %v", m.Name, content, err)
			}
		}
	})
}

// FuzzSums: hashes are read as they were written.
func FuzzSums(f *testing.F) {
	f.Add([]byte(`{"sum":"h1:a","modSum":"h1:b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSums(data)
		if err != nil {
			return
		}
		if again, err := DecodeSums(s.Encode()); again != s || err != nil {
			t.Errorf("%+v became %+v, %v", s, again, err)
		}
	})
}
