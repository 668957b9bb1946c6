// Package toolbox knows the tools of a request of the Responses API under the
// names that chat completions can give them.
//
// Chat completions have functions alone, in one flat list. The Responses API has
// functions and custom tools, which take any text, and both may stand in
// namespaces. A Box gives each of them a flat name that no other has, and tells,
// when a model calls that name, which tool is meant. Tools that the provider of
// the Responses API would run itself are in no Box: they are reported.
//
// Start with Box. It is filled before it is used, and may then be read by any
// number of goroutines.
package toolbox
