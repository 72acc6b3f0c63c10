package deploy_test

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// setLiterals adds the NAME=value of a kustomization to an environment.
func setLiterals(t *testing.T, into environment, kustomization map[string]any) {
	t.Helper()
	for _, literal := range at(t, kustomization, "configMapGenerator", 0, "literals").([]any) {
		name, value, isSet := strings.Cut(literal.(string), "=")
		require.True(t, isSet, literal)
		into[name] = value
	}
}

func TestKubernetes_GivesTheProgramSettingsThatItKnows(t *testing.T) {
	t.Parallel()
	files := documents(t)
	for _, file := range []string{"deployment.yaml", "migrate.yaml"} {
		given := environment{}
		for _, variable := range at(t, files["kubernetes/base/"+file], "spec", "template", "spec", "containers", 0, "env").([]any) {
			given[at(t, variable, "name").(string)] = at(t, variable, "value").(string)
		}
		require.Contains(t, given, "DATABASE_URL_FILE", file)
		setLiterals(t, given, files["kubernetes/base/kustomization.yaml"])
		given.requireValid(t)
		setLiterals(t, given, files["kubernetes/example/kustomization.yaml"])
		given.requireValid(t)
	}
}

func TestKubernetes_PodsAreRestrictedAndHaveTimeToStop(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"deployment.yaml", "migrate.yaml"} {
		pod := at(t, documents(t)["kubernetes/base/"+file], "spec", "template", "spec")
		container := at(t, pod, "containers", 0, "securityContext")
		require.Equal(t, true, at(t, pod, "securityContext", "runAsNonRoot"), file)
		require.Equal(t, "RuntimeDefault", at(t, pod, "securityContext", "seccompProfile", "type"), file)
		require.Equal(t, false, at(t, container, "allowPrivilegeEscalation"), file)
		require.Equal(t, true, at(t, container, "readOnlyRootFilesystem"), file)
		require.Equal(t, []any{"ALL"}, at(t, container, "capabilities", "drop"), file)
		require.Equal(t, false, at(t, pod, "enableServiceLinks"), file)
	}
	pod := at(t, documents(t)["kubernetes/base/deployment.yaml"], "spec", "template", "spec")
	require.Greater(t, at(t, pod, "terminationGracePeriodSeconds"), uint64(stopping(t).Seconds()))
}

// The runtime has to collect garbage before the kernel kills the process for its memory.
func TestKubernetes_MemoryOfTheRuntimeIsBelowTheLimit(t *testing.T) {
	t.Parallel()
	container := at(t, documents(t)["kubernetes/base/deployment.yaml"], "spec", "template", "spec", "containers", 0)
	limit := strings.TrimSuffix(at(t, container, "resources", "limits", "memory").(string), "Mi")
	require.Contains(t, read(t, "deploy", "kubernetes", "base", "deployment.yaml"), "GOMEMLIMIT, value: "+memoryOfTheRuntime(t, limit)+"}")
}

func TestCompose_MemoryOfTheRuntimeIsBelowTheLimit(t *testing.T) {
	t.Parallel()
	service := at(t, compose(t), "services", "latchkey")
	limit := strings.TrimSuffix(at(t, service, "mem_limit").(string), "m")
	require.Equal(t, memoryOfTheRuntime(t, limit), at(t, service, "environment", "GOMEMLIMIT"))
}

// memoryOfTheRuntime returns the GOMEMLIMIT for a container that may use this many MiB.
func memoryOfTheRuntime(t *testing.T, limit string) string {
	t.Helper()
	mebibytes, err := strconv.Atoi(limit)
	require.NoError(t, err)
	require.GreaterOrEqual(t, mebibytes, 128)
	return strconv.Itoa(mebibytes*9/10) + "MiB"
}

// Debian's kubectl is too old for these files, so that CI can't install one that is not there.
func TestKubernetes_Builds(t *testing.T) {
	t.Parallel()
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed")
	}
	for folder, want := range map[string]int{"kubernetes": 6, "kubernetes/example": 8} {
		output, err := exec.CommandContext(t.Context(), kubectl, "kustomize", repository("deploy", folder)).Output()
		require.NoError(t, err, folder)
		objects := strings.Split(string(output), "\n---\n")
		require.Len(t, objects, want, folder)
		for _, text := range objects {
			var object map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(text), &object))
			if at(t, object, "kind") != "Namespace" && at(t, object, "kind") != "Ingress" {
				require.Equal(t, "latchkey", at(t, object, "metadata", "labels", "app.kubernetes.io/name"))
			}
		}
	}
}
