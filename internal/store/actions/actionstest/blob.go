package actionstest

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// storage is the part of the service that keeps blobs, as Azure does.
type storage struct{ *Server }

func (s storage) serveBlob(w http.ResponseWriter, r *http.Request) {
	write := r.Method == http.MethodPut
	e, ok := s.verify(r.URL, write)
	kind := kindOf(r)
	key := ""
	if e != nil {
		key = e.key
	}
	if r.Header.Get("Authorization") != "" {
		s.problem("%s %s: the token was sent to the storage", kind, key)
	}
	f, cont := s.begin(w, r, kind, key)
	switch {
	case !cont:
		return
	case !ok:
		azure(w, http.StatusForbidden, "AuthenticationFailed")
		return
	case f.Cut > 0:
		w = &cutting{w, f.Cut}
	}
	if !write {
		s.download(w, r, e)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client broke off
	}
	answer := map[string]func(http.ResponseWriter, *http.Request, *entry, []byte){
		PutBlob: s.putBlob, PutBlock: s.putBlock, PutList: s.putList, Copy: s.copyBlock,
	}[kind]
	if f.Lost {
		answer(discard{}, r, e, body)
		panic(http.ErrAbortHandler)
	}
	answer(w, r, e, body)
}

func kindOf(r *http.Request) string {
	switch comp := r.URL.Query().Get("comp"); {
	case r.Method != http.MethodPut:
		return Get
	case comp == "blocklist":
		return PutList
	case comp == "block" && r.Header.Get("X-Ms-Copy-Source") != "":
		return Copy
	case comp == "block":
		return PutBlock
	}
	return PutBlob
}

// verify returns the entry that a signed URL is for.
func (s storage) verify(u *url.URL, write bool) (*entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sig, ok := s.signed[strings.TrimSuffix(u.Query().Get("sig"), "+=")]
	return sig.entry, ok && sig.write == write && time.Now().Before(sig.expires)
}

func azure(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Ms-Error-Code", code)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code></Error>`, code)
}

// cutting ends a body early.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	c.ResponseWriter.Write(p[:c.left])
	c.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func (s storage) download(w http.ResponseWriter, r *http.Request, e *entry) {
	s.mu.Lock()
	content, ok, written := e.content, e.committed, e.finalized
	s.mu.Unlock()
	if !ok {
		azure(w, http.StatusNotFound, "BlobNotFound")
		return
	}
	if strings.HasPrefix(r.Header.Get("Range"), "bytes=-") {
		s.problem("GET %s: Azure has no ranges that count from the end", e.key)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", strconv.Quote(strconv.Itoa(e.id)))
	http.ServeContent(w, r, "", written, bytes.NewReader(content))
}

// maxPut bounds what one request may write.
const maxPut = 256 << 20

func (s storage) putBlob(w http.ResponseWriter, r *http.Request, e *entry, body []byte) {
	if r.Header.Get("X-Ms-Blob-Type") != "BlockBlob" || len(body) > maxPut {
		s.problem("BLOB %s: type %q, %d bytes", e.key, r.Header.Get("X-Ms-Blob-Type"), len(body))
		azure(w, http.StatusBadRequest, "InvalidHeaderValue")
		return
	}
	s.commit(w, e, body, nil)
}

func (s storage) commit(w http.ResponseWriter, e *entry, content []byte, listed map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !e.finalized.IsZero() {
		s.problems = append(s.problems, "the entry "+e.key+" is written after it was finalized")
		azure(w, http.StatusConflict, "BlobImmutableDueToPolicy")
		return
	}
	e.content, e.committed, e.blocks, e.listed = content, true, map[string][]byte{}, listed
	created(w)
}

func created(w http.ResponseWriter) {
	w.Header().Set("ETag", `"0x8D"`)
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("X-Ms-Request-Server-Encrypted", "true")
	w.WriteHeader(http.StatusCreated)
}

func (s storage) putBlock(w http.ResponseWriter, r *http.Request, e *entry, body []byte) {
	id := r.URL.Query().Get("blockid")
	s.mu.Lock()
	defer s.mu.Unlock()
	wrong := ""
	if _, err := base64.StdEncoding.DecodeString(id); err != nil || id == "" {
		wrong = "InvalidQueryParameterValue"
	}
	for other := range e.blocks {
		if len(other) != len(id) {
			wrong = "InvalidBlobOrBlock"
		}
	}
	if len(body) == 0 || len(body) > maxPut {
		wrong = "InvalidHeaderValue"
	}
	if wrong != "" {
		s.problems = append(s.problems, fmt.Sprintf("BLOCK %s: id %q, %d bytes: %s", e.key, id, len(body), wrong))
		azure(w, http.StatusBadRequest, wrong)
		return
	}
	e.blocks[id] = body
	created(w)
}

// copyBlock is Put Block From URL.
func (s storage) copyBlock(w http.ResponseWriter, r *http.Request, e *entry, body []byte) {
	u, err := url.Parse(r.Header.Get("X-Ms-Copy-Source"))
	if err != nil {
		azure(w, http.StatusBadRequest, "InvalidHeaderValue")
		return
	}
	source, ok := s.verify(u, false)
	var first, last int
	_, err = fmt.Sscanf(r.Header.Get("X-Ms-Source-Range"), "bytes=%d-%d", &first, &last)
	s.mu.Lock()
	refuses := s.noCopies
	var content []byte
	if ok {
		content = source.content
	}
	s.mu.Unlock()
	switch {
	case refuses:
		azure(w, http.StatusBadRequest, "UnsupportedHeader")
	case !ok:
		azure(w, http.StatusForbidden, "CannotVerifyCopySource")
	case content == nil:
		azure(w, http.StatusNotFound, "CannotVerifyCopySource")
	case err != nil || first < 0 || last < first || last >= len(content):
		azure(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
	default:
		s.putBlock(w, r, e, slices.Clone(content[first:last+1]))
	}
}

func (s storage) putList(w http.ResponseWriter, r *http.Request, e *entry, body []byte) {
	var list struct {
		XMLName xml.Name `xml:"BlockList"`
		Items   []struct {
			XMLName xml.Name
			ID      string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(body, &list); err != nil {
		s.problem("LIST %s: %v", e.key, err)
		azure(w, http.StatusBadRequest, "InvalidXmlDocument")
		return
	}
	s.mu.Lock()
	var content []byte
	listed := map[string][]byte{}
	for _, item := range list.Items {
		id := strings.TrimSpace(item.ID)
		block, ok := e.blocks[id]
		if !ok { // "Latest" means this, too: a list can be sent twice
			block, ok = e.listed[id]
		}
		listed[id] = block
		if !ok || len(list.Items) > 50_000 {
			s.problems = append(s.problems, fmt.Sprintf("LIST %s: block %q is not there", e.key, item.ID))
			s.mu.Unlock()
			azure(w, http.StatusBadRequest, "InvalidBlockList")
			return
		}
		content = append(content, block...)
	}
	s.mu.Unlock()
	s.commit(w, e, content, listed)
}
