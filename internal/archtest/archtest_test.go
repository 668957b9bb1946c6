package archtest

import (
	"os"
	"slices"
	"testing"
)

// TestHouse holds the module's own source to the rules.
func TestHouse(t *testing.T) {
	house, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{".", "internal/archtest"} {
		if !slices.ContainsFunc(house.packages, func(p sourcePackage) bool { return p.dir == dir }) {
			t.Fatalf("did not find the package in %s: the test is not reading the module", dir)
		}
	}
	text, err := os.ReadFile("imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	rules, problems := parseLattice(string(text))
	report(t, problems)
	report(t, checkImports(rules, house))
	report(t, checkUnused(rules, house))
	report(t, checkSize(house))
	report(t, checkPackageSize(house, exceptions()))
	report(t, checkComments(house))
	report(t, checkInit(house))
	report(t, checkNames(house))
	report(t, checkRoot(house))
}

func report(t *testing.T, problems []string) {
	t.Helper()
	for _, problem := range problems {
		t.Error(problem)
	}
}
