package localserver

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/internal/resp"
)

// RedisOptions: the zero value is a server without persistence of keys, with a
// configuration file that holds its users (no aclfile), over plain TCP.
type RedisOptions struct {
	Dir    string // where it lives; "": a temporary directory, removed by Stop
	Binary string // redis-server or valkey-server; "": from the PATH
	// TLS opens a second port with certificates of an authority made for this server.
	TLS bool
	// ClientCerts: the TLS port wants a client's certificate too.
	ClientCerts bool
	// ACLFile: users live in a file of their own, as ACL SAVE wants it.
	ACLFile bool
	// RequirePass is the password of the user default, who is then the only one.
	RequirePass string
	// NoConfig starts without a configuration file: nothing survives a restart.
	NoConfig bool
	// Settings are further lines: {"cluster-enabled": "yes"}.
	Settings map[string]string
}

// Redis is a running server with one user who may do everything: "admin", or, with
// RequirePass, "default". With an admin, default cannot log in.
type Redis struct {
	server
	Port, TLSPort  int // TLSPort: 0 without TLS
	User, Password string
	Certs          *Certs // nil without TLS

	options RedisOptions
	binary  string
}

// StartRedis returns when commands work.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	binary := o.Binary
	if binary == "" {
		var ok bool
		if binary, ok = findProgram("redis-server", "valkey-server"); !ok {
			return nil, &MissingError{"Redis", "no redis-server on the PATH (Debian: redis-server)"}
		}
	}
	room, err := newRoom(o.Dir, "redis", true)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	r := &Redis{server: server{room: room}, User: "admin", Password: randomSecret(), options: o, binary: binary}
	if o.RequirePass != "" {
		r.User, r.Password = "default", o.RequirePass
	}
	if _, err = room.mkdir("home"); err == nil && o.TLS {
		r.Certs, err = makeCerts(room)
	}
	if err == nil {
		err = onFreePort(func(port int) error { return r.begin(ctx, port) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redis: %w", err), r.Stop())
	}
	return r, nil
}

// begin writes the files and starts the server for the first time.
func (r *Redis) begin(ctx context.Context, port int) (err error) {
	r.Port = port
	if r.options.TLS {
		if r.TLSPort, err = freePort(); err != nil {
			return err
		}
	}
	if !r.options.NoConfig {
		if _, err := r.room.write("home/redis.conf", r.configuration()); err != nil {
			return err
		}
	}
	if r.options.ACLFile {
		if _, err := r.room.write("home/users.acl", strings.Join(r.users(), "\n")+"\n"); err != nil {
			return err
		}
	}
	if err := r.run(ctx); err != nil || !r.options.NoConfig {
		return err
	}
	return r.introduce(ctx)
}

// settings are all lines of the configuration but the users.
func (r *Redis) settings() map[string]string {
	out := map[string]string{
		"port": strconv.Itoa(r.Port), "bind": "127.0.0.1", "dir": r.room.path("home"),
		"save": `""`, "appendonly": "no", "daemonize": "no", "loglevel": "verbose",
	}
	if r.options.ACLFile {
		out["aclfile"] = r.room.path("home/users.acl")
	}
	if r.options.TLS {
		maps.Copy(out, map[string]string{
			"tls-port": strconv.Itoa(r.TLSPort), "tls-auth-clients": "no", "tls-ca-cert-file": r.Certs.CA,
			"tls-cert-file": r.Certs.Server, "tls-key-file": r.Certs.ServerKey,
		})
		if r.options.ClientCerts {
			out["tls-auth-clients"] = "yes"
		}
	}
	maps.Copy(out, r.options.Settings)
	return out
}

// users are the lines of an aclfile. The password stands there as its hash.
func (r *Redis) users() []string {
	all := "user " + r.User + " on #" + sha256Hex(r.Password) + " ~* &* +@all"
	if r.User == "default" {
		return []string{all}
	}
	return []string{all, "user default off resetpass -@all"}
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (r *Redis) configuration() string {
	var b strings.Builder
	settings := r.settings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s %s\n", name, settings[name])
	}
	switch {
	case r.options.ACLFile:
	case r.options.RequirePass != "":
		fmt.Fprintf(&b, "requirepass %q\n", r.options.RequirePass)
	default:
		b.WriteString(strings.Join(r.users(), "\n") + "\n")
	}
	return b.String()
}

func (r *Redis) run(ctx context.Context) error {
	args := []string{r.room.path("home/redis.conf")}
	if r.options.NoConfig {
		args = nil
		for name, value := range r.settings() {
			args = append(args, "--"+name, strings.Trim(value, `"`))
		}
	}
	proc, err := start(command{
		path: r.binary, args: args, env: cleanEnv(r.room.dir), dir: r.room.path("home"), logPath: r.room.path("redis.log"),
		runAs: r.room.runAs, stop: syscall.SIGTERM, orphan: syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	r.proc = proc
	return proc.waitReady(ctx, r.ready)
}

// ready: the server answers, be it that it wants a login.
func (r *Redis) ready(ctx context.Context) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Do(ctx, "PING")
	if refusal := (*resp.Error)(nil); errors.As(err, &refusal) && refusal.Code == "NOAUTH" {
		return nil
	}
	return err
}

func (r *Redis) dial(ctx context.Context) (*resp.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return nil, err
	}
	return resp.New(c), nil
}

// introduce makes the user of a server without files.
func (r *Redis) introduce(ctx context.Context) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, line := range r.users() {
		if _, err := conn.Do(ctx, append([]string{"ACL", "SETUSER"}, strings.Fields(line)[1:]...)...); err != nil {
			return err
		}
	}
	return nil
}

// Restart ends the server in good order and starts it again at the same port, with what
// its files hold by now.
func (r *Redis) Restart(ctx context.Context) error {
	if err := r.proc.end(); err != nil {
		return err
	}
	return r.run(ctx)
}

// Addr is host:port of the plain port.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port)) }

// TLSAddr is host:port of the TLS port.
func (r *Redis) TLSAddr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.TLSPort)) }

// URL is redis://user:password@host:port; without a user it is the admin's. With TLS it
// is rediss:// and the TLS port.
func (r *Redis) URL(user, password string) string {
	if user == "" {
		user, password = r.User, r.Password
	}
	u := url.URL{Scheme: "redis", User: url.UserPassword(user, password), Host: r.Addr()}
	if r.options.TLS {
		u.Scheme, u.Host = "rediss", r.TLSAddr()
	}
	return u.String()
}

// Path is a file in the server's directory: "redis.conf" or "users.acl".
func (r *Redis) Path(name string) string { return r.room.path("home/" + name) }

// Do runs one command as the admin, over the plain port.
func (r *Redis) Do(ctx context.Context, args ...string) (any, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Do(ctx, "AUTH", r.User, r.Password); err != nil {
		return nil, err
	}
	return conn.Do(ctx, args...)
}

// TLSConfig trusts the server's authority and brings the client's certificate.
func (r *Redis) TLSConfig() *tls.Config { return r.Certs.config.Clone() }
