// Package plantest tells of a store's statements which look at rows that they don't need:
// what an app waits for must not grow with what others have. Start with Run.
package plantest

import (
	"database/sql"
	"strings"
	"testing"
)

// Fits reports whether a step of a statement's plan, which scans a table or sorts, is as it
// should be.
type Fits func(statement, step string) bool

// Run asks SQLite how it would run the statements, which have names.
func Run(t *testing.T, db *sql.DB, statements map[string]string, fits Fits) {
	t.Helper()
	for name, statement := range statements {
		plan := Plan(t, db, statement)
		for _, step := range plan {
			if (strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE FOR ORDER BY")) && !fits(name, step) {
				t.Errorf("%s: %s\n%s", name, step, strings.Join(plan, "\n"))
			}
		}
	}
}

// Plan is how SQLite would run a statement.
func Plan(t *testing.T, db *sql.DB, statement string) (plan []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
	if err != nil {
		t.Fatalf("%v in %s", err, statement)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
