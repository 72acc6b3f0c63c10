// Package deploy_test holds what the folder deploy contains against the program: its settings, its metrics and the programs
// that read these files.
package deploy_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Run(m)) }

// repository returns the path of a file of the project.
func repository(path ...string) string {
	return filepath.Join(append([]string{testkit.Sources}, path...)...)
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(repository(path...))
	require.NoError(t, err)
	return string(content)
}

// metrics are the labels of each metric, by the metric's name.
type metrics map[string][]string

var descPattern = regexp.MustCompile(`^Desc\{fqName: "([^"]+)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}\}$`)

// registered returns the metrics of a service that uses everything that has metrics.
func registered(t *testing.T) metrics {
	t.Helper()
	app := testkit.NewApp(t, testkit.SQLite(t), "RATE_LIMITS=on", "REDIS_URL=redis://127.0.0.1:1")
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		app.Server.Metrics.Describe(descriptions)
	}()
	found := metrics{}
	for description := range descriptions {
		parts := descPattern.FindStringSubmatch(description.String())
		require.NotNil(t, parts, description.String())
		var labels []string
		for label := range strings.SplitSeq(parts[2]+","+parts[3], ",") {
			if name, _, _ := strings.Cut(label, "="); name != "" {
				labels = append(labels, name)
			}
		}
		found[parts[1]] = labels
	}
	require.Contains(t, found, "latchkey_rate_limit_redis_up")
	return found
}

// labelsOf returns the labels of a metric as Prometheus stores it, and whether there is such a metric.
func (m metrics) labelsOf(name string) ([]string, bool) {
	added := []string{"job", "instance"} // by the scrape
	if name == "up" {
		return added, true
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} { // of histograms
		if base, cut := strings.CutSuffix(name, suffix); cut && strings.HasSuffix(base, "_seconds") {
			name, added = base, append(added, "le")
		}
	}
	labels, known := m[name]
	return append(added, labels...), known
}

var (
	stringLiteral = regexp.MustCompile(`"(\\.|[^"\\])*"|'(\\.|[^'\\])*'`)
	duration      = regexp.MustCompile(`\[[^]]*\]|offset \w+`)
	grouping      = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	selector      = regexp.MustCompile(`\b([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(\s*\()?`)
	labelName     = regexp.MustCompile(`[a-zA-Z_]\w*`)
)

// unknownNames returns the metrics and labels in a PromQL expression that the service does not have.
func (m metrics) unknownNames(expression string) (unknown []string) {
	text := duration.ReplaceAllString(stringLiteral.ReplaceAllString(expression, ""), "")
	var all []string // labels of the metrics in the expression
	for _, found := range selector.FindAllStringSubmatch(grouping.ReplaceAllString(text, ""), -1) {
		name, matchers, isFunction := found[1], found[2], found[3] != ""
		if isFunction || slices.Contains([]string{"and", "or", "unless", "bool"}, name) {
			continue
		}
		labels, known := m.labelsOf(name)
		if !known {
			unknown = append(unknown, name)
			continue
		}
		all = append(all, labels...)
		for _, label := range labelName.FindAllString(matchers, -1) {
			if !slices.Contains(labels, label) {
				unknown = append(unknown, name+"{"+label+"}")
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(text, -1) {
		for _, label := range labelName.FindAllString(group[1], -1) {
			if !slices.Contains(all, label) {
				unknown = append(unknown, "by "+label)
			}
		}
	}
	return unknown
}

// expressions returns every string under one of these keys, at any depth of a decoded document.
func expressions(document any, keys ...string) (found []string) {
	switch value := document.(type) {
	case map[string]any:
		for key, inner := range value {
			if text, isText := inner.(string); isText && slices.Contains(keys, key) {
				found = append(found, text)
			}
			found = append(found, expressions(inner, keys...)...)
		}
	case []any:
		for _, inner := range value {
			found = append(found, expressions(inner, keys...)...)
		}
	}
	return found
}

func TestAlerts_AndDashboardUseMetricsOfTheService(t *testing.T) {
	t.Parallel()
	known := registered(t)
	var alerts, dashboard any
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy", "alerts.yaml")), &alerts))
	require.NoError(t, json.Unmarshal([]byte(read(t, "deploy", "grafana.json")), &dashboard))
	for file, found := range map[string][]string{
		"alerts.yaml": expressions(alerts, "expr"), "grafana.json": expressions(dashboard, "expr"),
	} {
		require.Greater(t, len(found), 10, file)
		for _, expression := range found {
			require.Empty(t, known.unknownNames(expression), "%s: %s", file, expression)
		}
	}
	for _, query := range expressions(dashboard, "definition") {
		metric := strings.Split(strings.TrimPrefix(query, "label_values("), ",")[0]
		require.Contains(t, known, metric, query)
	}
}

func TestUnknownNames_FindsEachMistake(t *testing.T) {
	t.Parallel()
	known := metrics{"a_total": {"kind"}, "b_seconds": {"route", "status"}, "c": nil}
	for expression, want := range map[string]string{
		`sum(rate(d_total[5m])) > 1`:                             "d_total",
		`a_total{knd="x"}`:                                       "a_total{knd}",
		`sum by (le) (rate(a_total[5m]))`:                        "by le",
		`sum(c) / on (route) sum(a_total)`:                       "by route",
		`b_seconds_bucket{kind="b_seconds"} > 3`:                 "b_seconds_bucket{kind}",
		`a_total_count > 1`:                                      "a_total_count",
		`max(c) > max(d offset 1h)`:                              "d",
		`absent(up{status="x"})`:                                 "up{status}",
		`c unless on (instance) c_up == 1`:                       "c_up",
		`time() - max(x_timestamp_seconds{job="$job"}) > 10 * 5`: "x_timestamp_seconds",
	} {
		require.Equal(t, []string{want}, known.unknownNames(expression), expression)
	}
	for _, expression := range []string{
		`histogram_quantile(0.99, sum by (le, route) (rate(b_seconds_bucket{route!~"/a{b}",job="x"}[$__rate_interval]))) > 0.25`,
		`sum(increase(a_total{kind="d_total"}[1h])) > 5 * sum(c{instance='x'} offset 1h)`,
		`absent(up{job="latchkey"}) or c == 1e3`,
	} {
		require.Empty(t, known.unknownNames(expression), expression)
	}
}

// promtool comes with Prometheus, which is too much to install for this alone: where it is missing, the test above has to do.
func TestAlerts_ParseInPrometheus(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	output, err := exec.CommandContext(t.Context(), promtool, "check", "rules", repository("deploy", "alerts.yaml")).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

var metricInPage = regexp.MustCompile("`((?:latchkey|go|process)_[a-z_]*…?)`")

// The page names each metric of ours, and no other. Those of the libraries it names by their beginning.
func TestMetrics_PageListsThemAll(t *testing.T) {
	t.Parallel()
	known := registered(t)
	listed := map[string]bool{}
	for _, found := range metricInPage.FindAllStringSubmatch(read(t, "docs", "metrics.md"), -1) {
		listed[found[1]] = true
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		family := strings.SplitAfter(name, "_")[0] + "…"
		if strings.HasPrefix(name, "go_sql_") {
			family = "go_sql_…"
		}
		require.True(t, listed[name] || listed[family] && !strings.HasPrefix(name, "latchkey_"), "docs/metrics.md lacks %s", name)
	}
	for name := range listed {
		if !strings.HasSuffix(name, "…") {
			require.Contains(t, known, name, "docs/metrics.md has a metric that does not exist")
		}
	}
}

func TestAlerts_PageSaysWhatToDoAboutEach(t *testing.T) {
	t.Parallel()
	var alerts any
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy", "alerts.yaml")), &alerts))
	_, page, _ := strings.Cut(read(t, "docs", "operating.md"), "## What to do about an alert")
	for _, alert := range expressions(alerts, "alert") {
		require.Contains(t, page, "`"+alert+"`")
	}
}
