//go:build pins

// Package pins keeps modules in go.mod until the rooms that use them are written.
package pins

import (
	_ "charm.land/lipgloss/v2"
	_ "github.com/adhocore/gronx"
	_ "github.com/cenkalti/backoff/v5"
	_ "github.com/coreos/go-systemd/v22/daemon"
	_ "github.com/goccy/go-yaml"
	_ "github.com/google/renameio/v2"
	_ "github.com/invopop/jsonschema"
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/openbao/openbao/api/v2"
	_ "github.com/pressly/goose/v3"
	_ "github.com/prometheus/client_golang/api/prometheus/v1"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/santhosh-tekuri/jsonschema/v6"
	_ "github.com/spf13/cobra"
	_ "github.com/spf13/cobra/doc"
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "github.com/tink-crypto/tink-go/v2/prf"
	_ "github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	_ "go.uber.org/goleak"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
)
