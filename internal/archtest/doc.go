// Package archtest holds the shape of the house. Its test reads imports.txt,
// which says who may import whom, and the source of the whole module, and
// fails when the two disagree, or when a file or a package breaks one of the
// few rules of form: how long a file and a package may be, that a package says what it is
// for, that nothing runs before main.
//
// A failure says what to do. Changing imports.txt is allowed: it is how the
// shape changes, in the open. There is no code here but the test.
package archtest
