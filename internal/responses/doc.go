// Package responses keeps the answers of the Responses API, so that a client can
// name one and go on from it, read it again, or have it made while it is away.
//
// The idea: a Turn goes along with one call. Keeper.Begin makes it from the request,
// finds the conversation that the request continues, and says how the request goes
// upstream. Turn.Watch stands in the way of the answer and reads the few events that
// tell its id and its end: a row is written before the client sees the id, and the
// whole response before the client sees its end, so that whatever a client has read
// of an answer, it can be asked for. Between the two nothing is decoded. Turn.Close
// settles what did not end well.
//
// Whoever made an answer may keep it too: a provider that speaks the Responses API.
// Then its id is kept as it is, and the conversation goes on there. All others are
// continued by the items of the conversation so far.
//
// What is not to be stored lives, if anywhere, in the Session of its connection.
//
// Start with Keeper.Begin, then Turn.Watch.
package responses
