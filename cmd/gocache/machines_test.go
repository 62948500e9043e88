package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
)

// schedule returns a recipe of docs/machines.md.
func schedule(t *testing.T, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readDoc(t, "machines.md"), "<!-- tested: "+name+" -->\n```")
	_, rest, ok2 := strings.Cut(rest, "\n")
	text, _, ok3 := strings.Cut(rest, "\n```")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("docs/machines.md has no recipe %s", name)
	}
	return text + "\n"
}

// checkTrim checks a command line: the program, the command, and flags with values that it takes.
func checkTrim(t *testing.T, program string, args []string) {
	t.Helper()
	base := strings.TrimSuffix(program[strings.LastIndexAny(program, `/\`)+1:], ".exe")
	if base != "gocache" || len(args) == 0 || args[0] != "trim" {
		t.Fatalf("not a trim: %s %q", program, args)
	}
	cfg := config.New(config.Trim)
	for i := 1; i < len(args); i++ {
		list := config.OptionsOf(config.Trim)
		n := slices.IndexFunc(list, func(o config.Option) bool { return "--"+o.Name == args[i] })
		if n < 0 {
			t.Fatalf("trim has no %s", args[i])
		}
		value := "true"
		if !list[n].IsSwitch() {
			if i++; i == len(args) {
				t.Fatalf("%s has no value", args[i-1])
			}
			value = args[i]
		}
		if err := list[n].Value(cfg).Set(value); err != nil {
			t.Errorf("%s: %v", list[n].Name, err)
		}
	}
	if err := cfg.Check(); err != nil || cfg.MaxAge == 0 || cfg.MaxSize.All == 0 {
		t.Errorf("%q: %v, %v, %v", args, err, cfg.MaxAge, cfg.MaxSize)
	}
}

// units reads a unit file: section.key to value.
func units(t *testing.T, text string) map[string]string {
	t.Helper()
	values, section := map[string]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		switch {
		case line == "":
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = line
		case !ok || section == "":
			t.Errorf("not a line of a unit: %q", line)
		default:
			values[section+key] = value
		}
	}
	return values
}

// TestSystemd: the units are well-formed, as systemd sees it where it is installed.
func TestSystemd(t *testing.T) {
	service, timer := schedule(t, "service"), schedule(t, "timer")
	s := units(t, service)
	words := strings.Fields(s["[Service]ExecStart"])
	if s["[Service]Type"] != "oneshot" || len(words) == 0 || !strings.HasPrefix(words[0], "/") {
		t.Fatalf("service: %v", s)
	}
	checkTrim(t, words[0], words[1:])
	at := units(t, timer)
	if !regexp.MustCompile(`^\*-\*-\* ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$`).MatchString(at["[Timer]OnCalendar"]) || at["[Install]WantedBy"] != "timers.target" {
		t.Errorf("timer: %v", at)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return
	}
	dir := t.TempDir()
	service = strings.Replace(service, words[0], "/bin/true", 1)
	for name, text := range map[string]string{"gocache-trim.service": service, "gocache-trim.timer": timer} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(analyze, "verify", "gocache-trim.service", "gocache-trim.timer")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// TestCron: five fields within their bounds, and a command without what cron takes for a new line.
func TestCron(t *testing.T) {
	found := false
	for line := range strings.Lines(schedule(t, "cron")) {
		if name, _, ok := strings.Cut(line, "="); ok && !strings.Contains(name, " ") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 7 || strings.Contains(line, "%") {
			t.Fatalf("line %q", line)
		}
		for i, most := range []int{59, 23, 31, 12, 7} {
			if n, err := strconv.Atoi(words[i]); words[i] != "*" && (err != nil || n > most) {
				t.Errorf("field %d of %q", i+1, line)
			}
		}
		checkTrim(t, words[5], slices.DeleteFunc(words[6:], func(w string) bool { return w == "--quiet" }))
		found = true
	}
	if !found {
		t.Error("no line")
	}
}

// TestLaunchd: the property list has the types that launchd wants.
func TestLaunchd(t *testing.T) {
	var list struct {
		Dict struct {
			Keys   []string `xml:"key"`
			Arrays []struct {
				Strings []string `xml:"string"`
			} `xml:"array"`
			Dicts []struct {
				Keys     []string `xml:"key"`
				Integers []int    `xml:"integer"`
			} `xml:"dict"`
		} `xml:"dict"`
	}
	text := schedule(t, "plist")
	if err := xml.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, text)
	args := list.Dict.Arrays[0].Strings
	checkTrim(t, args[0], args[1:])
	at := list.Dict.Dicts[slices.IndexFunc(list.Dict.Dicts, func(d struct {
		Keys     []string `xml:"key"`
		Integers []int    `xml:"integer"`
	}) bool {
		return len(d.Integers) > 0
	})]
	if !slices.Equal(at.Keys, []string{"Hour", "Minute"}) || len(at.Integers) != 2 || at.Integers[0] > 23 || at.Integers[1] > 59 {
		t.Errorf("time: %+v", at)
	}
	for _, key := range []string{"Label", "ProgramArguments", "StartCalendarInterval"} {
		if !slices.Contains(list.Dict.Keys, key) {
			t.Errorf("no %s in %v", key, list.Dict.Keys)
		}
	}
}

// TestTaskScheduler: the task has a trigger, and a command that gocache knows.
func TestTaskScheduler(t *testing.T) {
	var task struct {
		XMLName xml.Name `xml:"http://schemas.microsoft.com/windows/2004/02/mit/task Task"`
		Start   string   `xml:"Triggers>CalendarTrigger>StartBoundary"`
		Days    int      `xml:"Triggers>CalendarTrigger>ScheduleByDay>DaysInterval"`
		Command string   `xml:"Actions>Exec>Command"`
		Args    string   `xml:"Actions>Exec>Arguments"`
		Battery string   `xml:"Settings>DisallowStartIfOnBatteries"` // true, if it is not there
	}
	text := schedule(t, "task")
	if err := xml.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, text)
	if task.Days != 1 || task.Battery != "false" || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`).MatchString(task.Start) {
		t.Errorf("trigger: %+v", task)
	}
	checkTrim(t, task.Command, strings.Fields(task.Args))
}

// wellFormed reads a text to its end: Unmarshal stops after the first element.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
