package envelope

import "github.com/fairleadhq/fairlead"

// Messages reads the envelope of a body for Anthropic's messages and checks
// the members that the service acts on: model, messages, stream, max_tokens and
// tools. All but messages may be left out or null. Errors are those of Chat.
func Messages(body []byte) (fairlead.Envelope, error) {
	scan := newBodyScan(body)
	if err := scan.read(scan.messagesMember); err != nil {
		return fairlead.Envelope{}, err
	}
	return scan.chat()
}

// CountTokens is Messages for a question for the size of a prompt, whose
// answer is no stream and has no length.
func CountTokens(body []byte) (fairlead.Envelope, error) {
	env, err := Messages(body)
	env.Stream, env.MaxTokens = false, 0
	return env, err
}

func (s *bodyScan) messagesMember(name []byte) error {
	switch string(name) {
	case "messages", "model", "stream", "max_tokens", "tools":
		return s.chatMember(name)
	}
	s.noteNested()
	return nil
}
