// Package torture owns the tests that break what the service stands on: they kill, freeze, cut and fill its database, its disk,
// its network and its own processes while clients use it, and then hold what clients were told against what is stored. Each row of
// the table in docs/operating.md is a test here, or names the test elsewhere that proves it.
//
// Cheap rows run with all other tests, at a small scale. With the build tag torture, as `make torture` sets it, every row runs at
// its full scale and writes a line with its figures.
package torture
