// Package responses is the mock's side of OpenAI's Responses API: it reads bodies as
// strictly as the real one, remembers what it answered, and spells an answer as a
// response or as the whole choreography of its events.
//
// What is answered, and which fault befalls it, is the business of package mock. Start
// with Memory.Begin, then Turn.
package responses
