package testkit

import (
	"bytes"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/passwords"
	"latchkey/server"
)

// SecretKey is the SECRET_KEY of every App.
const SecretKey = "a secret key for tests which protects nothing at all"

// App is the whole service, which listens on a port of its own and uses a clock that the test advances.
type App struct {
	URL      string
	Addr     string
	DB       *gorm.DB
	Hasher   *passwords.Pool
	Clock    *Clock
	Log      *Log
	Server   *server.Server
	Settings config.Settings
}

// EachApp runs a test against the service on SQLite and on PostgreSQL. Settings are NAME=value.
func EachApp(t *testing.T, run func(t *testing.T, app *App), settings ...string) {
	t.Helper()
	EachDB(t, func(t *testing.T, db *gorm.DB) { run(t, NewApp(t, db, settings...)) })
}

// NewApp starts an App on db, which serves until the test ends. Settings are NAME=value; rate limits are off unless they turn
// them on.
func NewApp(t testing.TB, db *gorm.DB, settings ...string) *App {
	t.Helper()
	return NewAppAt(t, db, NewClock(), settings...)
}

// NewAppAt is [NewApp] with a clock that other replicas may use too.
func NewAppAt(t testing.TB, db *gorm.DB, clock *Clock, settings ...string) *App {
	t.Helper()
	return start(t, &App{DB: db, Hasher: FastHasher(t), Clock: clock, Settings: load(t, settings)})
}

// NewHashingApp is [NewApp] with the hasher that the settings describe, which computes as many hashes at once as workers says.
func NewHashingApp(t testing.TB, db *gorm.DB, workers int, settings ...string) *App {
	t.Helper()
	loaded := load(t, settings)
	hasher, err := server.NewHasher(loaded, workers)
	require.NoError(t, err)
	t.Cleanup(hasher.Close)
	return start(t, &App{DB: db, Hasher: hasher, Clock: NewClock(), Settings: loaded})
}

func load(t testing.TB, settings []string) config.Settings {
	t.Helper()
	fixed := []string{"SECRET_KEY=" + SecretKey, "JWT_EXPIRATION_JITTER=0", "RATE_LIMITS=off", "REQUEST_TIMEOUT=2m"}
	loaded, err := config.Load(append(fixed, settings...), t.TempDir())
	require.NoError(t, err)
	return loaded
}

func start(t testing.TB, app *App) *App {
	t.Helper()
	app.Log = &Log{}
	log := slog.New(slog.NewJSONHandler(app.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	wired, err := server.New(t.Context(), app.Settings,
		server.Resources{DB: app.DB, Hasher: app.Hasher, Log: log, Now: app.Clock.Now})
	require.NoError(t, err)
	app.Server = wired
	t.Cleanup(func() { require.NoError(t, app.Server.Close()) })
	app.serve(t, log)
	return app
}

func (a *App) serve(t testing.TB, log *slog.Logger) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a.Addr = listener.Addr().String()
	a.URL = "http://" + a.Addr
	listening := server.NewHTTPServer(a.Server.Engine, log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = listening.Serve(listener)
	}()
	t.Cleanup(func() {
		require.NoError(t, listening.Close())
		<-done
	})
}

// DoJobs runs the jobs that are due now, except for the hourly cleanups.
func (a *App) DoJobs(t testing.TB) {
	t.Helper()
	require.NoError(t, a.Server.Jobs.Drain(t.Context(), a.Server.Work))
}

// CleanUp runs one of the hourly cleanups now, by its name.
func (a *App) CleanUp(t testing.TB, name string) {
	t.Helper()
	require.NoError(t, a.Server.Work.Cleanups[name](t.Context()))
}

// Log collects what the service logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the log.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String returns everything that was logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
