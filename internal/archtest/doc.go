// Package archtest holds the tests that keep the house plan true: who may import whom, what is banned where,
// how a package introduces itself, how long a file may grow, that every option is documented and
// that every attack of the immunity list has its test. It has no code that anything else uses.
package archtest
