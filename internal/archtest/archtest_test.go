package archtest_test

import (
	"testing"

	"github.com/openpragma/engine/internal/archtest"
)

const root = "../.."

func load(t *testing.T) *archtest.Module {
	t.Helper()
	m, err := archtest.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModuleKeepsItsRules(t *testing.T) {
	m := load(t)
	rules := map[string][]archtest.Finding{
		"imports point down":           archtest.ImportsPointDown(m, archtest.Ranks()),
		"libraries are granted":        archtest.LibrariesAreGranted(m, archtest.Libraries()),
		"testing stays in tests":       archtest.TestingStaysInTests(m, archtest.Ranks()),
		"no init":                      archtest.NoInit(m),
		"package variables are fixed":  archtest.VariablesAreConstant(m),
		"exported names have comments": archtest.ExportedIsDocumented(m),
		"packages have comments":       archtest.PackagesAreDocumented(m),
	}
	for name, findings := range rules {
		t.Run(name, func(t *testing.T) {
			for _, f := range findings {
				t.Error(f)
			}
		})
	}
}

// TestSizes prints the report of make sizes. Sizes are aims, so it fails on
// nothing but a module it cannot read.
func TestSizes(t *testing.T) {
	t.Log("\n" + archtest.Measure(load(t)).String())
}
