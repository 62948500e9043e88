package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestGeneratedFiles: action.yml, its sisters and the documentation say what the table says.
func TestGeneratedFiles(t *testing.T) {
	for _, f := range generatedFiles() {
		got, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(f.path)))
		if err != nil {
			t.Fatal(err)
		}
		if string(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))) != f.text {
			t.Errorf("%s is out of date: go run ./cmd/gocache action docs", f.path)
		}
	}
}

// TestInputsCoverFlags: each flag has one input, in the steps that run its command, and says what
// it does.
func TestInputsCoverFlags(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range inputs() {
		if seen[in.name] {
			t.Errorf("input %s is there twice", in.name)
		}
		seen[in.name] = true
		if in.help == "" || in.steps&stepWhole == 0 || strings.Contains(in.help, "$GOCACHE") {
			t.Errorf("input %s: steps %s, help %q", in.name, in.steps, in.help)
		}
	}
	for command, step := range map[string]step{"restore": stepRestore, "save": stepSave} {
		commandFlags(command).VisitAll(func(f *pflag.Flag) {
			ok := slices.ContainsFunc(inputs(), func(in input) bool { return in.flag == f.Name && in.steps&step != 0 })
			if ok == slices.Contains(notInputs, f.Name) {
				t.Errorf("flag --%s of %s: is an input: %t", f.Name, command, ok)
			}
		})
	}
}

// inputsOf returns the values that a runner passes for a step.
func inputsOf(with map[string]string) inputValues {
	env := map[string]string{}
	for name, value := range with {
		if strings.ToUpper(name) != name {
			name = "INPUT_" + strings.ToUpper(name)
		}
		env[name] = value
	}
	return inputValues{env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, list: inputs()}
}

// TestInputsAsTwins: what the commands see.
func TestInputsAsTwins(t *testing.T) {
	for name, c := range map[string]struct {
		with map[string]string
		twin string
		want string
	}{
		"flag":               {map[string]string{"max-age": " 7d "}, "MAX_AGE", "7d"},
		"environment":        {map[string]string{"max-age": "", "GOCACHE_ACTION_MAX_AGE": "3d"}, "MAX_AGE", "3d"},
		"input wins":         {map[string]string{"max-age": "7d", "GOCACHE_ACTION_MAX_AGE": "3d"}, "MAX_AGE", "7d"},
		"renamed":            {map[string]string{"working-directory": "sub"}, "DIR", "sub"},
		"off":                {map[string]string{"modules": "false"}, "NO_MODULES", "true"},
		"on":                 {map[string]string{"modules": "true"}, "NO_MODULES", "false"},
		"zips on":            {map[string]string{"zips": "true"}, "ZIPS", "rebuild"},
		"zips":               {map[string]string{"zips": "omit"}, "ZIPS", "omit"},
		"matrix":             {map[string]string{"matrix": `{"a": 1}`}, "MATRIX", `{"a": 1}`},
		"store":              {map[string]string{"store": "file:///x"}, "STORE", "file:///x"},
		"bucket":             {map[string]string{"bucket": "b"}, "STORE", "s3://b"},
		"bucket and more":    {map[string]string{"bucket": "b", "prefix": "/p q/", "region": "eu-west-1", "endpoint": "http://h:1", "path-style": "true"}, "STORE", "s3://b/p%20q?endpoint=http%3A%2F%2Fh%3A1&path-style=true&region=eu-west-1"},
		"store and region":   {map[string]string{"store": "s3://b/p?region=x", "region": "y", "path-style": "true"}, "STORE", "s3://b/p?path-style=true&region=x"},
		"region alone":       {map[string]string{"region": "y", "GOCACHE_ACTION_STORE": "s3://e"}, "STORE", "s3://e"},
		"no JSON in the log": {map[string]string{"GOCACHE_ACTION_JSON": "true"}, "JSON", ""},
	} {
		in := inputsOf(c.with)
		if err := in.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := in.lookup(twinPrefix + c.twin); got != c.want {
			t.Errorf("%s: $%s%s is %q, want %q", name, twinPrefix, c.twin, got, c.want)
		}
	}
}

// TestWrongInputs: a mistake is named as the user made it, and ends the step before anything is
// done.
func TestWrongInputs(t *testing.T) {
	for want, with := range map[string]map[string]string{
		`invalid value "maybe" in the input modules`:    {"modules": "maybe"},
		`invalid value "1 fortnight" in the input max-`: {"max-age": "1 fortnight"},
		`invalid value "x" in the input stall-timeout`:  {"stall-timeout": "x"},
		`invalid value "y" in $GOCACHE_ACTION_TIMEOUT`:  {"GOCACHE_ACTION_TIMEOUT": "y"},
		"the inputs store and bucket exclude":           {"store": "s3://a", "bucket": "b"},
		"the input prefix goes with bucket":             {"store": "s3://a", "prefix": "b"},
		"one of them is empty":                          {"access-key-id": "AKID"},
		"project directory nowhere is not a directory":  {"working-directory": "nowhere"},
	} {
		if with["store"] == "" {
			with["store"] = "file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "store"))
		}
		if with["bucket"] != "" && !strings.Contains(want, "exclude") {
			delete(with, "store")
		}
		var out bytes.Buffer
		code := execute(context.Background(), &console{stdout: &out, stderr: &out}, []string{"action", "main"}, inputsOf(with).env)
		if line := "::error title=gocache::"; code != exitUsage || !strings.Contains(out.String(), line) || !strings.Contains(out.String(), want) {
			t.Errorf("%v: exit code %d, want %q in\n%s", with, code, want, out.String())
		}
	}
}

// TestAnnotations: one for each kind of trouble, whatever file, version or number it is about.
func TestAnnotations(t *testing.T) {
	var out bytes.Buffer
	x := (&app{out: &console{stdout: &out}, lookup: func(string) (string, bool) { return "", false }}).newAction()
	for _, m := range []string{
		"module example.com/a@v1.0.0 is not saved: open /x/y: permission denied",
		"module example.com/b@v2.0.0 is not saved: open /x/z: permission denied",
		"module example.com/b@v2.0.0 is not saved: open /x/z: permission denied",
		"build cache output 0123456789abcdef is not saved: unexpected EOF",
		"the store has no conditional writes: of saves of this key at the same time, one may be lost",
	} {
		x.notes.add(m, "")
	}
	x.end(nil)
	if n := strings.Count(out.String(), "::warning title=gocache::"); n != 3 || !strings.Contains(out.String(), "(and 1 more like this: see the log)") {
		t.Errorf("%d annotations:\n%s", n, out.String())
	}
}
