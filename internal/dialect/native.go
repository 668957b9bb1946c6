package dialect

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// NativeHead is what the service itself knows of a native answer.
type NativeHead struct {
	RequestID, Model, Provider string
	// Cite, unless nil, makes the value of a member citations of the answer's text.
	Cite func(text string) []byte
}

// NativeAnswer returns the native body for a whole chat completion:
// {"success": true, "request_id", "model", "provider", "message", "content",
// "usage"}. message is that of the first choice, content its content and usage
// the completion's, each in the provider's own bytes, or null where there is
// none. An answer without a message is an error of Kind Upstream, code
// upstream_invalid_answer.
func NativeAnswer(chat []byte, h NativeHead) ([]byte, error) {
	var message, content, usage []byte
	s := jsonscan.NewScanner(chat)
	_, err := s.Object(func(name []byte) error {
		var err error
		switch {
		case string(name) == "choices" && s.Kind() == jsonscan.ArrayKind:
			message, content, err = firstMessage(s, chat)
		case string(name) == "usage":
			usage, err = raw(s, chat)
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil || message == nil {
		return nil, &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer has no message", Err: err,
		}
	}
	b := make([]byte, 0, len(message)+len(content)+len(usage)+256)
	b = appendMember(append(b, `{"success":true,`...), "request_id", h.RequestID)
	b = appendMember(append(b, ','), "model", h.Model)
	b = appendMember(append(b, ','), "provider", h.Provider)
	b = appendRaw(b, `,"message":`, message)
	b = appendRaw(b, `,"content":`, content)
	b = appendRaw(b, `,"usage":`, usage)
	if h.Cite != nil {
		text, _ := jsonscan.String(content) // none where the content is no string
		b = appendRaw(b, `,"citations":`, h.Cite(text))
	}
	return append(b, '}'), nil
}

func appendRaw(dst []byte, name string, value []byte) []byte {
	dst = append(dst, name...)
	if value == nil {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}

// firstMessage reads the choices and returns the first one's message and its
// content.
func firstMessage(s *jsonscan.Scanner, chat []byte) (message, content []byte, err error) {
	first := true
	_, err = s.Array(func() error {
		if !first || s.Kind() != jsonscan.ObjectKind {
			first = false
			return nil
		}
		first = false
		_, err := s.Object(func(name []byte) error {
			if string(name) != "message" || s.Kind() != jsonscan.ObjectKind {
				return nil
			}
			at, err := s.Object(func(name []byte) error {
				var err error
				if string(name) == "content" {
					content, err = raw(s, chat)
				}
				return err
			})
			message = chat[at.Start:at.End]
			return err
		})
		return err
	})
	return message, content, err
}

// raw reads the next value and returns its bytes.
func raw(s *jsonscan.Scanner, body []byte) ([]byte, error) {
	at, err := s.Skip()
	return body[at.Start:at.End], err
}

// appendMember appends "name":"value"; name needs no escaping.
func appendMember(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, '"'), name...), `":`...)
	return jsonscan.AppendString(dst, value)
}
