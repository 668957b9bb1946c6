// Package upstream is a model provider that does nothing, as cheaply as it can,
// so that it is never what limits a measurement.
//
// It speaks as much of OpenAI's API as a gateway needs: POST to
// /v1/chat/completions, which answers a small JSON body, or, if the request says
// "stream": true, chunks at a steady pace and [DONE]; GET /v1/models; GET
// /stats, which tells what it has seen, above all when it saw a client leave;
// and GET /options, which gives it other options.
// All answers are built before the first request; one goroutine serves all
// connections, and nothing is allocated for a request. TLS is a front that
// decrypts before it: its cost is not the target's, which is the one measured.
//
// internal/mock is the upstream for trying faults against; this one has none.
//
// Start with Server.Run.
package upstream
