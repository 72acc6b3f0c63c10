package migration

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

const (
	python       = "/usr/bin/python3" // Debian's, which finds Debian's packages
	djangoSecret = "django-insecure-r0^7=u*x4t)kz3vy8s1m(q9w&e2d5h6j#a-n$b_c"
)

// seeded is a user of the Django project, as its command seed prints it.
type seeded struct {
	ID        int64
	Email     string
	Password  string
	Hash      string
	Active    bool
	Superuser bool
	Refresh   string
	Access    string
	DRF       string
}

// project is the Django project, on a database of its own.
type project struct {
	database string
	environ  []string
}

// newProject returns a project with a migrated database. Without Django the test skips, or fails under
// TEST_REQUIRE_SERVICES=1.
func newProject(t *testing.T) project {
	t.Helper()
	const modules = "import django, rest_framework, rest_framework_simplejwt, djoser, psycopg2, argon2, bcrypt, jwt"
	if out, err := exec.Command(python, "-c", modules).CombinedOutput(); err != nil {
		const remedy = "install Debian's python3-django, python3-djangorestframework, python3-djangorestframework-simplejwt, " +
			"python3-djoser, python3-jwt, python3-psycopg2, python3-argon2 and python3-bcrypt"
		if os.Getenv("TEST_REQUIRE_SERVICES") == "1" {
			t.Fatalf("Django is required: %s: %s", out, remedy)
		}
		t.Skipf("not compared with Django: %s", remedy)
	}
	database, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	p := projectOn(t, database)
	p.manage(t, "migrate", "--verbosity=0")
	return p
}

// projectOn is the project on a database that has its tables.
func projectOn(t *testing.T, database string) project {
	t.Helper()
	address, err := url.Parse(database)
	require.NoError(t, err)
	password, _ := address.User.Password()
	return project{database: database, environ: []string{
		"PATH=/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1", "DJANGO_SECRET_KEY=" + djangoSecret,
		"PGHOST=" + address.Hostname(), "PGPORT=" + address.Port(), "PGUSER=" + address.User.Username(),
		"PGPASSWORD=" + password, "PGDATABASE=" + address.Path[1:],
	}}
}

// copy is the project on a copy of its database, which nobody may be connected to.
func (p project) copy(t *testing.T, name string) project {
	t.Helper()
	cluster := testkit.Cluster(t)
	db, err := sql.Open("pgx", cluster.URL("postgres"))
	require.NoError(t, err)
	defer db.Close()
	original, err := url.Parse(p.database)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+original.Path[1:])
	require.NoError(t, err)
	return projectOn(t, cluster.URL(name))
}

func (p project) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, python, append([]string{"-W", "ignore", "manage.py"}, args...)...)
	command.Env = p.environ
	command.Stderr = os.Stderr
	return command
}

// manage runs a management command and returns its output.
func (p project) manage(t *testing.T, args ...string) []byte {
	t.Helper()
	printed, err := p.command(t.Context(), args...).Output()
	require.NoError(t, err, "manage.py %v", args)
	return printed
}

func (p project) seed(t *testing.T) []seeded {
	t.Helper()
	var users []seeded
	require.NoError(t, json.Unmarshal(p.manage(t, "seed"), &users))
	return users
}

// change deactivates one user and deletes another.
func (p project) change(t *testing.T, inactive, deleted string) {
	t.Helper()
	db, err := sql.Open("pgx", p.database)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "UPDATE users_user SET is_active = false WHERE email = $1", inactive)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "DELETE FROM users_user WHERE email = $1", deleted)
	require.NoError(t, err)
}

// serve runs Django's server until the test ends, and returns its URL.
func (p project) serve(t *testing.T) string {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.Port(t)))
	server := p.command(context.Background(), "runserver", "--noreload", address)
	server.Stderr = nil // its log of requests
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	base := "http://" + address
	require.Eventually(t, func() bool {
		answer, err := http.Get(fmt.Sprintf("%s/user/update/", base))
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil
	}, time.Minute, 50*time.Millisecond, "Django serves")
	return base
}
