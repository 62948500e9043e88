package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/usage"
)

// serverTLS is the configuration of https; nil for http. Certificates are read again when their
// files change, so that renewing one needs no restart.
func serverTLS(c config.ProxyConfig, s settings.Settings) (*tls.Config, error) {
	if c.TLSCert == "" {
		if s.ClientCA != "" {
			return nil, usage.Errorf("client-ca needs --tls-cert and --tls-key")
		}
		return nil, nil
	}
	files := &certFiles{cert: c.TLSCert, key: c.TLSKey}
	if _, err := files.get(nil); err != nil {
		return nil, usage.Errorf("--tls-cert: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get, NextProtos: []string{"h2", "http/1.1"}}
	if s.ClientCA == "" {
		return t, nil
	}
	data, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return nil, usage.Errorf("client-ca: %w", err)
	}
	t.ClientCAs = x509.NewCertPool()
	if !t.ClientCAs.AppendCertsFromPEM(data) {
		return nil, usage.Errorf("client-ca: no certificate in %s", s.ClientCA)
	}
	t.ClientAuth = tls.VerifyClientCertIfGiven
	return t, nil
}

// certFiles is a certificate in files.
type certFiles struct {
	cert, key string

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // of the file of the certificate, when it was read
	looked  time.Time
}

// lookEvery is how often the files are looked at.
const lookEvery = 10 * time.Second

func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil && time.Since(f.looked) < lookEvery {
		return f.current, nil
	}
	f.looked = time.Now()
	st, err := os.Stat(f.cert)
	if err == nil && (f.current == nil || !st.ModTime().Equal(f.changed)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(f.cert, f.key); err == nil {
			f.current, f.changed = &pair, st.ModTime()
		}
	}
	if f.current == nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return f.current, nil // the old one, while the new one is being written
}
